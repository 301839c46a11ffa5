// The way between a shard and the offload threads: what one end says is posted to the other's loop.
//
// It knows which thread each version of the shard is run by (OffloadThreads says so), and where each request went: a version that moves
// takes along what has not begun, while the rest is answered from where it is.
//
// Owner:    Shard, exactly one.
// Thread:   what is FarEnd's, and the constructor: the shard's. What is NearEnd's: the offload threads'.
// Life:     the threads outlive it; all loops have ended when it goes.
// Limits:   itself: the pool bounds what waits.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "worker/engine/net/loop.h"
#include "worker/engine/offload/away_ends.h"
#include "worker/engine/offload/away_link.h"
#include "worker/engine/offload/offload_host.h"
#include "worker/engine/offload/offload_threads.h"

namespace zts::offload {

class ThreadWay final : public FarEnd, public NearEnd {
 public:
  ThreadWay(net::Loop* shard, OffloadThreads* threads);
  ~ThreadWay() override;

  // The shard's end.
  AwayLink* link() { return &link_; }

  void Expect(const runtime::Target& target, Nanos calm_time) override;
  void Release(uint64_t version_id) override;
  void Retain(std::vector<uint64_t> version_ids, std::vector<uint64_t> standby) override;
  void Begin(const AwayRequestPtr& request) override;
  void Cancel(const AwayRequestPtr& request) override;
  void PeerFinished(const AwayRequestPtr& request) override;
  void BodyArrived(const AwayRequestPtr& request, std::string_view bytes) override;
  void BodyComplete(const AwayRequestPtr& request) override;
  void BodyFailed(const AwayRequestPtr& request, const std::string& why) override;
  void ChunkTaken(const AwayRequestPtr& request, size_t bytes) override;

  void OnBegan(runtime::Ticket ticket) override;
  void OnCold(runtime::Ticket ticket) override;
  void OnColdAnswer(runtime::Ticket ticket, const runtime::ColdTimes& times) override;
  void OnResponse(runtime::Ticket ticket, const js::ResponseView& response) override;
  void OnFailure(runtime::Ticket ticket, const js::Outcome& outcome) override;
  void OnChunk(runtime::Ticket ticket, std::string bytes) override;
  void OnResponseEnd(runtime::Ticket ticket, const js::Outcome& outcome) override;
  void OnBodyWanted(runtime::Ticket ticket) override;
  void OnBodyTaken(runtime::Ticket ticket, size_t bytes) override;
  void OnBodyDropped(runtime::Ticket ticket) override;
  void OnCalm(uint64_t version_id) override;

 private:
  // A version that this shard sends.
  struct Sent {
    Placement::Place place;
    runtime::Target target;
    Nanos calm_time = 0;  // 0: it serves here, and only what is too much for one isolate goes
  };
  Sent* Place(const runtime::Target& target, Nanos calm_time);
  void SendTo(uint32_t thread, const AwayRequestPtr& request);
  void OnMove(const Placement::Move& move);
  void Move(Sent* sent, uint32_t thread);

  template <typename F>
  void ToHost(uint32_t thread, F&& task) {
    OffloadHost* host = threads_->host(thread);
    host->Post([host, task = std::forward<F>(task)]() mutable { task(*host); });
  }
  // Nothing happens where the request has not begun.
  template <typename F>
  void ToRun(const AwayRequestPtr& request, F&& task) {
    ToHost(request->thread, [request, thread = request->thread, task = std::forward<F>(task)](OffloadHost& host) mutable {
      if (request->BegunAt(thread)) task(host.runs());
    });
  }
  template <typename F>
  void ToShard(F&& task) {
    shard_->Post([link = &link_, task = std::forward<F>(task)]() mutable { task(*link); });
  }

  net::Loop* const shard_;
  OffloadThreads* const threads_;
  uint32_t number_ = 0;  // among the threads' shards
  AwayLink link_;
  std::unordered_map<uint64_t, Sent> sent_;  // by version
  uint64_t order_ = 0;
};

}  // namespace zts::offload
