// Where requests go that the shard's own thread is not to run: the pool's side of the offload threads, and of another class's engine.
//
// A version whose turns of JavaScript hold a core for long, or that is another engine's, is *away*: its requests go by this door, and
// nothing else of it changes: its requests keep their tickets, their limits and their answers. A request is one of these from Submit
// until its answer and its body have come to their ends, or Cancel.
//
// Owner:    the pool's owner.
// Thread:   the shard's. Nothing is called back from inside a call.
// Life:     outlives the pool's use; events come through Pool::elsewhere_events().
// Limits:   the pool's: kOffloadQueueMax requests of a version (kClassQueueMax of another class's), kOffloadQueueTimeout.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "jsruntime/isolate.h"
#include "worker/engine/runtime/request_id.h"
#include "worker/engine/runtime/target.h"

namespace zts::runtime {

struct ColdTimes;  // pool.h

class Elsewhere {
 public:
  virtual ~Elsewhere() = default;

  // The version comes: an isolate is to be made. It is told as calm when it has behaved for `calm_time`.
  virtual void Expect(const Target& target, Nanos calm_time) = 0;
  // Takes no new requests there; what is in flight ends.
  virtual void Release(uint64_t version_id) = 0;
  // All that are away. Of others nothing is to be kept.
  virtual void Retain(std::vector<uint64_t> version_ids, std::vector<uint64_t> standby) = 0;

  // As Pool's. What the view points to is copied, but for its stream, which is read here until its end or Cancel.
  virtual void Submit(Ticket ticket, const Target& target, const js::RequestView* request) = 0;
  virtual void Cancel(Ticket ticket) = 0;
  virtual void BodyArrived(Ticket ticket) = 0;
  virtual void ResumeResponse(Ticket ticket) = 0;
  virtual void PeerFinished(Ticket ticket) = 0;
};

// What becomes of them: told on the shard's thread, never of a ticket that was cancelled.
class ElsewhereEvents {
 public:
  virtual ~ElsewhereEvents() = default;
  // Its turn has come: what it waits for from here on is itself.
  virtual void OnAwayBegan(Ticket ticket) = 0;
  // It waits for an isolate over there; and what that took, right before its answer, where such times are shown.
  virtual void OnAwayCold(Ticket ticket) = 0;
  virtual void OnAwayColdAnswer(Ticket ticket, const ColdTimes& times) = 0;
  // As PoolHost's. With kReads the function goes on reading the body of the request; OnAwayBodyDone follows.
  enum class Body : uint8_t { kDone, kReads };
  virtual void OnAwayResponse(Ticket ticket, const js::ResponseView& response, Body body) = 0;
  virtual void OnAwayFailure(Ticket ticket, const js::Outcome& outcome) = 0;
  virtual js::IsolateClient::Taken OnAwayChunk(Ticket ticket, std::string_view bytes) = 0;
  virtual void OnAwayEnd(Ticket ticket, const js::Outcome& outcome) = 0;
  virtual void OnAwayBodyDone(Ticket ticket) = 0;
  // The version has behaved.
  virtual void OnAwayCalm(uint64_t version_id) = 0;
};

// The doors to the engines of other classes.
class ElsewhereByClass {
 public:
  virtual ~ElsewhereByClass() = default;
  // Of a number from 1 on; the same for ever, connected or not.
  virtual Elsewhere* Of(uint32_t engine_class) = 0;
};

}  // namespace zts::runtime
