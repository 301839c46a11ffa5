// The threads that V8 works on beside those that run isolates: what it compiles of hot functions, and parts of collections.
//
// The host makes them before a program begins, for all isolates together. `--single-threaded-gc` leaves one piece of work a collection,
// which V8 still offers to them: an isolate that makes much garbage keeps one busy half of the time, on whatever core it finds.
//
// Thread:   any.
// Errors:   none are found where /proc is not to be read, or the host names them otherwise.
#pragma once

#include <sys/types.h>

#include <vector>

namespace zts::js {

// Of this process.
std::vector<pid_t> FindHelperThreads();

}  // namespace zts::js
