// How far down V8 may go on the calling thread's stack.
//
// Thread:   any; a value for the calling one.
// Limits:   kStackForJavaScriptBytes, or what the thread has, less kStackReserveBytes for C++ below V8's own checks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace zts::js {

// V8's own default: about ten thousand plain calls deep.
inline constexpr size_t kStackForJavaScriptBytes = 984 * 1024;
// Builtins in C++ run beyond the limit until their next check.
inline constexpr size_t kStackReserveBytes = 128 * 1024;

// The lowest address for JavaScript's frames.
uintptr_t ThreadStackLimit();

}  // namespace zts::js
