// Native half of web/timers.js, and what keeps an invocation alive after its answer.
//
//   timerStart(milliseconds, repeats) -> id    belongs to the running invocation; RangeError beyond kTimersMax
//   timerStop(id)
//   enqueueMicrotask(function)
//   backgroundBegin(serial) -> boolean         work of ctx.waitUntil begins; false: the invocation is over
//   backgroundEnd(serial)
//   memoryAvailable(bytes) -> boolean          whether that much more fits the memory limit
//
// Thread:   the isolate's.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> TimersOps();

}  // namespace zts::js
