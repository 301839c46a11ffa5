#include "jsruntime/rejections.h"

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
}

void Rejections::Report(v8::Isolate* isolate,
                        const std::function<void(uint64_t serial, v8::Local<v8::Value> reason)>& report) {
  const std::vector<Entry> entries = std::exchange(unhandled_, {});
  for (const Entry& entry : entries) {
    const v8::Local<v8::Promise> promise = entry.promise.Get(isolate);
    if (!promise->HasHandler()) report(entry.serial, promise->Result());
  }
}

}  // namespace zts::js
