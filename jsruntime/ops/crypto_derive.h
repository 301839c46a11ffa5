// Native half of web/crypto/ and of node:crypto: derived bits (Web Cryptography 24 ECDH, 26 X25519, 32 HKDF, 33 PBKDF2; RFC 7914 scrypt).
//
//   agree(privateKey, publicKey) -> Uint8Array; the shared secret
//   hkdf(hash, key, salt, info, length) -> Uint8Array
//   pbkdf2(hash, key, salt, iterations, length) -> Uint8Array
//   scrypt(key, salt, N, r, p, length) -> Uint8Array
// undefined where arguments do not fit, the secret would be all zero, or the turn is being terminated.
//
// Thread:   the isolate's. PBKDF2 may have any number of iterations: it asks every kIterationsASlice whether the turn is being
//           terminated, so it costs the function its CPU limit and no more.
// Limits:   kScryptWorkMax, kScryptBytesMax, kDerivedBytesMax.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

// About a millisecond of the slowest hash.
inline constexpr uint32_t kIterationsASlice = 1024;
// N * r * p of scrypt, which cannot be interrupted: 2^20 are the cost of the parameters recommended for files (N 2^17, r 8, p 1), half a
// second; 128 * N * r is its memory, which counts for nothing else.
inline constexpr uint64_t kScryptWorkMax = uint64_t{1} << 20;
inline constexpr uint64_t kScryptBytesMax = uint64_t{64} << 20;
// More than a key or a password's hash ever has.
inline constexpr size_t kDerivedBytesMax = size_t{1} << 20;

std::span<const Op> CryptoDeriveOps();

}  // namespace zts::js
