#include "jsruntime/realm.h"

#include <utility>

namespace zts::js {

uint64_t Realm::CurrentSerial(v8::Isolate* isolate) {
  const v8::Local<v8::Data> data = isolate->GetContinuationPreservedEmbedderDataV2();
  if (data.IsEmpty() || !data->IsValue()) return 0;
  v8::Local<v8::Value> value = data.As<v8::Value>();
  // [serial, stores]: made by builtins/node/async_hooks.js, and read without running anything.
  if (value->IsArray() && !value.As<v8::Array>()->Get(isolate->GetCurrentContext(), 0).ToLocal(&value)) return 0;
  return value->IsNumber() ? static_cast<uint64_t>(value.As<v8::Number>()->Value()) : 0;
}

void Realm::EnterInvocation(v8::Isolate* isolate, uint64_t serial) {
  isolate->SetContinuationPreservedEmbedderDataV2(v8::Number::New(isolate, static_cast<double>(serial)));
}

InvocationId Realm::CurrentInvocation(v8::Isolate* isolate) {
  const Invocation* invocation = invocations.Find(CurrentSerial(isolate));
  return invocation == nullptr ? 0 : invocation->id;
}

void Realm::FetchEnded(Fetch* fetch) {
  if (std::exchange(fetch->ended, true)) return;
  Invocation* invocation = invocations.Find(fetch->serial);
  if (invocation == nullptr || --invocation->fetches_open > 0 || client == nullptr) return;
  client->OnUpstream(invocation->id, IsolateClient::Upstream::kDone);
}

void Realm::ForgetFetch(FetchId id) {
  Fetch* fetch = fetches.Find(id);
  if (fetch == nullptr) return;
  FetchEnded(fetch);
  fetches.Remove(id);
}

void Realm::EndResponse(uint64_t serial, const Outcome& outcome) {
  Invocation* invocation = invocations.Find(serial);
  if (invocation == nullptr || !invocation->streaming) return;
  invocation->streaming = false;
  const InvocationId id = invocation->id;
  if (invocation->background == 0) {
    invocations.Close(*invocation);
  } else {
    KeepRequest(*invocation);
  }
  client->OnResponseEnd(id, outcome);
}

void Realm::KeepRequest(Invocation& invocation) {
  if (invocation.owned != nullptr) return;
  invocation.owned = std::make_unique<OwnedRequest>(*invocation.request);
  invocation.request = &invocation.owned->view();
}

void Realm::Console(InvocationId id, LogSeverity severity, std::string_view message) {
  if (client != nullptr) return client->OnConsole(id, severity, message);
  if (early_records.size() < kEarlyRecordsMax) early_records.push_back({severity, std::string(message)});
}

}  // namespace zts::js
