// zvisor-random-programs: random programs with the interpreter and with the translator, compared.
#include "campaign.h"

#include <CLI/CLI.hpp>
#include <csignal>

namespace {

std::atomic<bool> interrupted { false }; // a signal handler has no other way

} // namespace

int main(int argc, char** argv)
{
    using namespace zvisor::engines;
    Options options;
    CLI::App app { "Runs random programs with the interpreter and with the translator and compares what they leave",
        "zvisor-random-programs" };
    app.add_option("--count", options.count, "cases, each of one or some programs; 0: until interrupted")->capture_default_str();
    app.add_option("--seed", options.seed, "the first case; the others follow")->capture_default_str();
    app.add_option("--jobs", options.jobs, "threads")->capture_default_str()->check(CLI::Range(1, 64));
    app.add_option("--interval", options.interval, "seconds between lines of progress; 0: none")->capture_default_str();
    app.add_option("--differences", options.most_differences, "differences after which it ends")->capture_default_str();
    app.add_flag("--statistics", options.statistics, "count what is executed by translated code, on paths, and by handlers; takes time");
    app.add_flag("--beside", options.beside, "make code on threads beside those that execute it");
    CLI11_PARSE(app, argc, argv);
    std::signal(SIGINT, [](int) { interrupted = true; });
    std::signal(SIGTERM, [](int) { interrupted = true; });
    return Campaign(options).run(interrupted) ? 0 : 1;
}
