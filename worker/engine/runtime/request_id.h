// The two names of one request on its way through the pool.
//
// Thread:   values.
#pragma once

#include <cstdint>

namespace zts::runtime {

// The session's name for one request; comes back with its answer.
using RequestId = uint64_t;
// The pool's name for it, to cancel it by. Stale once the request is answered: cancelling does nothing then. Never reused.
using Ticket = uint64_t;

}  // namespace zts::runtime
