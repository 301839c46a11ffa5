#include "jsruntime/ops/structured_clone.h"

#include <cstdlib>
#include <memory>
#include <vector>

#include "jsruntime/ops/text.h"

namespace zts::js {
namespace {

v8::Local<v8::Private> PlatformMark(v8::Isolate* isolate) {
  return v8::Private::ForApi(isolate, v8::String::NewFromUtf8Literal(isolate, "zts:platform"));
}

// Calls a function of `hooks` with one argument.
v8::MaybeLocal<v8::Value> CallHook(v8::Isolate* isolate, v8::Local<v8::Object> hooks, const char* name,
                                   v8::Local<v8::Value> argument) {
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Value> hook;
  v8::Local<v8::String> key;
  if (!v8::String::NewFromUtf8(isolate, name).ToLocal(&key) || !hooks->Get(context, key).ToLocal(&hook) ||
      !hook->IsFunction()) {
    return {};
  }
  return hook.As<v8::Function>()->Call(context, hooks, 1, &argument);
}

class Writer final : public v8::ValueSerializer::Delegate {
 public:
  Writer(v8::Isolate* isolate, v8::Local<v8::Object> hooks)
      : isolate_(isolate),
        context_(isolate->GetCurrentContext()),
        hooks_(hooks),
        plain_prototype_(v8::Object::New(isolate_)->GetPrototypeV2()),
        mark_(PlatformMark(isolate_)),
        copies_(v8::Array::New(isolate_)),
        serializer_(isolate_, this) {}

  bool Write(v8::Local<v8::Value> value, v8::Local<v8::Array> transfer) {
    for (uint32_t i = 0; i < transfer->Length(); ++i) {
      v8::Local<v8::Value> buffer;
      if (!transfer->Get(context_, i).ToLocal(&buffer) || !buffer->IsArrayBuffer()) return false;
      serializer_.TransferArrayBuffer(i, buffer.As<v8::ArrayBuffer>());
    }
    serializer_.WriteHeader();
    return serializer_.WriteValue(context_, value).FromMaybe(false);
  }
  v8::Local<v8::Array> copies() const { return copies_; }
  std::pair<uint8_t*, size_t> Release() { return serializer_.Release(); }

 private:
  void ThrowDataCloneError(v8::Local<v8::String> message) override {
    v8::Local<v8::Value> error;
    if (CallHook(isolate_, hooks_, "refuse", message).ToLocal(&error)) isolate_->ThrowException(error);
  }
  bool HasCustomHostObject(v8::Isolate*) override { return true; }

  v8::Maybe<bool> IsHostObject(v8::Isolate*, v8::Local<v8::Object> object) override {
    v8::Local<v8::Value> prototype = object->GetPrototypeV2();
    while (prototype->IsObject() && prototype != plain_prototype_) {
      const auto holder = prototype.As<v8::Object>();
      if (holder->IsProxy()) break;
      const v8::Maybe<bool> marked = holder->HasPrivate(context_, mark_);
      if (marked.IsNothing() || marked.FromJust()) return marked;
      prototype = holder->GetPrototypeV2();
    }
    return v8::Just(false);
  }

  v8::Maybe<bool> WriteHostObject(v8::Isolate*, v8::Local<v8::Object> object) override {
    v8::Local<v8::Value> copy;
    if (!CallHook(isolate_, hooks_, "clone", object).ToLocal(&copy) || !copy->IsObject()) return v8::Nothing<bool>();
    const uint32_t index = copies_->Length();
    if (!copies_->CreateDataProperty(context_, index, copy).FromMaybe(false)) return v8::Nothing<bool>();
    serializer_.WriteUint32(index);
    return v8::Just(true);
  }

  void* ReallocateBufferMemory(void* old, size_t size, size_t* actual) override {
    if (size > kCloneBytesMax) return nullptr;
    *actual = size;
    return std::realloc(old, size);
  }
  void FreeBufferMemory(void* buffer) override { std::free(buffer); }

