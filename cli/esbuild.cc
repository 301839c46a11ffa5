#include "cli/esbuild.h"

#include <optional>

#include "base/bytes.h"
#include "cli/subprocess.h"

namespace zts::cli {
namespace {

constexpr std::string_view kBar = "\u2502";  // between line number and source line
constexpr std::string_view kErrorMark = "[ERROR] ";
constexpr std::string_view kWarningMark = "[WARNING] ";

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

// esbuild advises to bundle for Node, which does not help here.
void ExplainNodeModules(SourceError& error) {
  constexpr std::string_view kHead = "Could not resolve \"";
  if (error.message.rfind(kHead, 0) != 0) return;
  const std::string rest = error.message.substr(kHead.size());
  const std::string module = rest.substr(0, rest.find('"'));
  if (error.kind == "node") {
    error.message = "\"" + module +
                    "\" is a module of Node.js; functions run on the Web platform (fetch, URL, crypto, streams) "
                    "and have no node: modules. Use a package that has a browser build";
  } else if (!module.empty() && module.front() != '.' && module.front() != '/') {
    error.message += ". Install it beside the file: npm install " + module;
  }
  error.kind.clear();
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
      if (line.find("built into node") != std::string_view::npos) current->kind = "node";
    }
  }
  for (SourceError& error : found.errors) {
    if (error.message.find("\"node:") != std::string::npos) error.kind = "node";
    ExplainNodeModules(error);
  }
  return found;
}

Result<EsbuildResult> RunEsbuild(const std::string& entry) {
  Result<std::string> esbuild = FindOnPath("esbuild");
  if (!esbuild.ok()) {
    return Error{ErrorCode::kUnsupported,
                 entry +
                     " needs bundling (TypeScript, JSX or imports), and esbuild is not on the PATH. "
                     "Install it (apt install esbuild, or npm install -g esbuild) and try again"};
  }
  const std::vector<std::string> argv = {
      *esbuild,
      entry.front() == '-' ? "./" + entry : entry,
      "--bundle",
      "--format=esm",
      "--platform=neutral",
      // Neutral looks at no fields by itself; packages' browser builds are the ones without Node.
      "--main-fields=browser,module,main",
      "--conditions=worker,browser",
      "--define:process.env.NODE_ENV=\"production\"",
      "--target=esnext",
      "--charset=utf8",
      "--jsx=automatic",
      "--color=false",
      "--log-level=warning",
      "--log-limit=20",
  };
  ZTS_ASSIGN_OR_RETURN(Finished finished, RunTool(argv, {kBundlerOutputBytesMax, kBundlerTimeMax}));
  Diagnostics found = ParseEsbuildOutput(finished.err);
  if (finished.exit_code != 0 && found.errors.empty()) {
    found.errors.push_back({.kind = "esbuild", .message = finished.err});
  }
  if (finished.exit_code == 0) found.errors.clear();
  return EsbuildResult{std::move(finished.out), std::move(found.errors), std::move(found.warnings)};
}

}  // namespace zts::cli
