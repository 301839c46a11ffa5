#include "jsruntime/ops/console.h"

#include <algorithm>

#include "jsruntime/errors.h"
#include "jsruntime/ops/text.h"
#include "jsruntime/realm.h"

namespace zts::js {
namespace {

void ConsoleWrite(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Realm* realm = Realm::From(isolate);
  if (realm == nullptr || info.Length() != 2 || !info[0]->IsInt32() || !info[1]->IsString()) return;
  const int severity = std::clamp(info[0].As<v8::Int32>()->Value(), 0, static_cast<int>(LogSeverity::kError));
  const Utf8Text text(isolate, info[1].As<v8::String>());
  realm->Console(realm->CurrentInvocation(isolate), static_cast<LogSeverity>(severity), text.view());
}

void MonotonicMillis(const v8::FunctionCallbackInfo<v8::Value>& info) {
  info.GetReturnValue().Set(static_cast<double>(SystemClock().Now()) / kMillisecond);
}

void ReportException(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Realm* realm = Realm::From(isolate);
  if (realm == nullptr || info.Length() != 1) return;
  const Outcome outcome = OutcomeOf(isolate, isolate->GetCurrentContext(), info[0], OutcomeKind::kThrew);
  realm->Console(realm->CurrentInvocation(isolate), LogSeverity::kException, "Uncaught (in waitUntil) " + TextOf(outcome));
}

constexpr Op kOps[] = {
    {"consoleWrite", ConsoleWrite},
    {"monotonicMillis", MonotonicMillis},
    {"reportException", ReportException},
};

}  // namespace

std::span<const Op> ConsoleOps() { return kOps; }

}  // namespace zts::js
