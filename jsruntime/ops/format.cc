#include "jsruntime/ops/format.h"

#include <v8.h>

namespace zts::js {
namespace {

ValueKind KindOf(v8::Local<v8::Value> value) {
  // A proxy of a function is a function too: it must be asked first.
  if (value->IsProxy()) return ValueKind::kProxy;
  if (value->IsFunction()) return ValueKind::kFunction;
  if (value->IsArray()) return ValueKind::kArray;
  if (value->IsNativeError()) return ValueKind::kError;
  if (value->IsMap()) return ValueKind::kMap;
  if (value->IsSet()) return ValueKind::kSet;
  if (value->IsDate()) return ValueKind::kDate;
  if (value->IsRegExp()) return ValueKind::kRegExp;
  if (value->IsPromise()) return ValueKind::kPromise;
  if (value->IsTypedArray()) return ValueKind::kTypedArray;
  if (value->IsArrayBuffer() || value->IsSharedArrayBuffer()) return ValueKind::kArrayBuffer;
  if (value->IsDataView()) return ValueKind::kDataView;
  if (value->IsMapIterator() || value->IsSetIterator()) return ValueKind::kIterator;
  if (value->IsNumberObject() || value->IsStringObject() || value->IsBooleanObject() || value->IsSymbolObject() ||
      value->IsBigIntObject()) {
    return ValueKind::kBoxed;
  }
  if (value->IsArgumentsObject()) return ValueKind::kArguments;
  if (value->IsWeakMap() || value->IsWeakSet() || value->IsWeakRef()) return ValueKind::kWeak;
  if (value->IsGeneratorObject()) return ValueKind::kGenerator;
  if (value->IsModuleNamespaceObject()) return ValueKind::kModule;
  return ValueKind::kPlain;
}

void KindOfOp(const v8::FunctionCallbackInfo<v8::Value>& info) {
  info.GetReturnValue().Set(static_cast<int32_t>(info.Length() > 0 ? KindOf(info[0]) : ValueKind::kPlain));
}

void IsProxyOp(const v8::FunctionCallbackInfo<v8::Value>& info) { info.GetReturnValue().Set(info.Length() > 0 && info[0]->IsProxy()); }

void LookInside(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 1 || !info[0]->IsObject()) return;
  v8::Isolate* isolate = info.GetIsolate();
  if (info[0]->IsProxy()) {
    v8::Local<v8::Value> target = info[0].As<v8::Proxy>()->GetTarget();
    return info.GetReturnValue().Set(v8::Array::New(isolate, &target, 1));
  }
  if (info[0]->IsPromise()) {
    const auto promise = info[0].As<v8::Promise>();
    const bool pending = promise->State() == v8::Promise::kPending;
    v8::Local<v8::Value> parts[] = {v8::Integer::New(isolate, promise->State()),
                                    pending ? v8::Undefined(isolate).As<v8::Value>() : promise->Result()};
    return info.GetReturnValue().Set(v8::Array::New(isolate, parts, 2));
  }
  bool is_key_value = false;
  v8::Local<v8::Array> entries;
  if (!info[0].As<v8::Object>()->PreviewEntries(&is_key_value).ToLocal(&entries)) return;
  v8::Local<v8::Value> parts[] = {entries, v8::Boolean::New(isolate, is_key_value)};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, 2));
}

constexpr Op kOps[] = {
    {"isProxy", IsProxyOp},
    {"kindOf", KindOfOp},
    {"lookInside", LookInside},
};

}  // namespace

std::span<const Op> FormatOps() { return kOps; }

}  // namespace zts::js
