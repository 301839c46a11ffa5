// Native half of web/structured_clone.js.
//
//   structuredClone(value, transfer, hooks) -> the copy
//     transfer: array of ArrayBuffers, checked by the caller
//     hooks: { clone(object) -> copy of a platform object, or throws; refuse(message) -> the exception to throw }
//   markPlatform(prototype) -> undefined; objects that inherit from it are platform objects from then on
//
// Platform objects are known by a private mark on their class's prototype, so a plain object costs one comparison.
//
// Thread:   the isolate's.
// Limits:   kCloneBytesMax: a larger value is a DataCloneError.
// Errors:   what `refuse` makes, or whatever a getter of the value throws.
#pragma once

#include <cstddef>
#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

// The serialised form lives outside the isolate's heap and its limit, so it has its own: half of the default heap, as the
// value and its copy must both fit there.
inline constexpr size_t kCloneBytesMax = size_t{64} << 20;

std::span<const Op> StructuredCloneOps();

}  // namespace zts::js
