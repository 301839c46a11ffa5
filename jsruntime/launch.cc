#include "jsruntime/launch.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/file.h"
#include "base/layout.h"

namespace zts::js {

std::vector<std::string> ParseV8Flags(std::string_view text) {
  std::vector<std::string> flags;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (!line.empty() && line.front() != '#') flags.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return flags;
}

std::vector<std::string> HostEnvironmentToDrop() { return {"NODE_OPTIONS", "NODE_V8_COVERAGE", "NODE_COMPILE_CACHE"}; }

Result<std::vector<std::string>> HostCommand(std::string_view addon, std::vector<std::string> args) {
  ZTS_ASSIGN_OR_RETURN(std::string host, FindInstalled("zts-host"));
  ZTS_ASSIGN_OR_RETURN(const std::string flags_path, FindInstalled("v8_flags.txt"));
  ZTS_ASSIGN_OR_RETURN(const std::string flags, ReadFile(flags_path));
  std::string addon_path(addon);
  if (addon.find('/') == std::string_view::npos) {
    ZTS_ASSIGN_OR_RETURN(addon_path, FindInstalled(addon));
  }
  std::vector<std::string> command = {std::move(host)};
  std::vector<std::string> parsed = ParseV8Flags(flags);
  std::move(parsed.begin(), parsed.end(), std::back_inserter(command));
  command.push_back(std::move(addon_path));
  std::move(args.begin(), args.end(), std::back_inserter(command));
  return command;
}

}  // namespace zts::js
