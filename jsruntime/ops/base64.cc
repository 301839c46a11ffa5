#include "jsruntime/ops/base64.h"

#include <algorithm>
#include <memory>

#include "jsruntime/ops/simdutf.h"
#include "jsruntime/ops/text.h"

namespace zts::js {
namespace {

// The units of a string that has none above 0xff; on the stack where it is short.
class Latin1Text {
 public:
  Latin1Text(v8::Isolate* isolate, v8::Local<v8::String> string) {
    if (!string->ContainsOnlyOneByte()) return;
    size_ = static_cast<size_t>(string->Length());
    if (size_ > sizeof(inline_)) {
      heap_ = std::make_unique_for_overwrite<char[]>(size_);
      data_ = heap_.get();
    }
    string->WriteOneByteV2(isolate, 0, static_cast<uint32_t>(size_), reinterpret_cast<uint8_t*>(data_));
    ok_ = true;
  }
  bool ok() const { return ok_; }
  const char* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  char inline_[1024];
  std::unique_ptr<char[]> heap_;
  char* data_ = inline_;
  size_t size_ = 0;
  bool ok_ = false;
};

void ReturnLatin1(const v8::FunctionCallbackInfo<v8::Value>& info, std::string_view text) {
  v8::Local<v8::String> made;
  if (Latin1String(info.GetIsolate(), text).ToLocal(&made)) info.GetReturnValue().Set(made);
}

void Base64Decode(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 1 || !info[0]->IsString()) return;
  const Latin1Text text(info.GetIsolate(), info[0].As<v8::String>());
  if (!text.ok()) return;
  const size_t capacity = simdutf::maximal_binary_length_from_base64(text.data(), text.size());
  const auto out = std::make_unique_for_overwrite<char[]>(capacity + 1);
  const simdutf::result done =
      simdutf::base64_to_binary(text.data(), text.size(), out.get(), simdutf::base64_default, simdutf::loose);
  if (done.error == simdutf::error_code{}) ReturnLatin1(info, {out.get(), done.count});
}

void Base64Encode(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 1 || !info[0]->IsString()) return;
  const Latin1Text text(info.GetIsolate(), info[0].As<v8::String>());
  if (!text.ok()) return;
  const size_t size = simdutf::base64_length_from_binary(text.size(), simdutf::base64_default);
  const auto out = std::make_unique_for_overwrite<char[]>(size + 1);
  ReturnLatin1(info, {out.get(), simdutf::binary_to_base64(text.data(), text.size(), out.get(), simdutf::base64_default)});
}

void Base64UrlDecode(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 1 || !info[0]->IsString()) return;
  const Latin1Text text(info.GetIsolate(), info[0].As<v8::String>());
  if (!text.ok()) return;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.data()[i] == '=' || static_cast<unsigned char>(text.data()[i]) <= ' ') return;
  }
  const size_t capacity = simdutf::maximal_binary_length_from_base64(text.data(), text.size());
  const auto out = std::make_unique_for_overwrite<char[]>(capacity + 1);
  const simdutf::result done = simdutf::base64_to_binary(text.data(), text.size(), out.get(), simdutf::base64_url, simdutf::loose);
  if (done.error != simdutf::error_code{}) return;
  uint8_t* data = nullptr;
  v8::Local<v8::Uint8Array> bytes;
  if (!NewBytes(info.GetIsolate(), done.count, &data).ToLocal(&bytes)) return;
  std::copy(out.get(), out.get() + done.count, data);
  info.GetReturnValue().Set(bytes);
}

void Base64UrlEncode(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 1) return;
  const BufferBytes bytes(info[0]);
  const size_t size = simdutf::base64_length_from_binary(bytes.size(), simdutf::base64_url);
  const auto out = std::make_unique_for_overwrite<char[]>(size + 1);
  ReturnLatin1(info, {out.get(), simdutf::binary_to_base64(bytes.chars(), bytes.size(), out.get(), simdutf::base64_url)});
}

constexpr Op kOps[] = {
    {"base64UrlDecode", Base64UrlDecode},
    {"base64UrlEncode", Base64UrlEncode},
    {"base64Decode", Base64Decode},
    {"base64Encode", Base64Encode},
};

}  // namespace

std::span<const Op> Base64Ops() { return kOps; }

}  // namespace zts::js
