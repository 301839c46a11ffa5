// How a compiler process says by its exit status what it could not say by an answer.
//
// Thread:   constants.
#pragma once

namespace zts::controller {

// The job could not be read: our own trouble, not the tenant's.
inline constexpr int kNoJobExit = 3;
// What jsruntime ends a process with that V8 cannot go on in; compiler_main.cc asserts that it is the same number.
inline constexpr int kV8FatalExit = 86;

}  // namespace zts::controller
