#include "worker/engine/offload/thread_way.h"

#include <algorithm>
#include <memory>

namespace zts::offload {

using runtime::Ticket;

// ---- to an offload thread ---------------------------------------------------------------------------------------------------

ThreadWay::ThreadWay(net::Loop* shard, OffloadThreads* threads) : shard_(shard), threads_(threads), link_(this) {
  number_ = threads_->Join([this](const Placement::Move& move) { shard_->Post([this, move] { OnMove(move); }); });
}

ThreadWay::~ThreadWay() { threads_->Part(number_); }

ThreadWay::Sent* ThreadWay::Place(const runtime::Target& target, Nanos calm_time) {
  const auto [at, added] = sent_.try_emplace(target.version_id);
  Sent* sent = &at->second;
  if (!added && calm_time == 0) return sent;
  if (added) sent->place = threads_->Take(number_, target.version_id);
  sent->target = target;
  sent->calm_time = calm_time;
  ToHost(sent->place.thread, [this, target, calm_time](OffloadHost& host) { host.Expect(this, target, calm_time); });
  return sent;
}

void ThreadWay::Expect(const runtime::Target& target, Nanos calm_time) { Place(target, calm_time); }

// What has not begun goes on waiting there.
void ThreadWay::Release(uint64_t version_id) {
  const auto found = sent_.find(version_id);
  if (found == sent_.end()) return;
  const Placement::Place place = found->second.place;
  sent_.erase(found);
  ToHost(place.thread, [this, version_id](OffloadHost& host) { host.Release(this, version_id); });
  threads_->Give(place.serial);
}

void ThreadWay::Retain(std::vector<uint64_t> version_ids, std::vector<uint64_t> standby) {
  if (sent_.empty()) return;
  std::vector<uint32_t> told;
  const auto ids = std::make_shared<const std::vector<uint64_t>>(std::move(version_ids));
  const auto spare = std::make_shared<const std::vector<uint64_t>>(std::move(standby));
  for (auto at = sent_.begin(); at != sent_.end();) {
    const Placement::Place place = at->second.place;
    if (std::find(told.begin(), told.end(), place.thread) == told.end()) {
      told.push_back(place.thread);
      ToHost(place.thread, [this, ids, spare](OffloadHost& host) { host.Retain(this, *ids, *spare); });
    }
    const auto named = [id = at->first](const std::vector<uint64_t>& list) { return std::binary_search(list.begin(), list.end(), id); };
    if (named(*ids) || named(*spare)) {
      ++at;
      continue;
    }
    at = sent_.erase(at);
    threads_->Give(place.serial);
  }
}

// One that is not expected is too much for the isolate here, which the pool goes on with.
void ThreadWay::Begin(const AwayRequestPtr& request) {
  request->order = ++order_;
  const uint32_t thread = Place(request->target, 0)->place.thread;
  request->WaitAt(thread);
  SendTo(thread, request);
}

// One whose client has gone by the time that its turn comes, or that was passed on, does not begin there: turns over there may be long.
void ThreadWay::SendTo(uint32_t thread, const AwayRequestPtr& request) {
  request->thread = thread;
  ToHost(thread, [this, request, thread](OffloadHost& host) { host.Await({this, request, thread}); });
}

void ThreadWay::OnMove(const Placement::Move& move) {
  const auto found = sent_.find(move.version_id);
  // It may have come back meanwhile, and gone away anew.
  if (found != sent_.end() && found->second.place.serial == move.serial) Move(&found->second, move.to);
  threads_->Left(move.from);
}

void ThreadWay::Move(Sent* sent, uint32_t thread) {
  const uint32_t from = std::exchange(sent->place.thread, thread);
  const uint64_t version_id = sent->target.version_id;
  ToHost(thread, [this, target = sent->target, calm_time = sent->calm_time](OffloadHost& host) { host.Expect(this, target, calm_time); });
  std::vector<AwayRequestPtr> waiting = link_.RequestsOf(version_id);
  std::sort(waiting.begin(), waiting.end(), [](const auto& a, const auto& b) { return a->order < b->order; });
  for (const AwayRequestPtr& request : waiting) {
    if (request->PassOn(from, thread)) SendTo(thread, request);
  }
  ToHost(from, [this, version_id](OffloadHost& host) { host.Release(this, version_id); });
}

void ThreadWay::Cancel(const AwayRequestPtr& request) {
  if (request->Withdraw(request->thread)) return;
  ToRun(request, [request](AwayRuns& runs) { runs.Cancel(*request); });
}

void ThreadWay::PeerFinished(const AwayRequestPtr& request) {
  request->peer_finished.store(true, std::memory_order_release);
  ToHost(request->thread, [request, thread = request->thread](OffloadHost& host) {
    if (request->BegunAt(thread)) host.PeerFinished(*request);
  });
}

void ThreadWay::BodyArrived(const AwayRequestPtr& request, std::string_view bytes) {
  ToRun(request, [request, text = std::string(bytes)](AwayRuns& runs) { runs.BodyArrived(*request, text); });
}

void ThreadWay::BodyComplete(const AwayRequestPtr& request) {
  ToRun(request, [request](AwayRuns& runs) { runs.BodyComplete(*request); });
}

void ThreadWay::BodyFailed(const AwayRequestPtr& request, const std::string& why) {
  ToRun(request, [request, why](AwayRuns& runs) { runs.BodyFailed(*request, why); });
}

void ThreadWay::ChunkTaken(const AwayRequestPtr& request, size_t bytes) {
  ToRun(request, [request, bytes](AwayRuns& runs) { runs.ChunkTaken(*request, bytes); });
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
