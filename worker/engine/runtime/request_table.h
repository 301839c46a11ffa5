// The requests of one shard's pool that are not over, and where each stands: it waits for an isolate, or one has it.
//
// A request is over with its whole answer, with the end of a streamed one, or when its body has no reader any more, whichever is last.
//
// Requests of one version and state stand in a list in the order they came. All of one list have the same time limit, so this is the
// order of their deadlines too. The gauges `queued` and `in_flight` move with the requests: nobody else has to think of them.
//
// Owner:    Pool.
// Thread:   the shard's.
// Life:     a Request stays at its address until Forget. The queues and counters that a request was added with outlive it.
// Limits:   kConnectionsMax; Add is not to be called beyond it (CHECKed).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/clock.h"
#include "base/slot_map.h"
#include "jsruntime/isolate.h"
#include "worker/engine/limits.h"
#include "worker/engine/runtime/request_id.h"
#include "worker/engine/runtime/request_times.h"
#include "worker/ipc/shared_counters.h"

namespace zts::runtime {

struct Version;   // the pool's affair
struct Instance;  // the pool's affair
struct VersionQueues;

struct Request {
  RequestId id = 0;
  const js::RequestView* view = nullptr;
  Version* version = nullptr;
  Instance* instance = nullptr;  // null until an isolate has it
  VersionQueues* queues = nullptr;
  SlotId slot;
  Nanos deadline = 0;
  Nanos submitted = 0;
  Nanos route_time = 0;          // of one that waits: from the pass that read it to here
  Nanos cold_dispatched = 0;     // of one that shows its times
  Nanos cold_gc_before = 0;
  RequestTimes times;            // so far
  Nanos gc_before = 0;           // of its version
  Nanos upstream_since = 0;      // 0: no outgoing request is under way
  Request* next = nullptr;
  Request* previous = nullptr;
  enum class In : uint8_t { kNone, kWaiting, kAway, kRunning } in = In::kNone;
  bool away = false;             // elsewhere has it, or will
  bool shows_times = false;      // of its cold start, with its answer
  bool peer_finished = false;    // while it waited: its function is to hear of it
  enum class Phase : uint8_t {
    kUnanswered,
    kStreaming,   // answered, and the end of the response is still to come
    kBackground,  // answered whole, and background work reads on in the request's body
    kCancelled,   // its owner is to hear nothing more
  } phase = Phase::kUnanswered;

  Ticket ticket() const { return slot.Pack(); }
};

// Links through the requests themselves, so that none is allocated.
class RequestList {
 public:
  Request* front() const { return head_; }
  bool empty() const { return head_ == nullptr; }
  size_t size() const { return size_; }
  // Whether the earliest deadline has come.
  bool IsDue(Nanos now) const { return head_ != nullptr && head_->deadline <= now; }

  void PushBack(Request* request) {
    request->previous = tail_;
    request->next = nullptr;
    (tail_ != nullptr ? tail_->next : head_) = request;
    tail_ = request;
    ++size_;
  }
  // REQUIRES: it stands in this list.
  void Remove(Request* request) {
    (request->previous != nullptr ? request->previous->next : head_) = request->next;
    (request->next != nullptr ? request->next->previous : tail_) = request->previous;
    --size_;
  }

 private:
  Request* head_ = nullptr;
  Request* tail_ = nullptr;
  size_t size_ = 0;
};

// What one version has of them.
struct VersionQueues {
  RequestList waiting;
  RequestList away;     // given to elsewhere, where they have not begun
  RequestList running;  // those that went on after their Dispatch, or have begun elsewhere
  ipc::FunctionCounters* row = nullptr;
  ipc::Counter* in_flight = nullptr;  // the gauge that counts them

  bool empty() const { return waiting.empty() && away.empty() && running.empty(); }
  // The earliest deadline; 0: none.
  Nanos due() const {
    Nanos due = 0;
    for (const RequestList* list : {&waiting, &away, &running}) {
      if (!list->empty() && (due == 0 || list->front()->deadline < due)) due = list->front()->deadline;
    }
    return due;
  }
};

class RequestTable {
 public:
  explicit RequestTable(ipc::Counter* queued) : queued_(queued), requests_(kConnectionsMax) {}

  bool full() const { return requests_.size() == requests_.capacity(); }
  size_t size() const { return requests_.size(); }

  // A request that stands in no list. REQUIRES: !full().
  Request* Add(RequestId id, const js::RequestView* view, Version* version, VersionQueues* queues) {
    const auto slot = requests_.Insert();
    ZTS_CHECK(slot.has_value());
    Request* request = requests_.Find(*slot);
    request->id = id;
    request->view = view;
    request->version = version;
    request->queues = queues;
    request->slot = *slot;
    Change(*queues->in_flight, 1);
    return request;
  }

  // Null when nobody waits for it any more.
  Request* Find(Ticket ticket) { return requests_.Find(SlotId::Unpack(ticket)); }

  // REQUIRES for all three: it stands in no list.
  void Wait(Request* request, Nanos submitted, Nanos deadline) {
    Queue(request, Request::In::kWaiting, submitted, deadline);
    request->queues->waiting.PushBack(request);
  }
  void SendAway(Request* request, Nanos submitted, Nanos deadline) {
    request->away = true;
    Queue(request, Request::In::kAway, submitted, deadline);
    request->queues->away.PushBack(request);
  }
  void Run(Request* request, Nanos deadline) {
    request->in = Request::In::kRunning;
    request->deadline = deadline;
    request->queues->running.PushBack(request);
  }

  // Takes it out of the list it stands in, if any.
  void Unlist(Request* request) {
    if (request->in == Request::In::kWaiting) {
      request->queues->waiting.Remove(request);
      Change(*queued_, -1);
    } else if (request->in == Request::In::kAway) {
      request->queues->away.Remove(request);
      Change(*queued_, -1);
    } else if (request->in == Request::In::kRunning) {
      request->queues->running.Remove(request);
    }
    request->in = Request::In::kNone;
  }

  // Its end: the ticket is stale from here on.
  void Forget(Request* request) {
    Unlist(request);
    Change(*request->queues->in_flight, -1);
    requests_.Erase(request->slot);
  }

 private:
  static void Change(ipc::Counter& gauge, int64_t by) { gauge.Add(static_cast<uint64_t>(by)); }
  void Queue(Request* request, Request::In in, Nanos submitted, Nanos deadline) {
    request->in = in;
    request->submitted = submitted;
    request->deadline = deadline;
    Change(*queued_, 1);
  }

  ipc::Counter* queued_;
  SlotMap<Request> requests_;
};

}  // namespace zts::runtime
