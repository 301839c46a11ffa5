#include "jsruntime/ops/body_stream.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "jsruntime/errors.h"
#include "jsruntime/ops/text.h"
#include "jsruntime/realm.h"

namespace zts::js {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// The invocation of info[0]; null when it is over.
Invocation* InvocationOf(const Info& info) {
  Realm* realm = Realm::From(info.GetIsolate());
  if (realm == nullptr || info.Length() < 1 || !info[0]->IsNumber()) return nullptr;
  return realm->invocations.Find(static_cast<uint64_t>(info[0].As<v8::Number>()->Value()));
}

RequestBody* BodyOf(const Info& info) {
  const Invocation* invocation = InvocationOf(info);
  return invocation == nullptr ? nullptr : invocation->request->stream;
}

void HooksOf(const Info& info) {
  const Invocation* invocation = InvocationOf(info);
  if (invocation == nullptr || invocation->hooks == nullptr) return;
  info.GetReturnValue().Set(static_cast<Hooks*>(invocation->hooks.get())->object.Get(info.GetIsolate()));
}

void Hook(const Info& info) {
  Invocation* invocation = InvocationOf(info);
  if (invocation == nullptr || info.Length() != 2 || !info[1]->IsObject()) return;
  Realm::From(info.GetIsolate())
      ->invocations.SetHooks(*invocation, std::make_unique<Hooks>(info.GetIsolate(), info[1].As<v8::Object>()));
}

void BodyStreams(const Info& info) { info.GetReturnValue().Set(BodyOf(info) != nullptr); }

void BodyRead(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  RequestBody* body = BodyOf(info);
  if (body == nullptr || info.Length() != 2 || !info[1]->IsUint32()) {
    return ThrowTypeError(isolate, "This request has been answered and the rest of its body is gone: read it before the response is "
                                   "returned, or keep the invocation alive with ctx.waitUntil()");
  }
  if (body->state() == RequestBody::State::kFailed) return ThrowTypeError(isolate, body->failure());
  const size_t size = std::min<size_t>(body->size(), info[1].As<v8::Uint32>()->Value());
  if (size == 0) {
    if (body->state() == RequestBody::State::kComplete) return info.GetReturnValue().SetNull();
    return body->Wait();
  }
  uint8_t* data = nullptr;
  v8::Local<v8::Uint8Array> bytes;
  if (!NewBytes(isolate, size, &data).ToLocal(&bytes)) return;
  std::memcpy(data, body->bytes().data(), size);
  body->Take(size);
  info.GetReturnValue().Set(bytes);
}

void BodyDrop(const Info& info) {
  if (RequestBody* body = BodyOf(info)) body->Drop();
}

void ResponseChunk(const Info& info) {
  const Invocation* invocation = InvocationOf(info);
  if (invocation == nullptr || !invocation->streaming || info.Length() != 3 || !info[2]->IsUint32()) return;
  const BufferBytes bytes(info[1]);
  const size_t from = std::min<size_t>(info[2].As<v8::Uint32>()->Value(), bytes.size());
  if (from == bytes.size()) return info.GetReturnValue().Set(0);
  const IsolateClient::Taken taken =
      Realm::From(info.GetIsolate())->client->OnChunk(invocation->id, {bytes.chars() + from, bytes.size() - from});
  const auto count = static_cast<double>(taken.bytes);
  info.GetReturnValue().Set(taken.room == IsolateClient::Room::kYes ? count : -1 - count);
}

void ResponseEnd(const Info& info) {
  if (const Invocation* invocation = InvocationOf(info)) {
    Realm::From(info.GetIsolate())->EndResponse(invocation->serial, Outcome());
  }
}

void ResponseFail(const Info& info) {
  const Invocation* invocation = InvocationOf(info);
  if (invocation == nullptr || !invocation->streaming || info.Length() != 2) return;
  v8::Isolate* isolate = info.GetIsolate();
  Realm* realm = Realm::From(isolate);
  const uint64_t serial = invocation->serial;
  const Outcome outcome = OutcomeOf(isolate, isolate->GetCurrentContext(), info[1], OutcomeKind::kThrew);
  realm->Console(invocation->id, LogSeverity::kException, "The response's stream failed: " + TextOf(outcome));
  realm->EndResponse(serial, outcome);
}

constexpr Op kOps[] = {
    {"hooksOf", HooksOf},   {"hook", Hook},                   {"bodyStreams", BodyStreams}, {"bodyRead", BodyRead},
    {"bodyDrop", BodyDrop}, {"responseChunk", ResponseChunk}, {"responseEnd", ResponseEnd}, {"responseFail", ResponseFail},
};

}  // namespace

std::span<const Op> BodyStreamOps() { return kOps; }

}  // namespace zts::js
