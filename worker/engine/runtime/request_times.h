// Where the time of one request has gone, as far as the pool that answers it knows. It is gathered for all, by plain additions, and looked
// at for the few that are slow (worker/engine/slow_requests.h).
//
// Thread:   the shard's.
// Life:     plain figures; copied with the answer.
#pragma once

#include "base/clock.h"

namespace zts::runtime {

struct RequestTimes {
  Nanos waited = 0;       // for an isolate
  Nanos turns = 0;        // in turns of JavaScript of its own
  Nanos upstream = 0;     // in which it had outgoing requests under way
  Nanos collecting = 0;   // in which its function stood still for collections
  bool pending = false;   // it went on after its first turn
  bool away = false;      // another thread or engine has run it: of that the rest is not known here
  bool unoptimized = false;  // the version has run too seldom for its code to be optimised
};

}  // namespace zts::runtime
