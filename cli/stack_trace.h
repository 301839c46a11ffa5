// Stack traces for people: frames of a bundle become places in the files it was made of, with the line that failed.
//
// This happens where somebody reads, not where the function runs: a function that throws a million times costs nothing for it, and the
// sources never leave for the machines that serve.
//
// Thread:   OriginalSources is immutable; the rest are pure functions.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/source_error.h"
#include "cli/source_map.h"

namespace zts::cli {

// What one version was made of: a module as it was written, or the source map of a bundle.
class OriginalSources {
 public:
  // `main_module` is what frames call it.
  static OriginalSources OfModule(std::string main_module, std::string code);
  static Result<OriginalSources> OfMap(std::string main_module, std::string_view json);

  const std::string& main_module() const { return main_module_; }
  // The views live as long as this.
  std::optional<SourceMap::Place> Find(int line, int column) const;

 private:
  explicit OriginalSources(std::string main_module) : main_module_(std::move(main_module)) {}
  std::string main_module_;
  std::string code_;
  std::optional<SourceMap> map_;
};

struct Explained {
  std::string text;                  // as it came, with frames translated, and without those of the runtime below the function's own
  std::optional<SourceError> place;  // of the first frame in the function's own code: file, line, column, source_line
};
// A message that may hold a stack as V8 writes it: lines "    at NAME (FILE:LINE:COLUMN)".
Explained ExplainStack(std::string_view message, const OriginalSources& sources);

// Whether there is a frame to explain at all.
bool HasStack(std::string_view message);

// The text with the line that failed, and a caret, below the frame it belongs to.
std::string RenderExplained(const Explained& explained);

// {"file", "line", "column", "text"} of a place; a long line is cut.
nlohmann::json JsonOfPlace(const SourceError& place);

// An error of the compiler's in terms of the original files.
SourceError ExplainError(SourceError error, const OriginalSources& sources);

}  // namespace zts::cli
