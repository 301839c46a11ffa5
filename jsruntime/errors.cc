#include "jsruntime/errors.h"

#include <algorithm>

#include "jsruntime/hints.h"

namespace zts::js {
namespace {

constexpr std::string_view kUncaught = "Uncaught ";

std::string FirstLine(std::string text) {
  text.resize(std::min(text.find('\n'), text.size()));
  return text;
}

// The stack property, without letting its getter's own failures out.
std::string StackOf(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Value> exception) {
  v8::TryCatch quiet(isolate);
  v8::Local<v8::Value> stack;
  if (!v8::TryCatch::StackTrace(context, exception).ToLocal(&stack) || !stack->IsString()) return "";
  return ToUtf8(isolate, stack.As<v8::String>(), kErrorStackBytesMax);
}

std::string SourceLineOf(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Message> message, int column) {
  v8::Local<v8::String> line;
  if (!message->GetSourceLine(context).ToLocal(&line)) return "";
  const int length = line->Length();
  if (length <= kSourceLineCharactersMax) return ToUtf8(isolate, line, 4 * kSourceLineCharactersMax);
  const int from = std::clamp(column - kSourceLineCharactersMax / 2, 0, length - kSourceLineCharactersMax);
  const v8::String::ValueView view(isolate, line);
  std::string text = from > 0 ? "..." : "";
  for (int i = from; i < from + kSourceLineCharactersMax; ++i) {
    const uint16_t unit = view.is_one_byte() ? view.data8()[i] : view.data16()[i];
    text += unit < 128 ? static_cast<char>(unit) : '?';
  }
  return text + (from + kSourceLineCharactersMax < length ? "..." : "");
}

void FillPlace(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Message> message, Outcome* outcome) {
  const v8::Local<v8::Value> file = message->GetScriptResourceName();
  if (!file->IsString()) return;
  outcome->file = ToUtf8(isolate, file.As<v8::String>(), kErrorMessageBytesMax);
  outcome->line = std::max(message->GetLineNumber(context).FromMaybe(0), 0);
  const int column = message->GetStartColumn(context).FromMaybe(-1);
  outcome->column = column + 1;
  outcome->source_line = SourceLineOf(isolate, context, message, column);
}

Outcome FromMessage(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Message> message,
                    v8::Local<v8::Value> exception, OutcomeKind kind) {
  Outcome outcome;
  outcome.kind = kind;
  if (!message.IsEmpty()) {
    std::string text = ToUtf8(isolate, message->Get(), kErrorMessageBytesMax);
    if (text.compare(0, kUncaught.size(), kUncaught) == 0) text.erase(0, kUncaught.size());
    outcome.message = FirstLine(std::move(text));
    FillPlace(isolate, context, message, &outcome);
  }
  if (!exception.IsEmpty()) outcome.stack = StackOf(isolate, context, exception);
  return outcome;
}

}  // namespace

std::string ToUtf8(v8::Isolate* isolate, v8::Local<v8::String> string, size_t bytes_max) {
  // Of a long string only the start is looked at; a unit of UTF-16 becomes at most three bytes.
  std::string text(std::min(bytes_max, static_cast<size_t>(string->Length()) * 3), '\0');
  text.resize(string->WriteUtf8V2(isolate, text.data(), text.size(), v8::String::WriteFlags::kReplaceInvalidUtf8));
  return text;
}

Outcome OutcomeOf(v8::Isolate* isolate, v8::Local<v8::Context> context, const v8::TryCatch& caught, OutcomeKind kind) {
  return FromMessage(isolate, context, caught.Message(), caught.Exception(), kind);
}

Outcome OutcomeOf(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Value> exception, OutcomeKind kind) {
  return FromMessage(isolate, context, v8::Exception::CreateMessage(isolate, exception), exception, kind);
}

std::string TextOf(const Outcome& outcome) {
  // A stack begins with the message, unless somebody wrote their own.
  std::string text = outcome.stack.empty() ? outcome.message : outcome.stack;
  if (const std::string_view hint = HintFor(outcome.message); !hint.empty()) text.append("\n  hint: ").append(hint);
  return text;
}

}  // namespace zts::js
