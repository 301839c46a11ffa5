#include "worker/engine/offload/away_runs.h"

#include <algorithm>
#include <utility>

#include "worker/engine/limits.h"

namespace zts::offload {
namespace {

// What the function has taken of a body is told in steps, not byte by byte.
constexpr size_t kCreditStepBytes = kBodyWindowBytes / 4;

}  // namespace

class AwayRuns::Running final : js::RequestBody::Listener {
 public:
  Running(NearEnd* near, AwayRequestPtr request) : near_(near), request_(std::move(request)) {
    if (!request_->streams) return;
    body_ = std::make_shared<js::RequestBody>();
    body_->Listen(this);
    request_->view.stream = body_.get();
  }
  ~Running() override {
    if (body_ != nullptr) body_->Listen(nullptr);
    request_->view.stream = nullptr;
  }

  void OnBodyWanted() override { near_->OnBodyWanted(name()); }
  void OnBodyTaken() override {
    const size_t taken = arrived - body_->size() - credited;
    if (taken == 0 || (taken < kCreditStepBytes && body_->size() > 0)) return;
    credited += taken;
    near_->OnBodyTaken(name(), taken);
  }
  void OnBodyDropped() override { near_->OnBodyDropped(name()); }

  NearEnd* near() const { return near_; }
  // At the near end.
  runtime::Ticket name() const { return request_->ticket; }
  AwayRequest& request() { return *request_; }
  js::RequestBody* body() { return body_.get(); }
  bool body_is_over() const {
    return body_ == nullptr || body_->dropped() || body_->state() != js::RequestBody::State::kOpen;
  }

  runtime::Ticket ticket = 0;  // in the pool here
  size_t arrived = 0;          // bytes of the body
  size_t credited = 0;         // of them, told as taken
  std::string chunks;          // of this pass
  size_t unread_by_peer = 0;   // of the streamed response: given to the near end and not taken yet
  bool blocked = false;
  bool answered = false;       // whole

