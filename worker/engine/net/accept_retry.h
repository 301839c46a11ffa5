// Listeners that rest because accepting failed for want of descriptors, and when each is tried again.
//
// A queue that nobody can empty stays readable: looking again at once would only burn the core. Who closes a connection tries all of
// them, since a descriptor is free again.
//
// Owner:    an Io, beside its listeners: `Listener` has a `Nanos retry_at`, 0 while it does not rest.
// Thread:   the shard's.
// Limits:   kAcceptRetry between two tries of one listener, unless a connection closes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace zts::net {

class AcceptRetry {
 public:
  static constexpr Nanos kAcceptRetry = 50 * kMillisecond;
  enum class Which : uint8_t { kDue, kAll };

  // Some listener rests.
  bool waits() const { return waits_; }

  template <typename Listener>
  void Rest(Listener* listener, Nanos now) {
    listener->retry_at = now + kAcceptRetry;
    waits_ = true;
  }

  // None rests any more: the listeners are stopped.
  void Clear() { waits_ = false; }

  // The earliest time of a try; INT64_MAX: none.
  template <typename Listener>
  Nanos next_due(const std::vector<Listener>& listeners) const {
    Nanos due = INT64_MAX;
    for (const Listener& listener : listeners) {
      if (listener.retry_at != 0) due = std::min(due, listener.retry_at);
    }
    return due;
  }

  // Calls `accept_again(index)` for each whose turn it is; where it returns false, the listener rests once more.
  template <typename Listener, typename F>
  void Try(Which which, Nanos now, std::vector<Listener>* listeners, F accept_again) {
    waits_ = false;
    for (size_t i = 0; i < listeners->size(); ++i) {
      Listener& listener = (*listeners)[i];
      if (listener.retry_at == 0) continue;
      if (which == Which::kDue && listener.retry_at > now) {
        waits_ = true;
      } else if (accept_again(i)) {
        listener.retry_at = 0;
      } else {
        Rest(&listener, now);
      }
    }
  }

 private:
  bool waits_ = false;
};

}  // namespace zts::net
