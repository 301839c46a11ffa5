// ztsctl: deploys functions and looks after them.
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "cli/app.h"

int main(int argc, char** argv) {
  using zts::cli::Console;
  const auto env = [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  };
  Console console(std::cout, std::cerr, {.out = ::isatty(STDOUT_FILENO) == 1, .err = ::isatty(STDERR_FILENO) == 1});
  const auto code = zts::cli::RunApp({argv + 1, argv + argc}, console, env);
  std::cout.flush();
  std::cerr.flush();
  // Whatever is left, threads of libraries too, ends with the process.
  std::_Exit(static_cast<int>(code));
}
