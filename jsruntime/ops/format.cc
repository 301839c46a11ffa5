#include "jsruntime/ops/format.h"

#include <v8.h>

#include <string>

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

void LookInside(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 1 || !info[0]->IsObject()) return;
  v8::Isolate* isolate = info.GetIsolate();
  if (info[0]->IsProxy()) {
    const auto proxy = info[0].As<v8::Proxy>();
    v8::Local<v8::Value> parts[] = {proxy->GetTarget(), proxy->GetHandler()};
    return info.GetReturnValue().Set(v8::Array::New(isolate, parts, 2));
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

void OwnNonIndexKeys(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  if (info.Length() != 2 || !info[0]->IsObject()) return;
  const auto filter = static_cast<v8::PropertyFilter>(info[1]->Uint32Value(context).FromMaybe(0) & v8::ONLY_ENUMERABLE);
  v8::Local<v8::Array> keys;
  const auto object = info[0].As<v8::Object>();
  const auto own = v8::KeyCollectionMode::kOwnOnly;
  if (object->GetPropertyNames(context, own, filter, v8::IndexFilter::kSkipIndices).ToLocal(&keys)) info.GetReturnValue().Set(keys);
}

void ClassNameOf(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() == 1 && info[0]->IsObject()) info.GetReturnValue().Set(info[0].As<v8::Object>()->GetConstructorName());
}

// Those of the function's code, without the frame that asks.
void CallSites(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const int wanted = info.Length() == 1 && info[0]->IsInt32() ? info[0].As<v8::Int32>()->Value() : 0;
  if (wanted < 1 || wanted > kCallSitesMax) return;
  v8::LocalVector<v8::Name> names(isolate);
  for (const char* name : {"functionName", "scriptId", "scriptName", "lineNumber", "columnNumber", "column"}) {
    names.push_back(v8::String::NewFromUtf8(isolate, name, v8::NewStringType::kInternalized).ToLocalChecked());
  }
  const auto text = [&](v8::Local<v8::String> value) { return value.IsEmpty() ? v8::String::Empty(isolate) : value; };
  const auto number = [&](int value) { return v8::Integer::New(isolate, value); };
  const v8::Local<v8::StackTrace> stack = v8::StackTrace::CurrentStackTrace(isolate, wanted + 1);
  v8::LocalVector<v8::Value> sites(isolate);
  for (int i = 1; i < stack->GetFrameCount(); ++i) {
    const v8::Local<v8::StackFrame> frame = stack->GetFrame(isolate, i);
    const std::string script = std::to_string(frame->GetScriptId());
    v8::Local<v8::Value> values[] = {text(frame->GetFunctionName()),
                                     v8::String::NewFromUtf8(isolate, script.c_str()).ToLocalChecked(),
                                     text(frame->GetScriptName()),
                                     number(frame->GetLineNumber()),
                                     number(frame->GetColumn()),
                                     number(frame->GetColumn())};
    sites.push_back(v8::Object::New(isolate, v8::Null(isolate), names.data(), values, names.size()));
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, sites.data(), sites.size()));
}

// What V8 alone can tell of a value, for node:util's types.
template <bool (v8::Value::*kIs)() const>
void Is(const v8::FunctionCallbackInfo<v8::Value>& info) {
  info.GetReturnValue().Set(info.Length() > 0 && (*info[0]->*kIs)());
}

constexpr Op kOps[] = {
    {"callSites", CallSites},
    {"classNameOf", ClassNameOf},
    {"isAsyncFunction", Is<&v8::Value::IsAsyncFunction>},
    {"isBigIntObject", Is<&v8::Value::IsBigIntObject>},
    {"isBooleanObject", Is<&v8::Value::IsBooleanObject>},
    {"isGeneratorFunction", Is<&v8::Value::IsGeneratorFunction>},
    {"isMapIterator", Is<&v8::Value::IsMapIterator>},
    {"isNumberObject", Is<&v8::Value::IsNumberObject>},
    {"isProxy", Is<&v8::Value::IsProxy>},
    {"isSetIterator", Is<&v8::Value::IsSetIterator>},
    {"isSharedArrayBuffer", Is<&v8::Value::IsSharedArrayBuffer>},
    {"isStringObject", Is<&v8::Value::IsStringObject>},
    {"isSymbolObject", Is<&v8::Value::IsSymbolObject>},
    {"isWeakMap", Is<&v8::Value::IsWeakMap>},
    {"isWeakSet", Is<&v8::Value::IsWeakSet>},
    {"kindOf", KindOfOp},
    {"lookInside", LookInside},
    {"ownNonIndexKeys", OwnNonIndexKeys},
};

}  // namespace

std::span<const Op> FormatOps() { return kOps; }

}  // namespace zts::js
