// Runs the benchmarks and ends with how the two engines compare: NAME/interpreter over NAME/translator.

#include <benchmark/benchmark.h>
#include <cstdio>
#include <fmt/format.h>
#include <map>
#include <string>

namespace {

class RatioReporter : public benchmark::ConsoleReporter {
public:
    void ReportRuns(const std::vector<Run>& runs) override
    {
        ConsoleReporter::ReportRuns(runs);
        for (const Run& run : runs)
            if (!run.error_occurred)
                m_times[run.benchmark_name()] = run.GetAdjustedCPUTime();
    }

    void print_ratios() const
    {
        constexpr std::string_view end = "/interpreter";
        for (const auto& [name, slow] : m_times) {
            if (!name.ends_with(end))
                continue;
            std::string loop = name.substr(0, name.size() - end.size());
            auto fast = m_times.find(loop + "/translator");
            if (fast != m_times.end())
                fmt::print("{:<32} interpreter / translator {:8.1f}\n", loop, slow / fast->second);
        }
    }

private:
    std::map<std::string, double> m_times;
};

} // namespace

int main(int argc, char** argv)
{
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return 1;
    RatioReporter reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    reporter.print_ratios();
}
