#include "jsruntime/ops/response.h"

#include "jsruntime/realm.h"

namespace zts::js {
namespace {

void ResponseHead(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Realm* realm = Realm::From(isolate);
  if (realm == nullptr || info.Length() != 1 || !info[0]->IsString()) return;
  const auto text = info[0].As<v8::String>();
  const size_t length = text->Length();
  realm->response_head.resize(length);  // keeps its capacity from response to response
  text->WriteOneByteV2(isolate, 0, length, reinterpret_cast<uint8_t*>(realm->response_head.data()));
}

constexpr Op kOps[] = {{"responseHead", ResponseHead}};

}  // namespace

std::span<const Op> ResponseOps() { return kOps; }

}  // namespace zts::js
