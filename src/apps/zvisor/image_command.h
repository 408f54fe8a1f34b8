#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace zvisor {

/// Adds `image debian` to the program's commands; when it is chosen, `action` becomes what runs it and gives the exit status.
void add_image_command(CLI::App& app, std::function<int()>& action);

} // namespace zvisor