  v8::Isolate* isolate_;
  v8::Local<v8::Context> context_;
  v8::Local<v8::Object> hooks_;
  v8::Local<v8::Value> plain_prototype_;
  v8::Local<v8::Private> mark_;
  v8::Local<v8::Array> copies_;  // a handle of its own would end with the serializer's scope
  v8::ValueSerializer serializer_;
};

// V8 runs no JavaScript while it reads, so the copies of platform objects are made by the Writer and only looked up here.
class Reader final : public v8::ValueDeserializer::Delegate {
 public:
  Reader(v8::Isolate* isolate, const Writer& writer, std::span<const uint8_t> bytes)
      : context_(isolate->GetCurrentContext()),
        copies_(writer.copies()),
        deserializer_(isolate, bytes.data(), bytes.size(), this) {}

  void Receive(uint32_t id, v8::Local<v8::ArrayBuffer> buffer) { deserializer_.TransferArrayBuffer(id, buffer); }
  v8::MaybeLocal<v8::Value> Read() {
    if (!deserializer_.ReadHeader(context_).FromMaybe(false)) return {};
    return deserializer_.ReadValue(context_);
  }

 private:
  v8::MaybeLocal<v8::Object> ReadHostObject(v8::Isolate*) override {
    uint32_t index = 0;
    v8::Local<v8::Value> copy;
    if (!deserializer_.ReadUint32(&index) || !copies_->Get(context_, index).ToLocal(&copy) || !copy->IsObject()) return {};
    return copy.As<v8::Object>();
  }

  v8::Local<v8::Context> context_;
  v8::Local<v8::Array> copies_;
  v8::ValueDeserializer deserializer_;
};

// Takes the memory of each buffer over into a new one, which stands under the same index in `moved`.
bool MoveBuffers(v8::Isolate* isolate, v8::Local<v8::Array> transfer, std::vector<v8::Local<v8::ArrayBuffer>>* moved) {
  for (uint32_t i = 0; i < transfer->Length(); ++i) {
    v8::Local<v8::Value> item;
    if (!transfer->Get(isolate->GetCurrentContext(), i).ToLocal(&item) || !item->IsArrayBuffer()) return false;
    const auto buffer = item.As<v8::ArrayBuffer>();
    std::shared_ptr<v8::BackingStore> memory = buffer->GetBackingStore();
    if (!buffer->Detach(v8::Local<v8::Value>()).FromMaybe(false)) return false;
    moved->push_back(v8::ArrayBuffer::New(isolate, std::move(memory)));
  }
  return true;
}

void StructuredClone(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 3 || !info[1]->IsArray() || !info[2]->IsObject()) return;
  v8::Isolate* isolate = info.GetIsolate();
  const auto transfer = info[1].As<v8::Array>();
  const auto hooks = info[2].As<v8::Object>();

  Writer writer(isolate, hooks);
  if (!writer.Write(info[0], transfer)) return;
  const auto [data, size] = writer.Release();
  const std::unique_ptr<uint8_t, decltype(&std::free)> owner(data, &std::free);

  std::vector<v8::Local<v8::ArrayBuffer>> moved;
  if (!MoveBuffers(isolate, transfer, &moved)) return;
  Reader reader(isolate, writer, {data, size});
  for (uint32_t i = 0; i < moved.size(); ++i) reader.Receive(i, moved[i]);
  v8::Local<v8::Value> copy;
  if (reader.Read().ToLocal(&copy)) info.GetReturnValue().Set(copy);
}

void MarkPlatform(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 1 || !info[0]->IsObject()) return;
  v8::Isolate* isolate = info.GetIsolate();
  info[0].As<v8::Object>()->SetPrivate(isolate->GetCurrentContext(), PlatformMark(isolate), v8::True(isolate)).Check();
}

constexpr Op kOps[] = {
    {"structuredClone", StructuredClone},
    {"markPlatform", MarkPlatform},
};

}  // namespace

std::span<const Op> StructuredCloneOps() { return kOps; }

}  // namespace zts::js
