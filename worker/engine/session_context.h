// What the sessions of one shard share: the parts they bring together, and the memory they use for a moment each.
//
// Owner:    Shard, exactly one.
// Thread:   the shard's.
// Life:     outlives every session.
// Limits:   kKeptBuffers objects of each kind are kept for reuse.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/slot_map.h"
#include "jsruntime/isolate.h"
#include "worker/engine/free_list.h"
#include "worker/engine/http/writer.h"
#include "worker/engine/limits.h"
#include "worker/engine/net/loop.h"
#include "worker/engine/route/catalog.h"
#include "worker/engine/runtime/pool.h"
#include "worker/engine/slow_requests.h"
#include "worker/ipc/shared_counters.h"

namespace zts {

// One request under way: what JavaScript reads of it, and what its answer needs.
struct Exchange {
  js::RequestView view;
  char request_id[16];
  std::string body;             // pieces of a body that did not come in one
  std::shared_ptr<js::RequestBody> stream;  // a body that is not there yet
  uint32_t counter_row = 0;
  uint32_t version_row = 0;     // 0: the version is not counted apart
  uint64_t version_number = 0;  // shown to the client where a function has two; 0: not shown
  bool cold = false;            // waited for an isolate
  runtime::RequestTimes times;  // once it is answered
  std::string server_timing;    // the line with its end; empty: no such times are shown
  uint64_t version_id = 0;
  Nanos started = 0;            // when its head was complete
};

struct SessionContext {
  net::Loop* loop = nullptr;
  runtime::Pool* pool = nullptr;
  runtime::PoolHost* host = nullptr;  // whose log takes what goes wrong with a response
  route::CatalogPtr catalog;    // null until the first one is committed
  ipc::ShardCounters* counters = nullptr;
  http::DateCache dates;
  enum class Mode : uint8_t { kServing, kDraining } mode = Mode::kServing;

  FreeList<http::OutBuffer> out_buffers{kKeptBuffers};
  FreeList<Exchange> exchanges{kKeptBuffers};

  // Sessions to which something has happened outside their own events; they go on at the end of the pass. One that has had its turn in this
  // pass waits for the next, so that no stream holds the shard up.
  std::vector<SlotId> ready;
  std::vector<SlotId> later;
  uint64_t pass = 1;

  // Sessions whose answers are written and wait to be sent with those of others, and how many bytes those had.
  std::vector<SlotId> written;
  size_t written_bytes = 0;

  // Answers whose time is not recorded yet: one reading of the clock does for all that a batch has sent.
  struct Unflushed {
    uint32_t counter_row;
    uint32_t version_row;
    Nanos started;
  };
  std::vector<Unflushed> unflushed;
  void RecordLatencies();

  SlowRequests slow;
  RunDelay* run_delay = nullptr;  // of this thread; null: not known

  // Request ids: 64 bits that differ between engines (seed) and count within one; shown as 16 hex digits.
  uint64_t request_seed = 0;
  uint64_t request_count = 0;
  void NextRequestId(char (&id)[16]);
  // A draw for dividing requests (xorshift64*, seeded with the ids).
  uint64_t draw_state = 0;
  uint64_t Draw();

  // From monotonic to wall time; refreshed by the shard now and then, so that a response costs no clock reading.
  Nanos wall_offset = 0;
  std::string_view DateLine() { return dates.Line(loop->now() + wall_offset); }
};

}  // namespace zts
