#include "jsruntime/ops/async_context.h"

namespace zts::js {
namespace {

void ContextGet(const v8::FunctionCallbackInfo<v8::Value>& info) {
  const v8::Local<v8::Data> data = info.GetIsolate()->GetContinuationPreservedEmbedderDataV2();
  if (!data.IsEmpty() && data->IsValue()) info.GetReturnValue().Set(data.As<v8::Value>());
}

void ContextSet(const v8::FunctionCallbackInfo<v8::Value>& info) {
  info.GetIsolate()->SetContinuationPreservedEmbedderDataV2(info[0]);
}

constexpr Op kOps[] = {
    {"contextGet", ContextGet},
    {"contextSet", ContextSet},
};

}  // namespace

std::span<const Op> AsyncContextOps() { return kOps; }

}  // namespace zts::js
