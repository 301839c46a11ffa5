// Native half of web/crypto/: keys (Web Cryptography 13 and the import, export and generate operations of 20 to 36).
//
// A key is an opaque handle. `type` is one of "RSA", "EC", "Ed25519", "X25519", "Ed448", "X448"; `curve` is "P-256", "P-384" or "P-521".
// Parts are big-endian bytes in the order of JWK (RFC 7518 6, RFC 8037): RSA n e [d p q dp dq qi]; EC x y [d], or one encoded point; the
// others x [d].
//
//   keySecret(bytes, extractable) -> handle          keyRandom(bytes, extractable) -> handle; `bytes` is the length
//   keyPair(type, curve or bits, exponent, extractable) -> [public, private]
//   keyFromSpki(type, curve, der) -> handle           keyFromPkcs8(type, curve, der, extractable) -> handle
//   keyFromParts(type, curve, parts, extractable) -> handle
//   keyRaw(handle) -> Uint8Array; the secret, or a public key's point
//   keySpki(handle) / keyPkcs8(handle) -> Uint8Array   keyParts(handle) -> array of Uint8Array
//   keyBits(handle) -> number; of a secret, of a modulus   keyExponent(handle) -> Uint8Array
// All give undefined for what is not valid, and for exporting a key that is not extractable.
//
// Thread:   the isolate's. Generating RSA keys asks between candidates whether the turn is being terminated.
// Limits:   kRsaGenerateBitsMax, kRsaBitsMax, kSecretBytesMax.
#pragma once

#include <v8.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "jsruntime/native_objects.h"
#include "jsruntime/ops/openssl.h"
#include "jsruntime/ops/registry.h"

namespace zts::js {

// Finding two primes of 2,048 bits takes a second or so of CPU, which is the function's to spend; of 8,192 it takes minutes.
inline constexpr int kRsaGenerateBitsMax = 4096;
// One private operation with it takes tens of milliseconds, between which nothing can be asked.
inline constexpr int kRsaBitsMax = 8192;
// A key longer than a hash's block is hashed anyway; passwords are short.
inline constexpr size_t kSecretBytesMax = size_t{1} << 20;

struct Key final : NativeObject {
  static constexpr Kind kKind = Kind::kKey;
  Key() : NativeObject(kKind) {}
  ~Key() override;
  size_t bytes() const override;

  bool extractable = false;
  bool is_private = false;
  std::vector<uint8_t> secret;  // of a secret key
  PkeyPtr pkey;                 // of a public or private key
};

inline Key* KeyOf(v8::Local<v8::Value> handle) { return NativeObjects::Get<Key>(handle); }

std::span<const Op> CryptoKeyOps();

}  // namespace zts::js
