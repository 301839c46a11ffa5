#include "cli/source_error.h"

#include <algorithm>

#include "cli/text.h"

namespace zts::cli {
namespace {

// Bundles may be minified into one line: what stands around the error is what helps.
constexpr size_t kContextBytes = 60;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The byte offset of a column that counts UTF-16 units from 1, as V8 counts.
size_t ByteOffset(const std::string& line, int column) {
  size_t at = 0;
  for (int units = 1; units < column && at < line.size();) {
    const auto lead = static_cast<unsigned char>(line[at]);
    units += lead >= 0xF0 ? 2 : 1;
    do ++at;
    while (at < line.size() && IsContinuation(line[at]));
  }
  return at;
}

// Display cells, taken as one a code point; tabs become one blank first.
size_t Width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

}  // namespace

std::string RenderExcerpt(const SourceError& error, std::string_view indent) {
  std::string line = error.source_line;
  std::replace(line.begin(), line.end(), '\t', ' ');
  size_t caret = ByteOffset(line, error.column);
  size_t from = caret > kContextBytes ? caret - kContextBytes : 0;
  while (from > 0 && from < line.size() && IsContinuation(line[from])) --from;
  size_t to = std::min(line.size(), caret + kContextBytes);
  while (to < line.size() && IsContinuation(line[to])) ++to;
  const std::string before = Printable(std::string_view(line).substr(from, caret - from));
  const std::string after = Printable(std::string_view(line).substr(caret, to - caret));
  const std::string lead = from > 0 ? "..." : "";
  std::string out(indent);
  out += lead + before + after + (to < line.size() ? "..." : "") + "\n";
  if (error.column > 0) out += std::string(indent) + std::string(lead.size() + Width(before), ' ') + "^\n";
  return out;
}

std::string RenderSourceError(const SourceError& error) {
  std::string out;
  if (!error.file.empty()) {
    out += Printable(error.file);
    if (error.line > 0) out += ":" + std::to_string(error.line);
    if (error.line > 0 && error.column > 0) out += ":" + std::to_string(error.column);
    out += ": ";
  }
  if (!error.kind.empty()) out += error.kind + ": ";
  out += Printable(error.message) + "\n";
  if (!error.source_line.empty()) out += RenderExcerpt(error);
  // The stack repeats the message in its first line; what follows are the frames.
  const size_t frames = error.stack.find("\n    at ");
  if (frames != std::string::npos) out += Printable(error.stack.substr(frames + 1), Newlines::kKeep) + "\n";
  return out;
}

}  // namespace zts::cli
