// zvisor-difftest: random instructions here and in qemu-s390x, compared.
#include "campaign.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <fmt/format.h>

int main(int argc, char** argv)
{
    using namespace zvisor::differential;
    Options options;
    options.known = ZVISOR_TESTS_DIR "/differential/known.txt";
    CLI::App app { "Executes random cases of every instruction here and in qemu-s390x and compares what they did", "zvisor-difftest" };
    app.add_option("--oracle", options.oracle, "the program oracle.c, compiled for s390x")->required();
    app.add_option("--emulator", options.emulator, "what runs it")->capture_default_str();
    app.add_option("--known", options.known, "the list of known differences")->capture_default_str();
    app.add_option("--rows", options.rows, "shell patterns over mnemonics")->capture_default_str();
    app.add_option("--count", options.count, "number of cases")->capture_default_str();
    app.add_option("--seed", options.seed, "another seed gives other cases")->capture_default_str();
    app.add_option("--jobs", options.jobs, "threads")->capture_default_str()->check(CLI::Range(1, 64));
    app.add_option("--show", options.show, "differences of a kind printed for each row")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    std::signal(SIGPIPE, SIG_IGN);

    auto known = KnownList::read(options.known);
    if (!known) {
        fmt::print(stderr, "difftest: {}\n", known.error().message);
        return 2;
    }
    Campaign campaign(options, *known);
    if (auto done = campaign.run(); !done) {
        fmt::print(stderr, "difftest: {}\n", done.error().message);
        return 2;
    }
    return campaign.report() ? 0 : 1;
}
