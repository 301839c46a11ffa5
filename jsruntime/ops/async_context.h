// What an asynchronous continuation carries along: native half of node:async_hooks.
//
//   contextGet() -> the running continuation's context    contextSet(context) -> undefined
//
// V8 keeps one value with each promise reaction and microtask. It is the invocation's serial, a number, for as long as no function
// uses AsyncLocalStorage; then an array [serial, stores], which Realm::CurrentSerial reads too.
//
// Thread:   the isolate's.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> AsyncContextOps();

}  // namespace zts::js
