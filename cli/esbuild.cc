#include "cli/esbuild.h"

#include <stdlib.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/file.h"
#include "cli/subprocess.h"

namespace zts::cli {
namespace {

constexpr std::string_view kBar = "\u2502";  // between line number and source line
constexpr std::string_view kErrorMark = "[ERROR] ";
constexpr std::string_view kWarningMark = "[WARNING] ";
constexpr std::string_view kUnresolved = "Could not resolve \"";

std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text = end == std::string_view::npos ? "" : text.substr(end + 1);
  return line;
}

std::string_view TrimLeft(std::string_view text) {
  const size_t start = text.find_first_not_of(' ');
  return start == std::string_view::npos ? "" : text.substr(start);
}

// "    path/to/a.ts:3:6:" with a column that counts from 0.
bool ReadPlace(std::string_view line, SourceError& error) {
  if (line.substr(0, 4) != "    " || line.size() < 5 || line.back() != ':') return false;
  std::string_view rest = TrimLeft(line);
  rest.remove_suffix(1);
  const size_t column_at = rest.rfind(':');
  if (column_at == std::string_view::npos || column_at == 0) return false;
  const size_t line_at = rest.rfind(':', column_at - 1);
  if (line_at == std::string_view::npos) return false;
  const auto column = ParseInteger<int>(rest.substr(column_at + 1));
  const auto number = ParseInteger<int>(rest.substr(line_at + 1, column_at - line_at - 1));
  if (!column || !number) return false;
  error.file = std::string(rest.substr(0, line_at));
  error.line = *number;
  error.column = *column + 1;
  return true;
}

// "      3 | let y y", with a drawn bar.
bool ReadSourceLine(std::string_view line, SourceError& error) {
  const size_t bar = line.find(kBar);
  if (bar == std::string_view::npos || !ParseInteger(TrimLeft(line.substr(0, bar == 0 ? 0 : bar - 1)))) return false;
  const std::string_view after = line.substr(bar + kBar.size());
  error.source_line = std::string(after.empty() ? after : after.substr(1));
  return true;
}

std::optional<std::string_view> After(std::string_view line, std::string_view mark) {
  const size_t at = line.find(mark);
  // Only the drawn symbol stands before the mark.
  if (at == std::string_view::npos || at > 5) return std::nullopt;
  return line.substr(at + mark.size());
}

// The module that nobody could find; empty where the error is another one.
std::string UnresolvedModule(const SourceError& error) {
  if (!error.message.starts_with(kUnresolved)) return "";
  const std::string rest = error.message.substr(kUnresolved.size());
  return rest.substr(0, rest.find('"'));
}

void AdviseInstalling(SourceError& error) {
  const std::string module = UnresolvedModule(error);
  if (!module.empty() && module.front() != '.' && module.front() != '/') {
    error.message += ". Install it beside the file: npm install " + module;
  }
}

// Node's modules win over packages of the same name, as they do in Node.
constexpr std::string_view kNodeModules[] = {
    "assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram", "diagnostics_channel", "dns",
    "domain", "events", "fs", "http", "http2", "https", "inspector", "module", "net", "os", "path", "perf_hooks", "process", "punycode",
    "querystring", "readline", "repl", "stream", "string_decoder", "sys", "timers", "tls", "trace_events", "tty", "url", "util", "v8", "vm",
    "wasi", "worker_threads", "zlib"};

// Timers of the web are numbers; a bundle that asks Node's to do what only objects do gets those.
constexpr std::string_view kTimerObjects = "timer_objects.js";
enum class Timers : uint8_t { kNumbers, kObjects };
bool UsesTimerObjects(std::string_view code) {
  return code.find(".unref(") != std::string_view::npos || code.find(".hasRef(") != std::string_view::npos;
}

// What a package may take for a global: each in a file of its own, so that only what is used is in the bundle.
struct NodeGlobal {
  std::string_view file;
  std::string_view text;
};
constexpr NodeGlobal kNodeGlobals[] = {
    {"buffer.js", "export { Buffer } from 'node:buffer';\n"},
    {"process.js", "export { default as process } from 'node:process';\n"},
    {"timers.js", "export { setImmediate, clearImmediate } from 'node:timers';\n"},
    {kTimerObjects, "export { setTimeout, setInterval, clearTimeout, clearInterval } from 'node:timers';\n"},
    {"global.js", "const it = globalThis;\nexport { it as global };\n"},
    {"package.json", R"({"sideEffects": false})"},
};

// esbuild reads them from files.
class GlobalsFolder {
 public:
  static Result<GlobalsFolder> Make() {
    std::error_code error;
    std::string pattern = (std::filesystem::temp_directory_path(error) / "ztsctl.XXXXXX").string();
    if (error || ::mkdtemp(pattern.data()) == nullptr) {
      return Unavailable("cannot make a temporary folder like " + pattern + "; is TMPDIR right?");
    }
    GlobalsFolder folder(pattern);
    for (const NodeGlobal& global : kNodeGlobals) {
      ZTS_RETURN_IF_ERROR(WriteFileAtomically(folder.path_ + "/" + std::string(global.file), global.text));
    }
    return folder;
  }
  GlobalsFolder(GlobalsFolder&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  ~GlobalsFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  void AddTo(std::vector<std::string>& argv, Timers timers) const {
    for (const NodeGlobal& global : kNodeGlobals) {
      if (global.file == kTimerObjects && timers == Timers::kNumbers) continue;
      if (global.file.ends_with(".js")) argv.push_back("--inject:" + path_ + "/" + std::string(global.file));
    }
  }

 private:
  explicit GlobalsFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

bool IsNamePart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

// Whether the name stands more than once in the code, as a word.
bool IsUsed(std::string_view code, std::string_view name) {
  int count = 0;
  for (size_t at = code.find(name); at != std::string_view::npos && count < 2; at = code.find(name, at + name.size())) {
    const size_t end = at + name.size();
    if ((at == 0 || !IsNamePart(code[at - 1])) && (end == code.size() || !IsNamePart(code[end]))) ++count;
  }
  return count > 1;
}

// Of `{ a, b as c }`: whether a, or c, is used.
bool AnyUsed(std::string_view code, std::string_view names) {
  while (!names.empty()) {
    const size_t comma = names.find(',');
    std::string_view name = names.substr(0, comma);
    names = comma == std::string_view::npos ? "" : names.substr(comma + 1);
    if (const size_t as = name.rfind(" as "); as != std::string_view::npos) name = name.substr(as + 4);
    name = TrimLeft(name);
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    if (!name.empty() && IsUsed(code, name)) return true;
  }
  return false;
}

// esbuild puts all the globals into a bundle that has a CommonJS module, used or not. A line that is not needed becomes an empty one.
void DropUnusedGlobals(std::string& code) {
  constexpr std::string_view kHead = "import { ";
  for (size_t at = 0; at < code.size();) {
    const size_t end = std::min(code.find('\n', at), code.size());
    const std::string_view line(code.data() + at, end - at);
    const size_t close = line.find(" } from \"node:");
    const bool is_global = line.ends_with("\"node:buffer\";") || line.ends_with("\"node:process\";") || line.ends_with("\"node:timers\";");
    if (line.starts_with(kHead) && is_global && close != std::string_view::npos &&
        !AnyUsed(code, line.substr(kHead.size(), close - kHead.size()))) {
      code.erase(at, line.size());
      at += 1;
    } else {
      at = end + 1;
    }
  }
}

// esbuild calls the require() it finds around it, and there is none. An import may stand at the end: lines and columns stay.
void ProvideRequire(std::string& code) {
  const bool asks = code.find("__require = ") != std::string::npos || code.find("__require=") != std::string::npos;
  if (!asks) return;
  code += "import { require } from \"node:module\";\n";
}

int DigitOf(char c) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const size_t at = kDigits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

// RFC 4648 section 4. What esbuild has written is whole; anything else ends the text where it stands.
std::string FromBase64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int digit = DigitOf(c);
    if (digit < 0) break;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFF);
  }
  return bytes;
}

