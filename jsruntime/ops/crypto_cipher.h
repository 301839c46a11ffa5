// Native half of web/crypto/ and of node:crypto: ciphers (Web Cryptography 22 RSA-OAEP, 27 AES-CTR, 28 AES-CBC, 29 AES-GCM, 30 AES-KW).
//
//   aes(mode, encrypt, key, iv, data, number, extra) -> Uint8Array
//     mode "cbc"; "ctr" with the counter's length in bits as `number`; "gcm" with the tag's length in bytes as `number` and the
//     additional data as `extra`, the tag behind the ciphertext; "kw" without iv
//   rsaOaep(encrypt, key, hash, label, data) -> Uint8Array
// For node:crypto, any that OpenSSL has, by its names or numbers, and any piece of data at a time (of CCM, XTS and key wrap: one):
//   cipherInfo(name) -> [name, nid, mode, key bytes, iv bytes, block bytes, whether it authenticates]    cipherNames() -> names
//   cipherStart(name, encrypt, keyBytes, iv, tagBytes) -> handle; iv undefined: it has none
//   cipherUpdate(handle, data) -> Uint8Array
//   cipherExtra(handle, data, dataBytes) -> true; additional data. dataBytes: of CCM, how much data will come; else undefined
//   cipherPadding(handle, on) -> true            cipherTag(handle, tag) -> true; before the end of decryption
//   cipherFinal(handle) -> Uint8Array            cipherTag(handle) -> Uint8Array; after the end of encryption
// undefined where arguments do not fit, the data is not authentic, or the turn is being terminated.
//
// Thread:   the isolate's; data is worked through in slices.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> CryptoCipherOps();

}  // namespace zts::js
