// Native half of web/crypto/: signatures (Web Cryptography 20 RSASSA-PKCS1-v1_5, 21 RSA-PSS, 23 ECDSA, 25 Ed25519, 31 HMAC).
//
//   sign(scheme, key, hash, saltLength, data) -> Uint8Array
//   verify(scheme, key, hash, saltLength, signature, data) -> boolean
// `scheme` is 0 RSASSA-PKCS1-v1_5, 1 RSA-PSS, 2 ECDSA (r and s side by side, IEEE P1363), 3 Ed25519 and Ed448 (hash and saltLength unused),
// 4 HMAC. A saltLength below 0 is RSA-PSS's longest, and any when verifying. undefined where the key does not fit or the turn is being
// terminated.
//
// Thread:   the isolate's; the data is read in slices, but for scheme 3, which needs it whole.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> CryptoSignOps();

}  // namespace zts::js
