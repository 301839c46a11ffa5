// Whether text is UTF-8.
//
// Source:   RFC 3629, section 4: no overlong forms, no surrogates, nothing beyond U+10FFFF.
// Thread:   a pure function.
// Errors:   kInvalid; the message names the offset of the first byte that begins no character.
#pragma once

#include <string_view>

#include "base/result.h"

namespace zts {

Status ValidateUtf8(std::string_view text);

}  // namespace zts
