// How many empty isolates are to be at hand: twice as many after each burst of cold starts that has used them up, half of it again for each
// time in which none has.
//
// An isolate takes a millisecond to make, and a burst waits for each one that is missing, one behind the other.
//
// Owner:    Warmup, under its lock.
// Thread:   the warm-up's.
// Limits:   kSpareIsolates at the least, kSpareIsolatesMax and a share of the memory budget at the most; kSpareRest.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/clock.h"
#include "worker/engine/limits.h"

namespace zts::runtime {

class SpareStock {
 public:
  size_t wanted() const { return wanted_; }
  bool grown() const { return wanted_ > kSpareIsolates; }

  // So many are there.
  void Has(size_t spares) {
    if (spares >= wanted_) full_ = true;
  }
  // A request found none, and there is memory for so many bytes of them (SIZE_MAX: for whatever they take). Counts once until all have been
  // there again.
  void RanOut(Nanos now, size_t bytes) {
    since_ = now;
    if (!full_) return;
    full_ = false;
    wanted_ = std::min(2 * wanted_, std::clamp(bytes / kSpareIsolateBytes, kSpareIsolates, kSpareIsolatesMax));
  }
  // To be asked now and then. Whether fewer are wanted from now on.
  bool Rested(Nanos now) {
    if (!grown() || now - since_ < kSpareRest) return false;
    since_ = now;
    wanted_ = std::max(wanted_ / 2, kSpareIsolates);
    return true;
  }

 private:
  size_t wanted_ = kSpareIsolates;
  bool full_ = false;
  Nanos since_ = 0;  // none was missing
};

}  // namespace zts::runtime
