// Native half of the legacy encodings of web/encoding.js: ICU's converters, which the host binary exports.
//
//   legacyOpen(name, fatal) -> decoder    name: of ICU; an opaque ArrayBuffer, closed with its last reference. undefined: no such name
//   legacyDecode(decoder, bytes, more) -> string; undefined where fatal and the bytes are not valid. Without `more` it begins anew.
//
// Thread:   the isolate's; a decoder may be closed on any.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> LegacyTextOps();

}  // namespace zts::js
