// What the ops share: JavaScript's strings and buffers as bytes, and bytes as strings and buffers.
//
// Thread:   the isolate's. Inside one callback: nothing here outlives the call it was made in.
// Errors:   functions that make a value return an empty handle with a JavaScript exception pending.
#pragma once

#include <v8.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace zts::js {

// The UTF-8 of a JavaScript string, lone surrogates replaced (a USVString): on the stack where it is short.
class Utf8Text {
 public:
  Utf8Text(v8::Isolate* isolate, v8::Local<v8::String> string);
  Utf8Text(const Utf8Text&) = delete;
  Utf8Text& operator=(const Utf8Text&) = delete;

  std::string_view view() const { return {data_, size_}; }
  const char* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  // Most URLs and headers fit; a unit of UTF-16 becomes at most three bytes.
  static constexpr size_t kInlineUnits = 512;
  char inline_[kInlineUnits * 3];
  std::unique_ptr<char[]> heap_;
  const char* data_ = inline_;
  size_t size_ = 0;
};

// The bytes of an ArrayBuffer, SharedArrayBuffer or view; empty for anything else and for a detached one.
//
// Life: valid until JavaScript runs or, for small views, until this object goes (V8 keeps those inside its moving heap).
class BufferBytes {
 public:
  explicit BufferBytes(v8::Local<v8::Value> value);
  BufferBytes(const BufferBytes&) = delete;
  BufferBytes& operator=(const BufferBytes&) = delete;

  std::span<const uint8_t> bytes() const { return bytes_; }
  const char* chars() const { return reinterpret_cast<const char*>(bytes_.data()); }
  size_t size() const { return bytes_.size(); }

 private:
  uint8_t inline_[64];  // V8's largest on-heap typed array
  std::span<const uint8_t> bytes_;
};

// The bytes of a view in place, for writing; a null span for anything else and for a detached one.
std::span<uint8_t> WritableBytes(v8::Local<v8::Value> value);

// A string of ASCII or Latin-1 bytes, of UTF-8 (invalid sequences replaced), of UTF-16. RangeError when it is too long.
v8::MaybeLocal<v8::String> Latin1String(v8::Isolate* isolate, std::string_view text);
v8::MaybeLocal<v8::String> Utf8String(v8::Isolate* isolate, std::string_view text);
v8::MaybeLocal<v8::String> Utf16String(v8::Isolate* isolate, std::span<const uint16_t> units);

// A Uint8Array of `size` bytes that are the caller's to fill through `*data`. RangeError when the quota is used up.
v8::MaybeLocal<v8::Uint8Array> NewBytes(v8::Isolate* isolate, size_t size, uint8_t** data);

void ThrowTypeError(v8::Isolate* isolate, std::string_view message);
void ThrowRangeError(v8::Isolate* isolate, std::string_view message);

}  // namespace zts::js
