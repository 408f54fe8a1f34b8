// The main of a fuzz target outside libFuzzer: runs it on every file of a corpus folder and on inputs of a fixed random sequence.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr int random_inputs = 1000;
constexpr std::size_t longest_random_input = 512;

int replay(const std::filesystem::path& corpus)
{
    int count = 0;
    if (!std::filesystem::is_directory(corpus))
        return count;
    for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
        std::ifstream file(entry.path(), std::ios::binary);
        std::vector<char> bytes { std::istreambuf_iterator<char>(file), {} };
        std::vector<std::uint8_t> input(bytes.size());
        std::transform(bytes.begin(), bytes.end(), input.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
        LLVMFuzzerTestOneInput(input.data(), input.size());
        ++count;
    }
    return count;
}

void run_random_inputs()
{
    std::mt19937 random(1964);
    for (int i = 0; i < random_inputs; ++i) {
        std::vector<std::uint8_t> input(random() % longest_random_input);
        std::generate(input.begin(), input.end(), [&] { return static_cast<std::uint8_t>(random()); });
        LLVMFuzzerTestOneInput(input.data(), input.size());
    }
}

} // namespace

int main(int argc, char** argv)
{
    const int replayed = argc > 1 ? replay(argv[1]) : 0;
    run_random_inputs();
    std::printf("%d inputs of the corpus and %d random ones\n", replayed, random_inputs);
    return 0;
}