// esbuild writes a map to its standard output only as a comment at the end of the code. Takes it from there.
std::string TakeSourceMap(std::string& code) {
  constexpr std::string_view kHead = "//# sourceMappingURL=data:application/json;base64,";
  const size_t at = code.rfind(kHead);
  if (at == std::string::npos) return "";
  std::string map = FromBase64(std::string_view(code).substr(at + kHead.size()));
  code.resize(at);
  return map;
}

// The sources under names that say nothing of this machine but what is below the folder that people look at them from.
std::string WithPortableNames(const std::string& map, const std::string& entry, const std::string& globals_folder) {
  namespace fs = std::filesystem;
  auto json = nlohmann::json::parse(map, nullptr, false);
  if (!json.is_object() || !json.contains("sources") || !json["sources"].is_array()) return "";
  std::error_code error;
  const fs::path here = fs::current_path(error);
  if (error) return "";
  const auto is_inside = [](const fs::path& relative) { return !relative.empty() && *relative.begin() != ".."; };
  const fs::path home = (here / entry).lexically_normal().parent_path();
  const fs::path globals = fs::weakly_canonical(globals_folder, error);
  for (auto& source : json["sources"]) {
    if (!source.is_string()) continue;
    const fs::path path = (here / source.get<std::string>()).lexically_normal();
    fs::path name = path.lexically_relative(here);
    if (!is_inside(name)) name = path.lexically_relative(home);
    if (const fs::path global = path.lexically_relative(globals); is_inside(global)) name = "zts:" + global.string();
    source = name.string();
  }
  return json.dump();
}

}  // namespace

Diagnostics ParseEsbuildOutput(std::string_view text) {
  Diagnostics found;
  SourceError* current = nullptr;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = TakeLine(rest);
    if (const auto message = After(line, kErrorMark)) {
      current = &found.errors.emplace_back(SourceError{.message = std::string(*message)});
    } else if (const auto warning = After(line, kWarningMark)) {
      current = &found.warnings.emplace_back(SourceError{.message = std::string(*warning)});
    } else if (current != nullptr) {
      // The first place is the error's own; those of notes follow.
      if (current->file.empty() && ReadPlace(line, *current)) continue;
      if (current->source_line.empty() && ReadSourceLine(line, *current)) continue;
    }
  }
  for (SourceError& error : found.errors) AdviseInstalling(error);
  return found;
}

