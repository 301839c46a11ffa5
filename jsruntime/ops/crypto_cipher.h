// Native half of builtins/webcrypto and of node:crypto: ciphers (Web Cryptography 22 RSA-OAEP, 27 AES-CTR, 28 AES-CBC, 29 AES-GCM, 30
// AES-KW).
//
//   aes(mode, encrypt, key, iv, data, number, extra) -> Uint8Array
//     mode "cbc"; "ctr" with the counter's length in bits as `number`; "gcm" with the tag's length in bytes as `number` and the
//     additional data as `extra`, the tag behind the ciphertext; "kw" without iv
//   rsaOaep(encrypt, key, hash, label, data) -> Uint8Array
//   rsaPadded(operation, key, padding, data) -> Uint8Array; for node:crypto
//     operation: 0 publicEncrypt, 1 privateDecrypt, 2 privateEncrypt, 3 publicDecrypt
//     padding: RSA_PKCS1_PADDING or RSA_NO_PADDING of OpenSSL (RFC 8017 7.2, 9.2)
// undefined where arguments do not fit, the data is not authentic, or the turn is being terminated.
//
// Thread:   the isolate's; data is worked through in slices.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> CryptoCipherOps();

}  // namespace zts::js
