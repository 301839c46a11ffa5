// Native half of web/console.js.
//
//   consoleWrite(severity, text)   severity as LogSeverity; one record of the running invocation
//   monotonicMillis() -> number    for console.time
//   reportException(value)         an error nobody caught, as a kException record
//
// Thread:   the isolate's.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> ConsoleOps();

}  // namespace zts::js
