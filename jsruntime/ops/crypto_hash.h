// Digests: crypto.subtle.digest, and node:crypto's hashes that take data a piece at a time.
//
//   digest(name, bytes) -> ArrayBuffer
//   hashStart(name, key) -> handle; `key` undefined for a hash, bytes for an HMAC
//   hashUpdate(handle, bytes) -> true     hashCopy(handle) -> handle
//   hashFinal(handle[, size]) -> Uint8Array; size: of a hash that is as long as one wants
//   hashInfo(name) -> [its size, whether it is as long as one wants]     hashNames() -> OpenSSL's
//   timingSafeEqual(a, b) -> boolean; of equally long bytes
// undefined for a name that DigestNamed does not know, and when the turn is being terminated.
//
// Thread:   the isolate's; data is read in slices.
// Limits:   kExtendedHashBytesMax.
#pragma once

#include <cstddef>
#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

inline constexpr size_t kExtendedHashBytesMax = size_t{16} << 20;

std::span<const Op> CryptoHashOps();

}  // namespace zts::js