 private:
  NearEnd* const near_;
  const AwayRequestPtr request_;
  std::shared_ptr<js::RequestBody> body_;
};

AwayRuns::AwayRuns(runtime::Pool* pool) : pool_(pool), running_(kConnectionsMax) {}
AwayRuns::~AwayRuns() = default;

AwayRuns::Running* AwayRuns::Find(runtime::RequestId id) {
  auto* found = running_.Find(SlotId::Unpack(id));
  return found != nullptr ? found->get() : nullptr;
}

// ---- of the near end --------------------------------------------------------------------------------------------------------

void AwayRuns::Begin(NearEnd* near, const AwayRequestPtr& request) {
  const auto slot = running_.Insert(std::make_unique<Running>(near, request));
  if (!slot) {
    near->OnFailure(request->ticket, {js::OutcomeKind::kOverloaded, "too many requests at once"});
    return near->OnOver(request->ticket);
  }
  request->slot = *slot;
  near->OnBegan(request->ticket);
  const runtime::Ticket ticket = pool_->Submit(slot->Pack(), request->target, &request->view);
  Running* running = Find(slot->Pack());
  if (running == nullptr) return;
  running->ticket = ticket;
  EraseIfOver(running);
}

void AwayRuns::Cancel(const AwayRequest& request) {
  Running* running = Find(request);
  if (running == nullptr) return;
  if (!running->body_is_over()) running->body()->Fail("The client has gone before the body of its request was complete");
  pool_->Cancel(running->ticket);
  if (Running* still = Find(request)) Erase(still);
}

void AwayRuns::PeerFinished(const AwayRequest& request) {
  if (Running* running = Find(request)) pool_->PeerFinished(running->ticket);
}

void AwayRuns::BodyArrived(const AwayRequest& request, std::string_view bytes) {
  Running* running = Find(request);
  if (running == nullptr || running->body_is_over() || running->body()->size() + bytes.size() > kBodyWindowBytes) return;
  running->arrived += bytes.size();
  running->body()->Append(bytes);
  WakeReader(running);
}

void AwayRuns::BodyComplete(const AwayRequest& request) {
  Running* running = Find(request);
  if (running == nullptr || running->body() == nullptr) return;
  running->body()->Complete();
  WakeReader(running);
}

void AwayRuns::BodyFailed(const AwayRequest& request, std::string_view why) {
  Running* running = Find(request);
  if (running == nullptr || running->body() == nullptr) return;
  running->body()->Fail(why);
  WakeReader(running);
}

// The request may be over afterwards.
void AwayRuns::WakeReader(Running* running) {
  const SlotId slot = running->request().slot;
  if (running->body()->wakes_reader()) pool_->BodyArrived(running->ticket);
  if (Running* still = Find(slot.Pack())) EraseIfOver(still);
}

void AwayRuns::ChunkTaken(const AwayRequest& request, size_t bytes) {
  Running* running = Find(request);
  if (running == nullptr) return;
  running->unread_by_peer -= std::min(bytes, running->unread_by_peer);
  if (!running->blocked || running->unread_by_peer > kStreamBufferBytes / 2) return;
  running->blocked = false;
  pool_->ResumeResponse(running->ticket);
}

void AwayRuns::EraseIfOver(Running* running) {
  if (running->answered && running->body_is_over()) Erase(running);
}

// The turn at work may still look at it, so it goes with the pass. A body that is over may be read on by what runs in the background,
// which holds it by itself.
void AwayRuns::Erase(Running* running) {
  const SlotId slot = running->request().slot;
  ended_.push_back(std::move(*running_.Find(slot)));
  running_.Erase(slot);
  ended_.back()->near()->OnOver(ended_.back()->name());
}

// ---- of the pool ------------------------------------------------------------------------------------------------------------

void AwayRuns::OnCold(runtime::RequestId id) {
  if (Running* running = Find(id)) running->near()->OnCold(running->name());
}

void AwayRuns::OnColdAnswer(runtime::RequestId id, const runtime::ColdTimes& times) {
  if (Running* running = Find(id)) running->near()->OnColdAnswer(running->name(), times);
}

void AwayRuns::OnResponse(runtime::RequestId id, const js::ResponseView& response) {
  Running* running = Find(id);
  if (running == nullptr) return;
  running->answered = response.form() != js::ResponseView::Form::kStream;
  running->near()->OnResponse(running->name(), response);
  // Not erased here: this is the middle of a turn, which may look at the request's view.
  to_flush_.push_back(running->request().slot);
}

void AwayRuns::OnFailure(runtime::RequestId id, const js::Outcome& outcome) {
  Running* running = Find(id);
  if (running == nullptr) return;
  running->near()->OnFailure(running->name(), outcome);
  Erase(running);
}

js::IsolateClient::Taken AwayRuns::OnChunk(runtime::RequestId id, std::string_view bytes) {
  using Room = js::IsolateClient::Room;
  Running* running = Find(id);
  if (running == nullptr) return {0, Room::kNo};
  const size_t room = kStreamBufferBytes - std::min(running->unread_by_peer, kStreamBufferBytes);
  const std::string_view taken = bytes.substr(0, room);
  if (running->chunks.empty()) to_flush_.push_back(running->request().slot);
  running->chunks.append(taken);
  running->unread_by_peer += taken.size();
  running->blocked = taken.size() == room;
  return {taken.size(), running->blocked ? Room::kNo : Room::kYes};
}

void AwayRuns::OnResponseEnd(runtime::RequestId id, const js::Outcome& outcome) {
  Running* running = Find(id);
  if (running == nullptr) return;
  if (!running->chunks.empty()) running->near()->OnChunk(running->name(), std::exchange(running->chunks, {}));
  running->near()->OnResponseEnd(running->name(), outcome);
  Erase(running);
}

void AwayRuns::OnPassEnd() {
  for (const SlotId slot : to_flush_) {
    Running* running = Find(slot.Pack());
    if (running == nullptr) continue;
    if (!running->chunks.empty()) running->near()->OnChunk(running->name(), std::exchange(running->chunks, {}));
    EraseIfOver(running);
  }
  to_flush_.clear();
  ended_.clear();
}

}  // namespace zts::offload
