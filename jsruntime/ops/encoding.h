// Native half of web/encoding.js: text and bytes into one another.
//
//   utf8Encode(string) -> Uint8Array
//   utf8EncodeInto(string, uint8array) -> bytes written; units read are left in `progress[0]` (third argument, Uint32Array)
//   utf8Decode(bytes, flags) -> string, or undefined where kFatal is set and the bytes are not UTF-8
//   utf16Decode(bytes, flags) -> likewise; an odd last byte counts as malformed
//   latin1Decode(bytes) -> string, byte for unit
//   windows1252Decode(bytes) -> string
//
// Decoders see whole inputs; what a stream keeps between chunks is web/encoding.js's business.
//
// Thread:   the isolate's.
// Errors:   RangeError where the result is too long for a string or for the memory limit.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

// Bits of `flags`, by the same numbers in web/encoding.js.
enum DecodeFlags { kDecodeFatal = 1, kDecodeKeepBom = 2, kDecodeBigEndian = 4 };

std::span<const Op> EncodingOps();

}  // namespace zts::js