namespace {

// What a package asks for that is not installed; empty where the error is another one, or in a file of the function's own.
std::string MissingOfPackage(const SourceError& error) {
  return error.file.find("node_modules/") == std::string::npos ? "" : UnresolvedModule(error);
}

// `left_out`: modules that stay imports though nobody has them.
Result<EsbuildResult> RunOnce(const std::string& entry, Layout layout, Timers timers, const std::vector<std::string>& left_out) {
  Result<std::string> esbuild = FindOnPath("esbuild");
  if (!esbuild.ok()) {
    return Error{ErrorCode::kUnsupported,
                 entry +
                     " needs bundling (TypeScript, JSX or imports), and esbuild is not on the PATH. "
                     "Install it (apt install esbuild, or npm install -g esbuild) and try again"};
  }
  ZTS_ASSIGN_OR_RETURN(const GlobalsFolder globals, GlobalsFolder::Make());
  std::vector<std::string> argv = {
      *esbuild,
      entry.front() == '-' ? "./" + entry : entry,
      "--bundle",
      "--format=esm",
      // Neutral looks at no fields by itself. "browser" is not among them: such builds ask for a page, or do without what is here.
      "--platform=neutral",
      "--main-fields=module,main",
      // Of builds that are named by what runs them: those for workers, else Node's, whose modules are here.
      "--conditions=workerd,edge-light,worker,node",
      // The bytes, for WebAssembly.instantiate.
      "--loader:.wasm=binary",
      "--external:node:*",
      "--define:process.env.NODE_ENV=\"production\"",
      // A bundle has one place.
      "--define:__dirname=\"/\"",
      "--define:__filename=\"/index.js\"",
      "--target=esnext",
      // esbuild 0.17 gives a class that names itself another name, which its static blocks would see before it has a value.
      "--supported:class-static-blocks=false",
      "--charset=utf8",
      "--sourcemap=inline",
      "--jsx=automatic",
      "--color=false",
      "--log-level=warning",
      "--log-limit=100",
  };
  if (layout == Layout::kCompact) argv.insert(argv.end(), {"--minify-whitespace", "--minify-syntax", "--legal-comments=none"});
  for (const std::string& name : left_out) argv.push_back("--external:" + name);
  for (const std::string_view name : kNodeModules) argv.push_back("--external:" + std::string(name));
  globals.AddTo(argv, timers);
  ZTS_ASSIGN_OR_RETURN(Finished finished, RunTool(argv, {kBundlerOutputBytesMax, kBundlerTimeMax}));
  Diagnostics found = ParseEsbuildOutput(finished.err);
  if (finished.exit_code != 0 && found.errors.empty()) {
    found.errors.push_back({.kind = "esbuild", .message = finished.err});
  }
  if (finished.exit_code == 0) found.errors.clear();
  std::string map = TakeSourceMap(finished.out);
  if (!map.empty()) map = WithPortableNames(map, entry, globals.path());
  DropUnusedGlobals(finished.out);
  ProvideRequire(finished.out);
  return EsbuildResult{std::move(finished.out), std::move(map), std::move(found.errors), std::move(found.warnings)};
}

SourceError LeftOut(const std::vector<std::string>& names) {
  constexpr size_t kNamed = 10;
  std::string list;
  for (size_t i = 0; i < std::min(names.size(), kNamed); ++i) list += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kNamed) list += " and " + std::to_string(names.size() - kNamed) + " more";
  return {.message = "packages ask for what is not installed, and fail where they need it: " + list};
}

}  // namespace

// Packages name more than they need: what they can do without is often not there, and found missing where it is asked for.
Result<EsbuildResult> RunEsbuild(const std::string& entry, Layout layout) {
  constexpr int kRoundsMax = 4;  // esbuild names a limited number of errors at a time
  std::vector<std::string> left_out;
  Timers timers = Timers::kNumbers;
  for (int round = 0;; ++round) {
    ZTS_ASSIGN_OR_RETURN(EsbuildResult built, RunOnce(entry, layout, timers, left_out));
    if (timers == Timers::kNumbers && built.errors.empty() && UsesTimerObjects(built.code)) {
      timers = Timers::kObjects;
      continue;
    }
    std::vector<std::string> missing;
    for (const SourceError& error : built.errors) missing.push_back(MissingOfPackage(error));
    const bool only_packages = std::none_of(missing.begin(), missing.end(), [](const std::string& name) { return name.empty(); });
    if (built.errors.empty() || !only_packages || round >= kRoundsMax) {
      if (built.errors.empty() && !left_out.empty()) built.warnings.push_back(LeftOut(left_out));
      return built;
    }
    for (std::string& name : missing) {
      if (std::find(left_out.begin(), left_out.end(), name) == left_out.end()) left_out.push_back(std::move(name));
    }
  }
}

}  // namespace zts::cli
