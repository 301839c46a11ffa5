// Native half of web/base64.js.
//
//   base64Decode(string) -> binary string, or undefined where the text is not base64 (Infra standard, forgiving-base64 decode)
//   base64Encode(binaryString) -> string, or undefined where a unit is above 0xff
//   base64UrlDecode(text) -> Uint8Array; undefined where it is not base64url, or has padding or white space (RFC 7515 2)
//   base64UrlEncode(bytes) -> string
//
// Thread:   the isolate's.
// Errors:   RangeError where the result is too long for a string.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> Base64Ops();

}  // namespace zts::js
