// An error with a place in a source, and how people see it: "file:line:column", the line itself, a caret.
//
// Thread:   pure functions.
#pragma once

#include <string>
#include <string_view>

namespace zts::cli {

struct SourceError {
  std::string kind;     // "syntax-error", "no-handler", ...; may be empty
  std::string message;
  std::string file;
  int line = 0;         // from 1; 0: unknown
  int column = 0;       // from 1; 0: unknown
  std::string source_line;
  std::string stack;
};

// Several lines, each ended by '\n', without colours:
//
//   hello.js:3:7: syntax-error: Unexpected identifier 'x'
//     let x x;
//           ^
//
// Very long source lines are cut around the column. Control characters are shown, not obeyed.
std::string RenderSourceError(const SourceError& error);

// The source line and the caret alone, each line indented.
std::string RenderExcerpt(const SourceError& error, std::string_view indent = "  ");

}  // namespace zts::cli
