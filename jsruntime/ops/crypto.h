// Native half of web/crypto.js.
//
//   randomFill(view) -> undefined; fills the view's bytes
//   randomUuid() -> "xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx" (RFC 9562, version 4)
//
// Thread:   the isolate's. Keys, digests and the rest of crypto.subtle are in crypto_*.h.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> CryptoOps();

}  // namespace zts::js
