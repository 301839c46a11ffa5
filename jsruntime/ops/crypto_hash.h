// Digests: crypto.subtle.digest, and node:crypto's hashes that take data a piece at a time.
//
//   digest(name, bytes) -> ArrayBuffer
//   hashStart(name, key) -> handle; `key` undefined for a hash, bytes for an HMAC
//   hashUpdate(handle, bytes) -> true     hashCopy(handle) -> handle     hashFinal(handle) -> Uint8Array
//   timingSafeEqual(a, b) -> boolean; of equally long bytes
// undefined for a name other than those of DigestNamed, and when the turn is being terminated.
//
// Thread:   the isolate's; data is read in slices.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> CryptoHashOps();

}  // namespace zts::js
