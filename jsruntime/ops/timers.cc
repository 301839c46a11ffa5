#include "jsruntime/ops/timers.h"

#include "jsruntime/realm.h"

namespace zts::js {
namespace {

void ThrowRangeError(v8::Isolate* isolate, std::string_view message) {
  v8::Local<v8::String> text;
  if (!v8::String::NewFromUtf8(isolate, message.data(), v8::NewStringType::kNormal, static_cast<int>(message.size()))
           .ToLocal(&text)) {
    return;
  }
  isolate->ThrowException(v8::Exception::RangeError(text));
}

void TimerStart(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Realm* realm = Realm::From(isolate);
  if (realm == nullptr || info.Length() != 2 || !info[0]->IsNumber()) return;
  const auto delay = static_cast<Nanos>(info[0].As<v8::Number>()->Value() * kMillisecond);
  const TimerKind kind = info[1]->IsTrue() ? TimerKind::kRepeating : TimerKind::kOnce;
  uint64_t serial = Realm::CurrentSerial(isolate);
  Invocation* invocation = realm->invocations.Find(serial);
  if (invocation == nullptr) serial = 0;  // of the module, or of work nobody waits for any more
  const std::optional<uint32_t> id = realm->timers.Start(SystemClock().Now(), delay, kind, serial);
  if (!id.has_value()) return ThrowRangeError(isolate, "too many timers are running in this function");
  if (invocation != nullptr) ++invocation->background;
  info.GetReturnValue().Set(*id);
}

void EndBackground(Realm* realm, uint64_t serial) {
  Invocation* invocation = realm->invocations.Find(serial);
  if (invocation == nullptr || invocation->background == 0) return;
  if (--invocation->background == 0 && invocation->answered) realm->background_done.push_back(serial);
}

void TimerStop(const v8::FunctionCallbackInfo<v8::Value>& info) {
  Realm* realm = Realm::From(info.GetIsolate());
  if (realm == nullptr || info.Length() != 1 || !info[0]->IsUint32()) return;
  const std::optional<uint64_t> serial = realm->timers.Stop(info[0].As<v8::Uint32>()->Value());
  if (serial.has_value()) EndBackground(realm, *serial);
}

void EnqueueMicrotask(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() == 1 && info[0]->IsFunction()) info.GetIsolate()->EnqueueMicrotask(info[0].As<v8::Function>());
}

void BackgroundBegin(const v8::FunctionCallbackInfo<v8::Value>& info) {
  Realm* realm = Realm::From(info.GetIsolate());
  if (realm == nullptr || info.Length() != 1 || !info[0]->IsNumber()) return;
  Invocation* invocation = realm->invocations.Find(static_cast<uint64_t>(info[0].As<v8::Number>()->Value()));
  const bool is_open = invocation != nullptr && (!invocation->answered || invocation->background > 0);
  if (is_open) {
    ++invocation->background;
    ++invocation->promised;
  }
  info.GetReturnValue().Set(is_open);
}

void BackgroundEnd(const v8::FunctionCallbackInfo<v8::Value>& info) {
  Realm* realm = Realm::From(info.GetIsolate());
  if (realm == nullptr || info.Length() != 1 || !info[0]->IsNumber()) return;
  const auto serial = static_cast<uint64_t>(info[0].As<v8::Number>()->Value());
  Invocation* invocation = realm->invocations.Find(serial);
  if (invocation != nullptr && invocation->promised > 0) --invocation->promised;
  EndBackground(realm, serial);
}

void MemoryAvailable(const v8::FunctionCallbackInfo<v8::Value>& info) {
  const Realm* realm = Realm::From(info.GetIsolate());
  if (realm == nullptr || info.Length() != 1 || !info[0]->IsNumber()) return info.GetReturnValue().Set(false);
  const double bytes = info[0].As<v8::Number>()->Value();
  const bool fits = bytes >= 0 && bytes < static_cast<double>(size_t{1} << 40) &&
                    realm->heap.HasRoomFor(static_cast<size_t>(bytes));
  info.GetReturnValue().Set(fits);
}

constexpr Op kOps[] = {
    {"timerStart", TimerStart},           {"timerStop", TimerStop},         {"enqueueMicrotask", EnqueueMicrotask},
    {"backgroundBegin", BackgroundBegin}, {"backgroundEnd", BackgroundEnd}, {"memoryAvailable", MemoryAvailable},
};

}  // namespace

std::span<const Op> TimersOps() { return kOps; }

}  // namespace zts::js
