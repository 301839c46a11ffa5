#include "cli/node_imports.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace zts::cli {
namespace {

struct Absent {
  std::string_view name;
  std::string_view why;
};
constexpr std::string_view kNoFiles =
    "a function has no file system: reading fails with ENOENT. Import data into the bundle, or fetch() it";
constexpr std::string_view kNoSockets = "a function has no sockets: connecting fails. Make requests with fetch(), WebSocket or node:http";
constexpr std::string_view kNoProcesses = "a function has one thread and starts no process: what starts one throws";
constexpr Absent kAbsent[] = {
    {"fs", kNoFiles},           {"fs/promises", kNoFiles}, {"sqlite", kNoFiles},  {"net", kNoSockets},
    {"tls", kNoSockets},        {"dgram", kNoSockets},     {"http2", kNoSockets}, {"child_process", kNoProcesses},
    {"cluster", kNoProcesses},  {"worker_threads", kNoProcesses},
    {"vm", "a function cannot make code of text by it: what is called throws"},
};

const Absent* Find(std::string_view specifier) {
  constexpr std::string_view kScheme = "node:";
  if (specifier.starts_with(kScheme)) specifier.remove_prefix(kScheme.size());
  const auto is_it = [specifier](const Absent& each) { return each.name == specifier; };
  const auto found = std::find_if(std::begin(kAbsent), std::end(kAbsent), is_it);
  return found == std::end(kAbsent) ? nullptr : found;
}

// Whether what stands in front of a string makes it a module's name.
bool IsImported(std::string_view before) {
  while (!before.empty() && (before.back() == ' ' || before.back() == '(')) before.remove_suffix(1);
  return before.ends_with("from") || before.ends_with("import") || before.ends_with("require");
}

SourceError Warning(std::string_view file, std::string_view source, size_t at, std::string_view specifier, std::string_view why) {
  const size_t begin = at == 0 ? 0 : source.rfind('\n', at - 1) + 1;  // npos + 1 is 0
  const size_t end = std::min(source.find('\n', at), source.size());
  SourceError warning;
  warning.message = std::string(specifier) + ": " + std::string(why);
  warning.file = file;
  warning.line = static_cast<int>(std::count(source.begin(), source.begin() + static_cast<std::ptrdiff_t>(at), '\n')) + 1;
  warning.column = static_cast<int>(at - begin) + 1;
  warning.source_line = source.substr(begin, end - begin);
  return warning;
}

}  // namespace

std::vector<SourceError> WarnOfNodeImports(std::string_view file, std::string_view source) {
  constexpr size_t kSpecifierMax = 24;
  std::vector<SourceError> warnings;
  std::vector<std::string_view> named;
  for (size_t at = source.find_first_of("'\""); at != std::string_view::npos; at = source.find_first_of("'\"", at + 1)) {
    const size_t end = source.substr(0, std::min(source.size(), at + kSpecifierMax)).find(source[at], at + 1);
    if (end == std::string_view::npos) continue;
    const std::string_view specifier = source.substr(at + 1, end - at - 1);
    const Absent* absent = Find(specifier);
    if (absent == nullptr || !IsImported(source.substr(0, at))) continue;
    if (std::find(named.begin(), named.end(), absent->name) != named.end()) continue;
    named.push_back(absent->name);
    warnings.push_back(Warning(file, source, at, specifier, absent->why));
  }
  return warnings;
}

std::vector<SourceError> WarnOfNodeImports(const std::string& source_map) {
  const auto map = nlohmann::json::parse(source_map, nullptr, false);
  std::vector<SourceError> all;
  if (!map.is_object() || !map.contains("sources") || !map.contains("sourcesContent")) return all;
  const auto& names = map["sources"];
  const auto& contents = map["sourcesContent"];
  if (!names.is_array() || !contents.is_array()) return all;
  for (size_t i = 0; i < std::min(names.size(), contents.size()); ++i) {
    if (!names[i].is_string() || !contents[i].is_string()) continue;
    const std::string& name = names[i].get_ref<const std::string&>();
    if (name.find("node_modules/") != std::string::npos || name.starts_with("zts:")) continue;
    for (SourceError& warning : WarnOfNodeImports(name, contents[i].get_ref<const std::string&>())) all.push_back(std::move(warning));
  }
  return all;
}

}  // namespace zts::cli
