// The words a shell offers, read from the commands and options themselves.

#include "apps/zvisor/remote.h"

#include <cstdio>

namespace zvisor {

namespace {

/// Words that zvisor itself is asked for when they are wanted, so that names of what runs are offered; nothing for other types.
[[nodiscard]] std::string words_asked_for(const std::string& type)
{
    std::string_view command = type == partition_type ? "lpar" : type == machine_type ? "machine" : "";
    return command.empty() ? "" : fmt::format("$(\"${{COMP_WORDS[0]}}\" {} list --names 2> /dev/null)", command);
}

/// What bash completes a value with: files, the choices of a "{a,b}", names of what runs, or nothing.
[[nodiscard]] std::string values_of(const CLI::Option& option)
{
    std::string type = option.get_type_name();
    if (type == "FILE")
        return "-f";
    if (auto words = words_asked_for(type); !words.empty())
        return fmt::format("-W \"{}\"", words);
    if (!type.starts_with('{'))
        return "";
    std::string choices = type.substr(1, type.size() - 2);
    std::replace(choices.begin(), choices.end(), ',', ' ');
    return fmt::format("-W '{}'", choices);
}

[[nodiscard]] std::string names_of(const CLI::Option& option, std::string_view separator)
{
    std::string names;
    auto add = [&](std::string_view dashes, const std::string& name) {
        names += fmt::format("{}{}{}", names.empty() ? "" : separator, dashes, name);
    };
    for (const auto& name : option.get_lnames())
        add("--", name);
    for (const auto& name : option.get_snames())
        add("-", name);
    return names;
}

/// The lines for one command: what follows an option that takes a value, then every option and subcommand.
[[nodiscard]] std::string lines_of(const CLI::App& command, const std::string& path)
{
    std::string cases;
    std::string words;
    std::string others;
    for (const CLI::Option* option : command.get_options()) {
        std::string names = names_of(*option, " ");
        std::string values = values_of(*option);
        if (names.empty() && values == "-f")
            others = "-f";
        if (names.empty())
            words += " " + words_asked_for(option->get_type_name());
        if (!names.empty() && option->get_expected_max() > 0)
            cases += fmt::format("        '{}:'{}) complete_with {} ;;\n", path, names_of(*option, "|'" + path + ":'"), values);
        if (!names.empty())
            words += " " + names;
    }
    std::string deeper;
    for (const CLI::App* subcommand : command.get_subcommands({})) {
        words += " " + subcommand->get_name();
        deeper += lines_of(*subcommand, path + " " + subcommand->get_name());
    }
    return cases + fmt::format("        '{}:'*) complete_with -W \"{}\" {} ;;\n", path, words, others) + deeper;
}

/// Names of every command, for finding which one the words so far are in.
[[nodiscard]] std::string paths_of(const CLI::App& command, const std::string& path)
{
    std::string paths;
    for (const CLI::App* subcommand : command.get_subcommands({})) {
        std::string deeper = path + " " + subcommand->get_name();
        paths += "|'" + deeper + "'" + paths_of(*subcommand, deeper);
    }
    return paths;
}

constexpr const char* script = R"(# bash completion of {0}; made by `{0} completion bash`.
_{0}()
{{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} path={0} i
    for ((i = 1; i < COMP_CWORD; ++i)); do
        case "$path ${{COMP_WORDS[i]}}" in
        {1}) path+=" ${{COMP_WORDS[i]}}" ;;
        esac
    done
    complete_with() {{ [ $# = 0 ] || readarray -t COMPREPLY < <(compgen "$@" -- "$word"); }}
    case $path:$before in
{2}    esac
    unset -f complete_with
}}
complete -o filenames -F _{0} {0}
)";

int print_completion(const CLI::App& app)
{
    std::string paths = paths_of(app, app.get_name());
    fmt::print(fmt::runtime(script), app.get_name(), paths.substr(1), lines_of(app, app.get_name()));
    return ExitStatus::success;
}

} // namespace

void add_completion_command(CLI::App& app, Action& action)
{
    auto* command = app.add_subcommand("completion", "Print shell completion: source <(zvisor completion bash)");
    command->require_subcommand(1);
    command->add_subcommand("bash", "For bash")->callback([&] { action = [&app] { return print_completion(app); }; });
}

} // namespace zvisor
