// Connections that drain before they close, in the order of their deadlines: all have the same time, so a queue is enough.
//
// Owner:    an Io.
// Thread:   the shard's.
// Limits:   kLingerTimeout an entry, unless a test says otherwise. Entries of connections that closed earlier stay until then
//           and are recognised by their token.
#pragma once

#include <optional>

#include "base/clock.h"
#include "base/ring_queue.h"
#include "worker/engine/net/token.h"

namespace zts::net {

class LingerQueue {
 public:
  explicit LingerQueue(Nanos timeout) : timeout_(timeout) {}

  void Add(const Token& token, Nanos now) { entries_.push_back({token, now + timeout_}); }

  // The next connection whose time is over.
  std::optional<Token> TakeDue(Nanos now) {
    if (entries_.empty() || entries_.front().due > now) return std::nullopt;
    const Token token = entries_.front().token;
    entries_.pop_front();
    return token;
  }

  bool empty() const { return entries_.empty(); }
  // REQUIRES: !empty().
  Nanos next_due() const { return entries_.front().due; }

 private:
  struct Entry {
    Token token;
    Nanos due;
  };
  Nanos timeout_;
  RingQueue<Entry> entries_;
};

}  // namespace zts::net
