#include "jsruntime/ops/text.h"

#include <cstring>

namespace zts::js {
namespace {

template <typename MakeError>
void Throw(v8::Isolate* isolate, std::string_view message, MakeError make) {
  v8::Local<v8::String> text;
  if (!v8::String::NewFromUtf8(isolate, message.data(), v8::NewStringType::kNormal, static_cast<int>(message.size()))
           .ToLocal(&text)) {
    text = v8::String::Empty(isolate);
  }
  isolate->ThrowException(make(text, v8::Local<v8::Value>()));
}

// V8's string makers return nothing, and throw nothing, where the text is longer than a string can be.
v8::MaybeLocal<v8::String> OrTooLong(v8::Isolate* isolate, v8::MaybeLocal<v8::String> made) {
  if (made.IsEmpty()) ThrowRangeError(isolate, "Invalid string length");
  return made;
}

}  // namespace

Utf8Text::Utf8Text(v8::Isolate* isolate, v8::Local<v8::String> string) {
  constexpr int kFlags = v8::String::WriteFlags::kReplaceInvalidUtf8;
  const size_t units = static_cast<size_t>(string->Length());
  if (units <= kInlineUnits) {
    size_ = string->WriteUtf8V2(isolate, inline_, sizeof(inline_), kFlags);
    return;
  }
  const size_t capacity = string->Utf8LengthV2(isolate);
  heap_ = std::make_unique_for_overwrite<char[]>(capacity);
  size_ = string->WriteUtf8V2(isolate, heap_.get(), capacity, kFlags);
  data_ = heap_.get();
}

BufferBytes::BufferBytes(v8::Local<v8::Value> value) {
  if (value->IsArrayBufferView()) {
    const auto span = value.As<v8::ArrayBufferView>()->GetContents({inline_, sizeof(inline_)});
    bytes_ = {span.data(), span.size()};
  } else if (value->IsArrayBuffer()) {
    const auto buffer = value.As<v8::ArrayBuffer>();
    bytes_ = {static_cast<const uint8_t*>(buffer->Data()), buffer->ByteLength()};
  } else if (value->IsSharedArrayBuffer()) {
    const auto buffer = value.As<v8::SharedArrayBuffer>();
    bytes_ = {static_cast<const uint8_t*>(buffer->Data()), buffer->ByteLength()};
  }
}

std::span<uint8_t> WritableBytes(v8::Local<v8::Value> value) {
  if (!value->IsArrayBufferView()) return {};
  const auto view = value.As<v8::ArrayBufferView>();
  // Buffer() moves a small array's bytes off V8's heap, where they stay put.
  uint8_t* data = static_cast<uint8_t*>(view->Buffer()->Data());
  if (data == nullptr) return {};
  return {data + view->ByteOffset(), view->ByteLength()};
}

v8::MaybeLocal<v8::String> Latin1String(v8::Isolate* isolate, std::string_view text) {
  if (text.size() > v8::String::kMaxLength) return OrTooLong(isolate, {});
  return OrTooLong(isolate, v8::String::NewFromOneByte(isolate, reinterpret_cast<const uint8_t*>(text.data()),
                                                       v8::NewStringType::kNormal, static_cast<int>(text.size())));
}

v8::MaybeLocal<v8::String> Utf8String(v8::Isolate* isolate, std::string_view text) {
  if (text.size() > v8::String::kMaxLength) return OrTooLong(isolate, {});
  return OrTooLong(isolate, v8::String::NewFromUtf8(isolate, text.data(), v8::NewStringType::kNormal,
                                                    static_cast<int>(text.size())));
}

v8::MaybeLocal<v8::String> Utf16String(v8::Isolate* isolate, std::span<const uint16_t> units) {
  if (units.size() > v8::String::kMaxLength) return OrTooLong(isolate, {});
  return OrTooLong(isolate, v8::String::NewFromTwoByte(isolate, units.data(), v8::NewStringType::kNormal,
                                                       static_cast<int>(units.size())));
}

v8::MaybeLocal<v8::Uint8Array> NewBytes(v8::Isolate* isolate, size_t size, uint8_t** data) {
  v8::Local<v8::ArrayBuffer> buffer;
  if (size > v8::Uint8Array::kMaxLength ||
      !v8::ArrayBuffer::MaybeNew(isolate, size, v8::BackingStoreInitializationMode::kUninitialized).ToLocal(&buffer)) {
    ThrowRangeError(isolate, "Array buffer allocation failed");
    return {};
  }
  *data = static_cast<uint8_t*>(buffer->Data());
  return v8::Uint8Array::New(buffer, 0, size);
}

void ThrowTypeError(v8::Isolate* isolate, std::string_view message) {
  Throw(isolate, message, [](auto text, auto options) { return v8::Exception::TypeError(text, options); });
}

void ThrowRangeError(v8::Isolate* isolate, std::string_view message) {
  Throw(isolate, message, [](auto text, auto options) { return v8::Exception::RangeError(text, options); });
}

}  // namespace zts::js
