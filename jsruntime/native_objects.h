// Native objects that JavaScript of the web API holds by an opaque handle: keys, running digests, running ciphers and brotli coders, what
// Wasm modules are charged.
//
// A handle is a v8::External that functions never see: web/*.js keeps it in a private field. The object goes when V8 collects the
// handle, and at the latest with the isolate. Its memory is told to V8, so that many small handles over much memory are collected, and
// counts against the function's memory limit like an ArrayBuffer's.
//
// Owner:    Realm, one an isolate; Clear before V8's isolate goes.
// Thread:   the isolate's.
// Limits:   kNativeObjectBytesMax, and the quota: Add fails beyond either, after one collection.
#pragma once

#include <v8.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <utility>

#include "jsruntime/wasm_pages.h"

namespace zts::js {

// They stand outside V8's heap. A key is half a kilobyte to a few: thousands of them, and a small share of the
// smallest function's memory.
inline constexpr size_t kNativeObjectBytesMax = size_t{16} << 20;

class NativeObject {
 public:
  enum class Kind : uint8_t { kKey, kHash, kCipher, kWasmModule, kBrotli };

  explicit NativeObject(Kind kind) : kind_(kind) {}
  NativeObject(const NativeObject&) = delete;
  NativeObject& operator=(const NativeObject&) = delete;
  virtual ~NativeObject() = default;
  Kind kind() const { return kind_; }
  // About how much memory it takes.
  virtual size_t bytes() const = 0;

 private:
  const Kind kind_;
};

class NativeObjects {
 public:
  explicit NativeObjects(std::shared_ptr<PageQuota> quota) : quota_(std::move(quota)) {}
  ~NativeObjects() { Clear(); }
  // Empty at the limit; no exception is pending then.
  v8::MaybeLocal<v8::Value> Add(v8::Isolate* isolate, std::unique_ptr<NativeObject> object);
  // Null where the value is no handle of this kind.
  template <typename T>
  static T* Get(v8::Local<v8::Value> handle) {
    NativeObject* object = Find(handle);
    return object != nullptr && object->kind() == T::kKind ? static_cast<T*>(object) : nullptr;
  }
  void Clear();

  size_t size() const { return entries_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    NativeObjects* owner;
    std::unique_ptr<NativeObject> object;
    size_t bytes;
    v8::Global<v8::External> handle;
    std::list<Entry>::iterator self;
  };
  static NativeObject* Find(v8::Local<v8::Value> handle);
  static void OnCollected(const v8::WeakCallbackInfo<Entry>& info);
  bool Take(size_t bytes);
  void TellV8(v8::Isolate* isolate);

  const std::shared_ptr<PageQuota> quota_;
  std::list<Entry> entries_;
  size_t bytes_ = 0;
  size_t told_bytes_ = 0;  // what V8 knows of: callbacks of a collection may not tell it
};

}  // namespace zts::js
