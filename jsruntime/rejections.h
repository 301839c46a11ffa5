// Promises that were rejected and that nobody handles. What is still unhandled when a turn ends is reported, once.
//
// Owner:    V8Isolate, one each.
// Thread:   the isolate's.
// Limits:   kRejectionsMax a turn; the others are counted only.
#pragma once

#include <v8.h>

#include <functional>
#include <vector>

namespace zts::js {

inline constexpr size_t kRejectionsMax = 256;

class Rejections {
 public:
  // V8's callback: a promise was rejected without a handler, or got one afterwards.
  void On(v8::PromiseRejectMessage message);
  // Somebody has dealt with it.
  void Forget(v8::Isolate* isolate, v8::Local<v8::Promise> promise);
  // Hands out what is unhandled with the serial of its invocation, and forgets it.
  void Report(v8::Isolate* isolate, const std::function<void(uint64_t serial, v8::Local<v8::Value> reason)>& report);
  void Clear() { unhandled_.clear(); }
  bool empty() const { return unhandled_.empty(); }

 private:
  struct Entry {
    v8::Global<v8::Promise> promise;
    uint64_t serial;
  };
  std::vector<Entry> unhandled_;
};

}  // namespace zts::js
