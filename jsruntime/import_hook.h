// Replaces a function that this process's executable imports from a shared library: from then on its own calls come to us first.
//
// The host binary lends V8 and takes no orders about what V8 asks of the kernel; its calls go through a table of addresses that the dynamic
// linker filled, and this changes an entry of it. Calls of other libraries, and of the addon itself, stay as they are.
//
// Thread:   before other threads depend on the answer; a call that runs at the same time takes either function.
// Errors:   kNotFound where the executable imports no such name.
// Source:   System V ABI, AMD64 supplement: R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT; here for ELF of 64 bits.
#pragma once

#include <string_view>

#include "base/result.h"

namespace zts::js {

Status ReplaceImport(std::string_view name, void* replacement);

}  // namespace zts::js
