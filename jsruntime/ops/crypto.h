// Native half of web/crypto.js.
//
//   randomFill(view) -> undefined; fills the view's bytes
//   randomUuid() -> "xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx" (RFC 9562, version 4)
//   digest(name, bytes) -> ArrayBuffer; undefined for a name other than "SHA-1", "SHA-256", "SHA-384", "SHA-512"
//
// Thread:   the isolate's. A digest runs in place: the body limit bounds its time (about 1 ms a megabyte).
// Needs:    OpenSSL 3 as the host binary exports it.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> CryptoOps();

}  // namespace zts::js
