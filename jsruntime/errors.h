// What V8 knows about an exception, as an Outcome: one line of message, the stack, the place in the source.
//
// Thread:   the isolate's, inside a HandleScope and Context::Scope.
// Limits:   kErrorMessageBytesMax, kErrorStackBytesMax, kSourceLineCharactersMax: longer texts are cut.
#pragma once

#include <v8.h>

#include <string>

#include "jsruntime/outcome.h"

namespace zts::js {

inline constexpr size_t kErrorMessageBytesMax = 4 * 1024;
inline constexpr size_t kErrorStackBytesMax = 16 * 1024;
// A bundle may be one line of a megabyte: what stands around the column is enough.
inline constexpr int kSourceLineCharactersMax = 240;

// For an exception caught by `caught`. REQUIRES: caught.HasCaught() and not terminated.
Outcome OutcomeOf(v8::Isolate* isolate, v8::Local<v8::Context> context, const v8::TryCatch& caught, OutcomeKind kind);
// For the reason of a rejected promise.
Outcome OutcomeOf(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Value> exception, OutcomeKind kind);

// What the console shows of it: the stack where there is one, else the message.
std::string TextOf(const Outcome& outcome);

// UTF-8 of a string, cut at about `bytes_max`.
std::string ToUtf8(v8::Isolate* isolate, v8::Local<v8::String> string, size_t bytes_max);

}  // namespace zts::js
