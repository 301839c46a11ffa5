// Native half of web/builtins.js and of the modules of jsruntime/builtins.
//
//   builtin(name) -> function (native, internal, module, exports, require), compiled; undefined for an unknown name
//   builtinNames() -> array of the names that functions may import
//   environment() -> object; the function's env, a new copy each time
//
// Sources are part of the program and read in place: an isolate pays for a module's code, not for its text. Code caches of them are in
// web.snapshot, as those of lazy files by the name of BuiltinFileName.
//
// Thread:   the isolate's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> BuiltinOps();

// The module's name in stacks, and as a lazy file that has a code cache and no source.
std::string BuiltinFileName(std::string_view name);

// The sources of the runtime's own modules as V8 has them: what a function's snapshot names instead of holding copies.
std::vector<intptr_t> BuiltinTextReferences();

}  // namespace zts::js
