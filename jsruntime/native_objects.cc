#include "jsruntime/native_objects.h"

namespace zts::js {
namespace {

constexpr v8::ExternalPointerTypeTag kTag = 7;

}  // namespace

v8::MaybeLocal<v8::Value> NativeObjects::Add(v8::Isolate* isolate, std::unique_ptr<NativeObject> object) {
  const size_t size = object->bytes() + sizeof(Entry);
  if (!Take(size)) {
    isolate->LowMemoryNotification();
    if (!Take(size)) return {};
  }
  const auto at = entries_.emplace(entries_.end(), Entry{this, std::move(object), size, {}, {}});
  at->self = at;
  const v8::Local<v8::External> handle = v8::External::New(isolate, at->object.get(), kTag);
  at->handle.Reset(isolate, handle);
  at->handle.SetWeak(&*at, OnCollected, v8::WeakCallbackType::kParameter);
  TellV8(isolate);
  return handle.As<v8::Value>();
}

bool NativeObjects::Take(size_t bytes) {
  if (bytes_ + bytes > kNativeObjectBytesMax || !quota_->Take(bytes)) return false;
  bytes_ += bytes;
  return true;
}

NativeObject* NativeObjects::Find(v8::Local<v8::Value> handle) {
  return handle->IsExternal() ? static_cast<NativeObject*>(handle.As<v8::External>()->Value(kTag)) : nullptr;
}

void NativeObjects::OnCollected(const v8::WeakCallbackInfo<Entry>& info) {
  Entry* entry = info.GetParameter();
  NativeObjects* owner = entry->owner;
  owner->bytes_ -= entry->bytes;
  owner->quota_->GiveBack(entry->bytes);
  entry->handle.Reset();
  owner->entries_.erase(entry->self);
}

void NativeObjects::TellV8(v8::Isolate* isolate) {
  isolate->AdjustAmountOfExternalAllocatedMemory(static_cast<int64_t>(bytes_) - static_cast<int64_t>(told_bytes_));
  told_bytes_ = bytes_;
}

void NativeObjects::Clear() {
  entries_.clear();
  quota_->GiveBack(std::exchange(bytes_, 0));
}

}  // namespace zts::js
