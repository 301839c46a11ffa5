// Native half of web/builtins.js and of the modules of jsruntime/builtins.
//
//   builtin(name) -> function (native, internal, module, exports, require), compiled; undefined for an unknown name
//   builtinNames() -> array of the names that functions may import
//   environment() -> object; the function's env, a new copy each time
//
// Sources are part of the program and read in place: an isolate pays for a module's code, not for its text.
//
// Thread:   the isolate's.
#pragma once

#include <span>

#include <vector>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> BuiltinOps();

// The sources of the runtime's own modules as V8 has them: what a function's snapshot names instead of holding copies.
std::vector<intptr_t> BuiltinTextReferences();

}  // namespace zts::js
