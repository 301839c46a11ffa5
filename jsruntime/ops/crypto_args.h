// What the ops of cryptography share: arguments, results, and work in slices.
//
// Thread:   the isolate's, inside one callback.
// Limits:   kSliceBytes.
#pragma once

#include <v8.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "jsruntime/ops/openssl.h"
#include "jsruntime/ops/text.h"
#include "jsruntime/realm.h"

namespace zts::js {

// Between slices the op asks whether the turn is being terminated: TerminateExecution does not reach into C++. A slice of input is a
// millisecond or two of the slowest hash.
inline constexpr size_t kSliceBytes = size_t{1} << 20;

using OpInfo = v8::FunctionCallbackInfo<v8::Value>;

inline bool Stopping(v8::Isolate* isolate) {
  const Realm* realm = Realm::From(isolate);
  return realm != nullptr && realm->stopping();
}

// Calls update(slice) over the bytes; false where it fails or the turn is being terminated.
template <typename Update>
bool InSlices(v8::Isolate* isolate, std::span<const uint8_t> bytes, Update update) {
  while (!bytes.empty()) {
    const auto slice = bytes.first(std::min(bytes.size(), kSliceBytes));
    if (!update(slice)) return false;
    bytes = bytes.subspan(slice.size());
    if (!bytes.empty() && Stopping(isolate)) return false;
  }
  return true;
}

inline void ReturnBytes(const OpInfo& info, std::span<const uint8_t> bytes) {
  uint8_t* data = nullptr;
  v8::Local<v8::Uint8Array> made;
  if (!NewBytes(info.GetIsolate(), bytes.size(), &data).ToLocal(&made)) return;
  std::copy(bytes.begin(), bytes.end(), data);
  info.GetReturnValue().Set(made);
}

inline void ReturnNames(const OpInfo& info, const std::vector<std::string>& names) {
  v8::LocalVector<v8::Value> texts(info.GetIsolate());
  for (const std::string& name : names) texts.push_back(v8::String::NewFromUtf8(info.GetIsolate(), name.c_str()).ToLocalChecked());
  info.GetReturnValue().Set(v8::Array::New(info.GetIsolate(), texts.data(), texts.size()));
}

// A whole number of 32 bits, or `otherwise`.
inline uint32_t NumberOr(v8::Local<v8::Value> value, uint32_t otherwise) {
  return value->IsUint32() ? value.As<v8::Uint32>()->Value() : otherwise;
}

inline const EVP_MD* DigestOf(v8::Isolate* isolate, v8::Local<v8::Value> name) {
  return name->IsString() ? DigestNamed(Utf8Text(isolate, name.As<v8::String>()).view()) : nullptr;
}

// For OpenSSL, which takes a null pointer for a missing value.
inline const uint8_t* NotNull(std::span<const uint8_t> bytes) {
  static const uint8_t kNothing = 0;
  return bytes.data() == nullptr ? &kNothing : bytes.data();
}

}  // namespace zts::js
