// Promises that were rejected and that nobody handles. What is still unhandled when a turn ends is reported, once.
//
// Owner:    V8Isolate, one each.
// Thread:   the isolate's.
// Limits:   kRejectionsMax a turn; the others are counted only.
#pragma once

#include <v8.h>

#include <deque>
#include <functional>
#include <vector>

namespace zts::js {

inline constexpr size_t kRejectionsMax = 256;
// Reported promises that may still get a handler: their "rejectionhandled" event is a courtesy, not worth more memory.
inline constexpr size_t kReportedMax = 64;

class Rejections {
 public:
  // V8's callback: a promise was rejected without a handler, or got one afterwards.
  void On(v8::PromiseRejectMessage message);
  // Somebody has dealt with it.
  void Forget(v8::Isolate* isolate, v8::Local<v8::Promise> promise);
  // Hands out what is unhandled with the serial of its invocation; from then on it is reported.
  void Report(v8::Isolate* isolate, const std::function<void(uint64_t serial, v8::Local<v8::Promise> promise)>& report);
  // Hands out what was reported and has got a handler since.
  void ReportHandled(v8::Isolate* isolate, const std::function<void(v8::Local<v8::Promise> promise)>& report);
  void Clear();
  bool empty() const { return unhandled_.empty() && handled_.empty(); }

 private:
  struct Entry {
    v8::Global<v8::Promise> promise;
    uint64_t serial;
  };
  std::vector<Entry> unhandled_;
  std::deque<v8::Global<v8::Promise>> reported_;  // weak; the latest kReportedMax
  std::vector<v8::Global<v8::Promise>> handled_;
};

}  // namespace zts::js
