// The two ends of the way that a request takes to where it is run, and what they say to each other.
//
//   near   has the client, the ticket and the time limits: AwayLink, in the shard that took the request
//   far    has the isolate: AwayRuns, on an offload thread, or in the engine of another class
//
// What lies between them (ThreadWay, ClassLink with ClassPort) implements one of these for each end, keeps the order of what it is told,
// and calls nobody back from inside a call.
//
// Thread:   each end's own.
// Life:     of an AwayRequest: shared by whoever still needs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "jsruntime/isolate.h"
#include "worker/engine/offload/away_request.h"
#include "worker/engine/runtime/pool.h"
#include "worker/engine/runtime/request_id.h"
#include "worker/engine/runtime/target.h"

namespace zts::offload {

// What the near end asks for.
class FarEnd {
 public:
  virtual ~FarEnd() = default;
  virtual void Begin(const AwayRequestPtr& request) = 0;
  virtual void Cancel(const AwayRequestPtr& request) = 0;
  virtual void PeerFinished(const AwayRequestPtr& request) = 0;
  // Of a body that streams, within the window that OnBodyTaken opens.
  virtual void BodyArrived(const AwayRequestPtr& request, std::string_view bytes) = 0;
  virtual void BodyComplete(const AwayRequestPtr& request) = 0;
  virtual void BodyFailed(const AwayRequestPtr& request, const std::string& why) = 0;
  // Bytes of a streamed answer that the client's connection has taken.
  virtual void ChunkTaken(const AwayRequestPtr& request, size_t bytes) = 0;

  // As Elsewhere's; nothing to an end that is told its versions another way.
  virtual void Expect(const runtime::Target& target, Nanos calm_time) {}
  virtual void Release(uint64_t version_id) {}
  virtual void Retain(std::vector<uint64_t> version_ids, std::vector<uint64_t> standby) {}
};

// What the far end tells. Of a ticket that is over at the near end it is dropped there.
class NearEnd {
 public:
  virtual ~NearEnd() = default;
  virtual void OnBegan(runtime::Ticket ticket) = 0;
  virtual void OnCold(runtime::Ticket ticket) = 0;
  virtual void OnColdAnswer(runtime::Ticket ticket, const runtime::ColdTimes& times) = 0;
  virtual void OnResponse(runtime::Ticket ticket, const js::ResponseView& response) = 0;
  virtual void OnFailure(runtime::Ticket ticket, const js::Outcome& outcome) = 0;
  // kStreamBufferBytes at most that are not taken yet.
  virtual void OnChunk(runtime::Ticket ticket, std::string bytes) = 0;
  virtual void OnResponseEnd(runtime::Ticket ticket, const js::Outcome& outcome) = 0;
  virtual void OnBodyWanted(runtime::Ticket ticket) = 0;
  virtual void OnBodyTaken(runtime::Ticket ticket, size_t bytes) = 0;
  virtual void OnBodyDropped(runtime::Ticket ticket) = 0;
  // Nothing more is known of the ticket at the far end. Comes after every Begin, whatever else does.
  virtual void OnOver(runtime::Ticket ticket) {}
  // The version has behaved.
  virtual void OnCalm(uint64_t version_id) {}
};

}  // namespace zts::offload
