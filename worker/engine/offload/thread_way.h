// The way between a shard and its offload thread: what one end says is posted to the other's loop.
//
// Owner:    Shard, exactly one.
// Thread:   what is FarEnd's: the shard's. What is NearEnd's: the offload thread.
// Life:     both loops have ended when it goes.
// Limits:   itself.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "worker/engine/net/loop.h"
#include "worker/engine/offload/away_ends.h"
#include "worker/engine/offload/away_link.h"
#include "worker/engine/offload/offload_host.h"

namespace zts::offload {

class ThreadWay final : public FarEnd, public NearEnd {
 public:
  ThreadWay(net::Loop* shard, OffloadHost* host) : shard_(shard), host_(host), link_(this) {}

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
  template <typename F>
  void ToHost(F&& task) {
    host_->Post([host = host_, task = std::forward<F>(task)]() mutable { task(*host); });
  }
  template <typename F>
  void ToShard(F&& task) {
    shard_->Post([link = &link_, task = std::forward<F>(task)]() mutable { task(*link); });
  }

  net::Loop* const shard_;
  OffloadHost* const host_;
  AwayLink link_;
};

}  // namespace zts::offload
