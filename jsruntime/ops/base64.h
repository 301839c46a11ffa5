// Native half of web/base64.js.
//
//   base64Decode(string) -> binary string, or undefined where the text is not base64 (Infra standard, forgiving-base64 decode)
//   base64Encode(binaryString) -> string, or undefined where a unit is above 0xff
//
// Thread:   the isolate's.
// Errors:   RangeError where the result is too long for a string.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> Base64Ops();

}  // namespace zts::js
