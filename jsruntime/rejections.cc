#include "jsruntime/rejections.h"

#include <algorithm>
#include <utility>

#include "jsruntime/realm.h"

namespace zts::js {

void Rejections::On(v8::PromiseRejectMessage message) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  if (message.GetEvent() == v8::kPromiseHandlerAddedAfterReject) return Forget(isolate, message.GetPromise());
  if (message.GetEvent() != v8::kPromiseRejectWithNoHandler || unhandled_.size() >= kRejectionsMax) return;
  unhandled_.push_back({v8::Global<v8::Promise>(isolate, message.GetPromise()), Realm::CurrentSerial(isolate)});
}

void Rejections::Forget(v8::Isolate* isolate, v8::Local<v8::Promise> promise) {
  std::erase_if(unhandled_, [promise](const Entry& entry) { return entry.promise == promise; });
  const auto found = std::find(reported_.begin(), reported_.end(), promise);
  if (found == reported_.end()) return;
  reported_.erase(found);
  handled_.emplace_back(isolate, promise);
}

void Rejections::Report(v8::Isolate* isolate,
                        const std::function<void(uint64_t serial, v8::Local<v8::Promise> promise)>& report) {
  const std::vector<Entry> entries = std::exchange(unhandled_, {});
  for (const Entry& entry : entries) {
    const v8::Local<v8::Promise> promise = entry.promise.Get(isolate);
    if (promise->HasHandler()) continue;
    if (reported_.size() >= kReportedMax) reported_.pop_front();
    reported_.emplace_back(isolate, promise).SetWeak();
    report(entry.serial, promise);
  }
}

void Rejections::ReportHandled(v8::Isolate* isolate, const std::function<void(v8::Local<v8::Promise> promise)>& report) {
  const std::vector<v8::Global<v8::Promise>> promises = std::exchange(handled_, {});
  for (const v8::Global<v8::Promise>& promise : promises) report(promise.Get(isolate));
}

void Rejections::Clear() {
  unhandled_.clear();
  reported_.clear();
  handled_.clear();
}

}  // namespace zts::js
