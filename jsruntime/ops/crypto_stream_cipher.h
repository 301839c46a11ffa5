// Native half of node:crypto's Cipheriv and Decipheriv: any cipher that OpenSSL has, by its names or numbers, and any piece of data at a
// time (of CCM, XTS and key wrap: one).
//
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

std::span<const Op> CryptoStreamCipherOps();

}  // namespace zts::js
