#include "worker/engine/offload/thread_way.h"

#include <memory>

namespace zts::offload {

using runtime::Ticket;

// ---- to the offload thread --------------------------------------------------------------------------------------------------

void ThreadWay::Expect(const runtime::Target& target, Nanos calm_time) {
  ToHost([this, target, calm_time](OffloadHost& host) { host.Expect(this, target, calm_time); });
}

void ThreadWay::Release(uint64_t version_id) {
  ToHost([version_id](OffloadHost& host) { host.Release(version_id); });
}

void ThreadWay::Retain(std::vector<uint64_t> version_ids, std::vector<uint64_t> standby) {
  ToHost([ids = std::move(version_ids), spare = std::move(standby)](OffloadHost& host) { host.Retain(ids, spare); });
}

// One whose client has gone meanwhile never begins: turns over there may be long.
void ThreadWay::Begin(const AwayRequestPtr& request) {
  ToHost([this, request](OffloadHost& host) {
    if (!request->withdrawn.load(std::memory_order_relaxed)) host.runs().Begin(this, request);
  });
}

void ThreadWay::Cancel(const AwayRequestPtr& request) {
  ToHost([request](OffloadHost& host) { host.runs().Cancel(*request); });
}

void ThreadWay::PeerFinished(const AwayRequestPtr& request) {
  ToHost([request](OffloadHost& host) { host.runs().PeerFinished(*request); });
}

void ThreadWay::BodyArrived(const AwayRequestPtr& request, std::string_view bytes) {
  ToHost([request, text = std::string(bytes)](OffloadHost& host) { host.runs().BodyArrived(*request, text); });
}

void ThreadWay::BodyComplete(const AwayRequestPtr& request) {
  ToHost([request](OffloadHost& host) { host.runs().BodyComplete(*request); });
}

void ThreadWay::BodyFailed(const AwayRequestPtr& request, const std::string& why) {
  ToHost([request, why](OffloadHost& host) { host.runs().BodyFailed(*request, why); });
}

void ThreadWay::ChunkTaken(const AwayRequestPtr& request, size_t bytes) {
  ToHost([request, bytes](OffloadHost& host) { host.runs().ChunkTaken(*request, bytes); });
}

// ---- to the shard -----------------------------------------------------------------------------------------------------------

void ThreadWay::OnBegan(Ticket ticket) {
  ToShard([ticket](AwayLink& link) { link.OnBegan(ticket); });
}

void ThreadWay::OnCold(Ticket ticket) {
  ToShard([ticket](AwayLink& link) { link.OnCold(ticket); });
}

void ThreadWay::OnColdAnswer(Ticket ticket, const runtime::ColdTimes& times) {
  ToShard([ticket, times](AwayLink& link) { link.OnColdAnswer(ticket, times); });
}

void ThreadWay::OnResponse(Ticket ticket, const js::ResponseView& response) {
  ToShard([ticket, copy = std::make_shared<AwayResponse>(response)](AwayLink& link) { link.OnResponse(ticket, *copy); });
}

void ThreadWay::OnFailure(Ticket ticket, const js::Outcome& outcome) {
  ToShard([ticket, outcome](AwayLink& link) { link.OnFailure(ticket, outcome); });
}

void ThreadWay::OnChunk(Ticket ticket, std::string bytes) {
  ToShard([ticket, bytes = std::move(bytes)](AwayLink& link) mutable { link.OnChunk(ticket, std::move(bytes)); });
}

void ThreadWay::OnResponseEnd(Ticket ticket, const js::Outcome& outcome) {
  ToShard([ticket, outcome](AwayLink& link) { link.OnResponseEnd(ticket, outcome); });
}

void ThreadWay::OnBodyWanted(Ticket ticket) {
  ToShard([ticket](AwayLink& link) { link.OnBodyWanted(ticket); });
}

void ThreadWay::OnBodyTaken(Ticket ticket, size_t bytes) {
  ToShard([ticket, bytes](AwayLink& link) { link.OnBodyTaken(ticket, bytes); });
}

void ThreadWay::OnBodyDropped(Ticket ticket) {
  ToShard([ticket](AwayLink& link) { link.OnBodyDropped(ticket); });
}

void ThreadWay::OnCalm(uint64_t version_id) {
  ToShard([version_id](AwayLink& link) { link.OnCalm(version_id); });
}

}  // namespace zts::offload
