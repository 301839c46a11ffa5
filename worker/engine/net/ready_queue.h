// What an Io has to tell: completions that one Poll fills in, and those that are known before there is room for them.
//
// Owner:    an Io.
// Thread:   the shard's.
// Life:     a Batch lives for one Poll.
// Limits:   the span that Poll is given; what does not fit waits for the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/ring_queue.h"
#include "base/slot_map.h"
#include "worker/engine/net/handle_table.h"
#include "worker/engine/net/io.h"
#include "worker/engine/net/token.h"

namespace zts::net {

// What one Poll fills.
struct Batch {
  std::span<Completion> out;
  size_t count = 0;
  bool full() const { return count == out.size(); }
  // REQUIRES: !full().
  void Add(Completion completion) { out[count++] = std::move(completion); }
};

// A completion without a lease that waits for its turn.
struct Ready {
  Event event;
  int32_t error;
  Handle handle;
  uint32_t generation;
  SlotId slot;
};

class ReadyQueue {
 public:
  void Push(const Ready& ready) { queue_.push_back(ready); }
  size_t size() const { return queue_.size(); }

  // As much as there is room for. After Close nothing but kClosed is told: what waits for a connection that is not open, or is another
  // by its generation, falls out. `Connection` has a State with kOpen.
  template <typename Connection>
  void DeliverTo(Batch* batch, HandleTable<Connection>* connections) {
    while (!queue_.empty() && !batch->full()) {
      const Ready ready = queue_.front();
      queue_.pop_front();
      if (ready.event != Event::kClosed && ready.event != Event::kAccept) {
        const Connection* connection =
            connections->Find({TokenKind::kConnection, static_cast<uint32_t>(ready.handle), ready.generation});
        if (connection == nullptr || connection->state != Connection::State::kOpen) continue;
      }
      batch->Add({.event = ready.event, .error = ready.error, .handle = ready.handle, .slot = ready.slot});
    }
  }

 private:
  RingQueue<Ready> queue_;
};

}  // namespace zts::net
