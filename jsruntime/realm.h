// What the ops of one isolate work on: its invocations, timers, console and memory. Plain state, found from V8's isolate.
//
// Owner:    V8Isolate, exactly one each.
// Thread:   the isolate's.
// Life:     as long as its V8 isolate. From() is null while the snapshot is built: no function runs then.
#pragma once

#include <v8.h>

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "jsruntime/fetch_table.h"
#include "jsruntime/heap_guard.h"
#include "jsruntime/invocations.h"
#include "jsruntime/isolate.h"
#include "jsruntime/lazy_files.h"
#include "jsruntime/native_objects.h"
#include "jsruntime/timer_queue.h"

namespace zts::js {

// An invocation's hooks: the object that web/body_stream.js keeps what it must hear of in.
struct Hooks final : InvocationHooks {
  Hooks(v8::Isolate* isolate, v8::Local<v8::Object> from) : object(isolate, from) {}
  v8::Global<v8::Object> object;
};

struct Realm {
  // The isolate data slot of ours; the host uses the first ones in its own isolates.
  static constexpr uint32_t kSlot = 3;
  // Console records from before anybody listens: enough for what a module prints while it loads.
  static constexpr size_t kEarlyRecordsMax = 64;

  static Realm* From(v8::Isolate* isolate) { return static_cast<Realm*>(isolate->GetData(kSlot)); }

  // The serial of the invocation that the running JavaScript belongs to, through its awaits and timers; 0 for none. Given
  // to JavaScript's continuations by EnterInvocation, and kept by ops/async_context.
  static uint64_t CurrentSerial(v8::Isolate* isolate);
  static void EnterInvocation(v8::Isolate* isolate, uint64_t serial);

  // Whether somebody has asked for the end of the running turn. C++ that works for long asks this now and then: V8's own termination
  // waits for the return to JavaScript.
  bool stopping() const {
    return heap.exceeded() ||
           (terminate_why != nullptr && terminate_why->load(std::memory_order_relaxed) != OutcomeKind::kOk);
  }
  // Lets go of what must not outlive V8's isolate.
  void Clear() {
    objects.Clear();
    require_builtin.Reset();
    web_assembly.Reset();
    builtin_modules.clear();
  }

  void Console(InvocationId id, LogSeverity severity, std::string_view message);
  // The engine's name of the invocation the running JavaScript belongs to; 0 outside one.
  InvocationId CurrentInvocation(v8::Isolate* isolate);

  // Nothing more comes of an outgoing request.
  void FetchEnded(Fetch* fetch);
  // And JavaScript has all it gets of it.
  void ForgetFetch(FetchId id);
  // The end of a streamed response: tells the client, and closes the invocation where nothing of it goes on.
  void EndResponse(uint64_t serial, const Outcome& outcome);
  // Background work goes on without the engine's buffers.
  static void KeepRequest(Invocation& invocation);

  struct EarlyRecord {
    LogSeverity severity;
    std::string message;
  };

  IsolateClient* client = nullptr;
  const Script* script = nullptr;  // once loaded
  bool has_read_environment = false;  // env, other than through the handler's argument
  LazyFiles lazy_files;
  const std::atomic<OutcomeKind>* terminate_why = nullptr;  // V8Isolate's; null while the snapshot is built
  v8::Global<v8::Object> web_assembly;       // as V8 has made it; empty where Wasm is not counted
  // Told of each module of jsruntime/builtins that is compiled; for the snapshot builder, empty elsewhere.
  std::function<void(std::string_view name, v8::Local<v8::Function> body)> builtin_compiled;
  v8::Global<v8::Function> require_builtin;  // internal.importBuiltin(name) of web/builtins.js
  std::unordered_map<std::string, v8::Global<v8::Module>> builtin_modules;  // by specifier
  InvocationTable invocations;
  TimerQueue timers;
  FetchTable fetches;
  HeapGuard heap;
  NativeObjects objects{heap.quota()};
  std::string response_head;  // "name\nvalue\n..." of the response being delivered
  std::vector<EarlyRecord> early_records;
  std::vector<uint64_t> background_done;  // answered invocations whose last background work ended in this turn
};

}  // namespace zts::js
