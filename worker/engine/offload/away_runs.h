// The far end: requests of another thread or process that a pool runs here, each from its turn to the end of its answer and its body.
//
// Owner:    OffloadHost, or the shard of an engine that serves others (ClassPort tells it what has arrived).
// Thread:   its owner's.
// Life:     pool and near ends outlive the requests they have here.
// Limits:   kConnectionsMax requests; kBodyWindowBytes and kStreamBufferBytes of bodies under way a request.
// Errors:   every request that has begun ends in an answer, but for those that are cancelled. One too many is told so.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/slot_map.h"
#include "jsruntime/isolate.h"
#include "worker/engine/offload/away_ends.h"
#include "worker/engine/offload/away_request.h"
#include "worker/engine/runtime/pool.h"

namespace zts::offload {

class AwayRuns {
 public:
  explicit AwayRuns(runtime::Pool* pool);
  ~AwayRuns();

  // Of the near end. A request that is over is no longer known: nothing happens.
  void Begin(NearEnd* near, const AwayRequestPtr& request);
  void Cancel(const AwayRequest& request);
  void PeerFinished(const AwayRequest& request);
  // Bytes beyond the window are dropped with what follows of the body: no near end of ours sends them.
  void BodyArrived(const AwayRequest& request, std::string_view bytes);
  void BodyComplete(const AwayRequest& request);
  void BodyFailed(const AwayRequest& request, std::string_view why);
  void ChunkTaken(const AwayRequest& request, size_t bytes);

  // Of the pool, by way of its host.
  void OnCold(runtime::RequestId id);
  void OnColdAnswer(runtime::RequestId id, const runtime::ColdTimes& times);
  void OnResponse(runtime::RequestId id, const js::ResponseView& response);
  void OnFailure(runtime::RequestId id, const js::Outcome& outcome);
  js::IsolateClient::Taken OnChunk(runtime::RequestId id, std::string_view bytes);
  void OnResponseEnd(runtime::RequestId id, const js::Outcome& outcome);

  // At the end of a pass: tells what it has brought of streams, and forgets what is over.
  void OnPassEnd();

  size_t running() const { return running_.size(); }
  bool Has(SlotId slot) { return Find(slot.Pack()) != nullptr; }

 private:
  class Running;

  Running* Find(const AwayRequest& request) { return Find(request.slot.Pack()); }
  Running* Find(runtime::RequestId id);
  void WakeReader(Running* running);
  void EraseIfOver(Running* running);
  void Erase(Running* running);

  runtime::Pool* const pool_;
  SlotMap<std::unique_ptr<Running>> running_;
  std::vector<SlotId> to_flush_;    // have something to be seen to at the end of this pass
  std::vector<std::unique_ptr<Running>> ended_;  // in this pass
};

}  // namespace zts::offload
