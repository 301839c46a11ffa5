// What the sources of V8Isolate share. Nobody else includes it.
//
//   v8_isolate.cc            making and ending it, limits, memory, V8's callbacks
//   v8_isolate_load.cc       from the script to the shard
//   v8_isolate_turns.cc      turns
//   v8_isolate_fetches.cc    outgoing requests and WebSockets
//   v8_isolate_answers.cc    how invocations end
//   v8_isolate_snapshot.cc   snapshots of functions
//
// Thread:   the isolate's.
#pragma once

#include <v8.h>

#include <memory>
#include <string_view>
#include <vector>

#include "jsruntime/lazy_files.h"
#include "jsruntime/v8_isolate.h"

namespace zts::js {

// What stands where in the block that web/dispatch.js shares, and what its index 2 may be.
enum BlockIndex { kStatus, kContentType, kResultKind, kSettled, kSettledSerial, kBodyOnLoan, kBlockDoubles = 8 };
enum ResultKind { kBody, kPromise, kError };

inline v8::Local<v8::Value> SerialValue(v8::Isolate* isolate, uint64_t serial) {
  return v8::Number::New(isolate, static_cast<double>(serial));
}

// V8's tasks and the engine's timers keep the same clock.
inline Nanos Now() { return SystemClock().Now(); }

// One entry into V8 on the calling thread.
class V8Isolate::Turn {
 public:
  explicit Turn(V8Isolate* self)
      : isolate_scope_(self->isolate_),
        handles_(self->isolate_),
        context_(self->context_.Get(self->isolate_)),
        context_scope_(context_) {}
  const v8::Local<v8::Context>& context() const { return context_; }

 private:
  v8::Isolate::Scope isolate_scope_;
  v8::HandleScope handles_;
  v8::Local<v8::Context> context_;
  v8::Context::Scope context_scope_;
};

// Of an isolate that is written down, or begins from what was.
struct V8Isolate::Frozen {
  // What the snapshot names outside of V8's heap; ended by 0. The same on both sides: native functions, and the sources that V8 reads in
  // place.
  std::vector<intptr_t> references;
  std::unique_ptr<LazyText> text;          // the function's own
  v8::StartupData blob = {nullptr, 0};     // come from; V8 keeps its address
  const FunctionBody* body = nullptr;      // the others: being made
  const Snapshot* base = nullptr;
  std::unique_ptr<v8::SnapshotCreator> creator;
  v8::Global<v8::Object> calls;
  v8::Global<v8::Value> atomics;
  v8::Global<v8::Object> exports;

  bool recording() const { return body != nullptr; }
  // What must go before V8's isolate does. The texts stay until it has let go of them.
  void Release() {
    calls.Reset();
    atomics.Reset();
    exports.Reset();
    creator.reset();
  }
};

inline v8::Local<v8::String> Text(v8::Isolate* isolate, std::string_view text) {
  v8::Local<v8::String> string;
  const auto type = v8::NewStringType::kNormal;
  if (v8::String::NewFromUtf8(isolate, text.data(), type, static_cast<int>(text.size())).ToLocal(&string)) return string;
  return v8::String::Empty(isolate);
}

}  // namespace zts::js
