#include "cli/stack_trace.h"

#include <utility>

#include "base/bytes.h"

namespace zts::cli {
namespace {

constexpr std::string_view kFrame = "    at ";
constexpr std::string_view kRuntime = "zts:";  // begins the names of the runtime's own files

// Of a source line in JSON: minified files have lines of megabytes.
constexpr size_t kJsonLineBytesMax = 1024;

std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text = end == std::string_view::npos ? "" : text.substr(end + 1);
  return line;
}

// "    at f (hello.js:3:7)" or "    at hello.js:3:7", taken apart.
struct Frame {
  std::string_view before;  // up to the file
  std::string_view file;
  int line = 0;
  int column = 0;
  std::string_view after;   // ")" or nothing
};

std::optional<Frame> ParseFrame(std::string_view line) {
  if (!line.starts_with(kFrame)) return std::nullopt;
  Frame frame;
  std::string_view rest = line;
  if (rest.ends_with(')')) {
    frame.after = rest.substr(rest.size() - 1);
    rest.remove_suffix(1);
  }
  const size_t column_at = rest.rfind(':');
  if (column_at == std::string_view::npos || column_at == 0) return std::nullopt;
  const size_t line_at = rest.rfind(':', column_at - 1);
  if (line_at == std::string_view::npos) return std::nullopt;
  const auto number = ParseInteger<int>(rest.substr(line_at + 1, column_at - line_at - 1));
  const auto column = ParseInteger<int>(rest.substr(column_at + 1));
  if (!number || !column || *number < 1 || *column < 1) return std::nullopt;
  frame.line = *number;
  frame.column = *column;
  const std::string_view head = rest.substr(0, line_at);
  size_t file_at = kFrame.size();
  if (!frame.after.empty()) {
    const size_t open = head.rfind('(');
    if (open == std::string_view::npos) return std::nullopt;
    file_at = open + 1;
  } else if (head.substr(file_at).starts_with("async ")) {
    file_at += 6;
  }
  frame.before = head.substr(0, file_at);
  frame.file = head.substr(file_at);
  return frame;
}

SourceError PlaceOf(const SourceMap::Place& from) {
  SourceError place;
  place.file = std::string(from.file);
  place.line = from.line;
  place.column = from.column;
  place.source_line = std::string(from.source_line);
  return place;
}

}  // namespace

OriginalSources OriginalSources::OfModule(std::string main_module, std::string code) {
  OriginalSources sources(std::move(main_module));
  sources.code_ = std::move(code);
  return sources;
}

Result<OriginalSources> OriginalSources::OfMap(std::string main_module, std::string_view json) {
  OriginalSources sources(std::move(main_module));
  ZTS_ASSIGN_OR_RETURN(sources.map_, SourceMap::Parse(json));
  return sources;
}

std::optional<SourceMap::Place> OriginalSources::Find(int line, int column) const {
  if (map_) return map_->Find(line, column);
  return SourceMap::Place{main_module_, line, column, LineOf(code_, line)};
}

bool HasStack(std::string_view message) {
  const size_t at = message.find(kFrame);
  return at != std::string_view::npos && (at == 0 || message[at - 1] == '\n');
}

Explained ExplainStack(std::string_view message, const OriginalSources& sources) {
  Explained explained;
  bool own_frames = false;
  for (std::string_view rest = message; !rest.empty();) {
    const std::string_view line = TakeLine(rest);
    const std::optional<Frame> frame = ParseFrame(line);
    if (!frame) own_frames = false;  // of the next stack, where there are several
    // What called the handler is the same in every stack.
    if (frame && own_frames && frame->file.starts_with(kRuntime)) continue;
    if (!explained.text.empty()) explained.text += '\n';
    if (!frame || frame->file != sources.main_module()) {
      explained.text += line;
      continue;
    }
    own_frames = true;
    const auto place = sources.Find(frame->line, frame->column);
    if (!place) {
      explained.text += line;
      continue;
    }
    explained.text += std::string(frame->before) + std::string(place->file) + ":" + std::to_string(place->line) + ":" +
                      std::to_string(place->column) + std::string(frame->after);
    if (!explained.place) explained.place = PlaceOf(*place);
  }
  return explained;
}

std::string RenderExplained(const Explained& explained) {
  if (!explained.place || explained.place->source_line.empty()) return explained.text;
  const SourceError& place = *explained.place;
  const std::string where = place.file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
  std::string out;
  bool shown = false;
  for (std::string_view rest = explained.text; !rest.empty();) {
    const std::string_view line = TakeLine(rest);
    if (!out.empty()) out += '\n';
    out += line;
    if (shown || line.find(where) == std::string_view::npos) continue;
    out += '\n' + RenderExcerpt(place, "      ");
    out.pop_back();  // the last line's end
    shown = true;
  }
  return out;
}

nlohmann::json JsonOfPlace(const SourceError& place) {
  return {{"file", place.file}, {"line", place.line}, {"column", place.column}, {"text", place.source_line.substr(0, kJsonLineBytesMax)}};
}

SourceError ExplainError(SourceError error, const OriginalSources& sources) {
  if (!error.stack.empty()) {
    Explained explained = ExplainStack(error.stack, sources);
    error.stack = std::move(explained.text);
  }
  if (error.file != sources.main_module() || error.line < 1) return error;
  const auto place = sources.Find(error.line, error.column < 1 ? 1 : error.column);
  if (!place) return error;
  error.file = std::string(place->file);
  error.line = place->line;
  error.column = place->column;
  if (!place->source_line.empty()) error.source_line = std::string(place->source_line);
  return error;
}

}  // namespace zts::cli
