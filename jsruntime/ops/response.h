// Native half of web/response.js.
//
//   responseHead(text)   the headers of the response being unpacked: "name\nvalue\nname\nvalue"
//
// Thread:   the isolate's.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> ResponseOps();

}  // namespace zts::js
