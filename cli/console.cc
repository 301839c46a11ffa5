#include "cli/console.h"

#include "cli/text.h"

namespace zts::cli {
namespace {

std::string_view Sequence(Style style) {
  switch (style) {
    case Style::kBold:
      return "\x1b[1m";
    case Style::kDim:
      return "\x1b[2m";
    case Style::kRed:
      return "\x1b[31m";
    case Style::kYellow:
      return "\x1b[33m";
    case Style::kGreen:
      return "\x1b[32m";
    case Style::kCyan:
      return "\x1b[36m";
  }
  return "";
}

std::string Painted(bool colored, Style style, std::string_view text) {
  if (!colored) return std::string(text);
  return std::string(Sequence(style)) + std::string(text) + "\x1b[0m";
}

nlohmann::json JsonOf(const SourceError& error) {
  return {{"kind", error.kind}, {"message", error.message},         {"file", error.file},  {"line", error.line},
          {"column", error.column}, {"source_line", error.source_line}, {"stack", error.stack}};
}

}  // namespace

void Console::set_color(std::string_view when) {
  if (when == "auto") return;
  color_out_ = color_err_ = when == "always";
}

std::string Console::Paint(Style style, std::string_view text) const { return Painted(color_out_, style, text); }
std::string Console::PaintErr(Style style, std::string_view text) const { return Painted(color_err_, style, text); }

void Console::Note(std::string_view line) {
  if (json()) return;
  ClearProgress();
  err_ << line << std::endl;
}

void Console::Warn(std::string_view line) {
  if (json()) return;
  ClearProgress();
  err_ << PaintErr(Style::kYellow, "warning:") << " " << line << std::endl;
}

void Console::Progress(std::string_view line) {
  if (json() || !terminals_.err) return;
  err_ << "\r\x1b[K" << line << std::flush;
  progress_shown_ = true;
}

void Console::ClearProgress() {
  if (progress_shown_) err_ << "\r\x1b[K" << std::flush;
  progress_shown_ = false;
}

void Console::PrintJson(const nlohmann::json& object) {
  // What came from functions may be no UTF-8: it is replaced, never a reason to fail.
  out_ << object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
}

ExitCode Console::Fail(const Failure& failure) {
  ClearProgress();
  if (json()) {
    nlohmann::json error = {
        {"code", failure.code}, {"message", failure.message}, {"exit_code", static_cast<int>(failure.exit)}};
    if (!failure.hint.empty()) error["hint"] = failure.hint;
    if (!failure.sources.empty()) error["source"] = JsonOf(failure.sources.front());
    if (failure.sources.size() > 1) {
      error["sources"] = nlohmann::json::array();
      for (const SourceError& source : failure.sources) error["sources"].push_back(JsonOf(source));
    }
    PrintJson({{"error", error}});
    return failure.exit;
  }
  err_ << PaintErr(Style::kRed, "error:") << " " << Printable(failure.message, Newlines::kKeep) << "\n";
  for (const SourceError& source : failure.sources) err_ << RenderSourceError(source);
  if (!failure.hint.empty()) err_ << PaintErr(Style::kDim, "next:") << " " << failure.hint << "\n";
  err_ << std::flush;
  return failure.exit;
}

}  // namespace zts::cli
