// What encrypting and decrypting are made of, by OpenSSL's EVP interface: for the ciphers of the web, and for those of node:crypto.
//
// Thread:   the isolate's; data is worked through in slices, and false is also the answer where the turn is being terminated.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "jsruntime/ops/crypto_args.h"

namespace zts::js {

inline constexpr size_t kBlockBytes = 16;   // of the widest block cipher
inline constexpr size_t kTagBytesMax = 16;

using Bytes = std::span<const uint8_t>;

// Appends to `out`, which has room for a block more than `data`.
inline bool UpdateCipher(v8::Isolate* isolate, EVP_CIPHER_CTX* context, Bytes data, std::vector<uint8_t>* out) {
  return InSlices(isolate, data, [&](Bytes slice) {
    const size_t start = out->size();
    out->resize(start + slice.size() + kBlockBytes);
    int size = 0;
    const bool ok =
        EVP_CipherUpdate(context, out->data() + start, &size, slice.data(), static_cast<int>(slice.size())) == 1;
    out->resize(start + (ok ? static_cast<size_t>(size) : 0));
    return ok;
  });
}

inline bool AddExtraData(v8::Isolate* isolate, EVP_CIPHER_CTX* context, Bytes data) {
  return InSlices(isolate, data, [&](Bytes slice) {
    int size = 0;
    return EVP_CipherUpdate(context, nullptr, &size, slice.data(), static_cast<int>(slice.size())) == 1;
  });
}

inline bool FinishCipher(EVP_CIPHER_CTX* context, std::vector<uint8_t>* out) {
  const size_t start = out->size();
  out->resize(start + kBlockBytes);
  int size = 0;
  const bool ok = EVP_CipherFinal_ex(context, out->data() + start, &size) == 1;
  out->resize(start + (ok ? static_cast<size_t>(size) : 0));
  return ok;
}

inline bool SetCipherTag(EVP_CIPHER_CTX* context, Bytes tag) {
  uint8_t copy[kTagBytesMax];
  if (tag.empty() || tag.size() > kTagBytesMax) return false;
  std::copy(tag.begin(), tag.end(), copy);
  return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag.size()), copy) == 1;
}

}  // namespace zts::js
