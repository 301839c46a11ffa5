#include "jsruntime/ops/wasm.h"

#include <memory>
#include <utility>

#include "jsruntime/native_objects.h"
#include "jsruntime/realm.h"
#include "jsruntime/wasm_pages.h"

namespace zts::js {
namespace {

// Gives back with the module what was taken for it.
class ModuleCharge final : public NativeObject {
 public:
  ModuleCharge(std::shared_ptr<PageQuota> quota, size_t taken)
      : NativeObject(Kind::kWasmModule), quota_(std::move(quota)), taken_(taken) {}
  ~ModuleCharge() override { quota_->GiveBack(taken_); }
  // Of its own: what the module takes is counted by the quota.
  size_t bytes() const override { return sizeof(ModuleCharge); }

 private:
  const std::shared_ptr<PageQuota> quota_;
  const size_t taken_;
};

void WebAssembly(const v8::FunctionCallbackInfo<v8::Value>& info) {
  const Realm* realm = Realm::From(info.GetIsolate());
  if (realm != nullptr && !realm->web_assembly.IsEmpty()) info.GetReturnValue().Set(realm->web_assembly.Get(info.GetIsolate()));
}

void SharedArrayBufferClass(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Object> buffer = v8::SharedArrayBuffer::New(isolate, 0);
  v8::Local<v8::Value> constructor;
  const auto name = v8::String::NewFromUtf8Literal(isolate, "constructor");
  if (buffer->Get(isolate->GetCurrentContext(), name).ToLocal(&constructor)) info.GetReturnValue().Set(constructor);
}

size_t LengthOf(v8::Local<v8::Value> source) {
  if (source->IsArrayBuffer()) return source.As<v8::ArrayBuffer>()->ByteLength();
  if (source->IsSharedArrayBuffer()) return source.As<v8::SharedArrayBuffer>()->ByteLength();
  if (source->IsArrayBufferView()) return source.As<v8::ArrayBufferView>()->ByteLength();
  return 0;  // V8 refuses it
}

void WasmCharge(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Realm* realm = Realm::From(isolate);
  if (realm == nullptr || info.Length() != 1) return;
  const size_t bytes = kWasmModuleBytes + kWasmBytesPerByte * LengthOf(info[0]);
  const std::shared_ptr<PageQuota> quota = realm->heap.quota();
  if (!quota->Take(bytes)) {
    isolate->LowMemoryNotification();
    if (!quota->Take(bytes)) return;
  }
  v8::Local<v8::Value> handle;
  if (realm->objects.Add(isolate, std::make_unique<ModuleCharge>(quota, bytes)).ToLocal(&handle)) info.GetReturnValue().Set(handle);
}

void Attach(v8::Isolate* isolate, v8::Local<v8::Value> module, v8::Local<v8::Value> handle) {
  const auto key = v8::Private::ForApi(isolate, v8::String::NewFromUtf8Literal(isolate, "zts:charge"));
  if (module->IsWasmModuleObject()) module.As<v8::Object>()->SetPrivate(isolate->GetCurrentContext(), key, handle).Check();
}

// The value of a promise of V8's passes on its way to the function.
void OnMade(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Value> made = info[0];
  info.GetReturnValue().Set(made);
  if (made->IsWasmModuleObject() || !made->IsObject()) return Attach(isolate, made, info.Data());
  v8::Local<v8::Value> module;
  const auto name = v8::String::NewFromUtf8Literal(isolate, "module");
  if (made.As<v8::Object>()->Get(isolate->GetCurrentContext(), name).ToLocal(&module)) Attach(isolate, module, info.Data());
}

void WasmHold(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  if (info.Length() != 2) return;
  if (!info[0]->IsPromise()) return Attach(isolate, info[0], info[1]);
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Function> on_made;
  v8::Local<v8::Promise> promise;
  if (!v8::Function::New(context, OnMade, info[1]).ToLocal(&on_made)) return;
  if (info[0].As<v8::Promise>()->Then(context, on_made).ToLocal(&promise)) info.GetReturnValue().Set(promise);
}

void IsWasmModule(const v8::FunctionCallbackInfo<v8::Value>& info) {
  info.GetReturnValue().Set(info.Length() == 1 && info[0]->IsWasmModuleObject());
}

constexpr Op kOps[] = {
    {"webAssembly", WebAssembly},
    {"wasmCharge", WasmCharge},
    {"wasmHold", WasmHold},
    {"sharedArrayBuffer", SharedArrayBufferClass},
    {"isWasmModule", IsWasmModule},
};

}  // namespace

std::span<const Op> WasmOps() { return kOps; }

}  // namespace zts::js
