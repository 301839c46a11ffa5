#include "worker/engine/offload/offload_host.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "worker/engine/limits.h"
#include "worker/engine/offload/offload_link.h"

namespace zts::offload {
namespace {

constexpr Nanos kHousekeepingPeriod = 1 * kSecond;
// What the function has taken of a body is told the link in steps, not byte by byte.
constexpr size_t kCreditStepBytes = kBodyWindowBytes / 4;

}  // namespace

// One request on this thread, from its turn to the end of its answer and its body.
class OffloadHost::Running final : js::RequestBody::Listener {
 public:
  Running(OffloadLink* link, AwayRequestPtr request) : link_(link), request_(std::move(request)) {
    if (!request_->streams) return;
    body_ = std::make_shared<js::RequestBody>();
    body_->Listen(this);
    request_->view.stream = body_.get();
  }
  ~Running() override {
    if (body_ != nullptr) body_->Listen(nullptr);
    request_->view.stream = nullptr;
  }

  // Runs what is to be told on the shard's thread, in order.
  template <typename F>
  void Tell(F&& what) {
    link_->Post([link = link_, ticket = request_->ticket, what = std::forward<F>(what)]() mutable { what(*link, ticket); });
  }

  void OnBodyWanted() override {
    Tell([](OffloadLink& link, runtime::Ticket ticket) { link.OnBodyWanted(ticket); });
  }
  void OnBodyTaken() override {
    const size_t taken = arrived - body_->size() - credited;
    if (taken == 0 || (taken < kCreditStepBytes && body_->size() > 0)) return;
    credited += taken;
    Tell([taken](OffloadLink& link, runtime::Ticket ticket) { link.OnBodyTaken(ticket, taken); });
  }
  void OnBodyDropped() override {
    Tell([](OffloadLink& link, runtime::Ticket ticket) { link.OnBodyDropped(ticket); });
  }

  AwayRequest& request() { return *request_; }
  js::RequestBody* body() { return body_.get(); }
  bool body_is_over() const {
    return body_ == nullptr || body_->dropped() || body_->state() != js::RequestBody::State::kOpen;
  }

  runtime::Ticket ticket = 0;
  size_t arrived = 0;         // bytes of the body
  size_t credited = 0;        // of them, told as taken
  std::string chunks;         // of this pass
  size_t unread_by_peer = 0;  // of the streamed response: given to the link and not taken yet
  bool blocked = false;
  bool answered = false;      // whole

 private:
  OffloadLink* const link_;
  const AwayRequestPtr request_;
  std::shared_ptr<js::RequestBody> body_;
};

OffloadHost::OffloadHost(const Options& options)
    : loop_(options.loop), logs_(options.logs, options.counters), egress_(options.loop, options.counters, this),
      running_(kConnectionsMax), pool_timer_([this] { pool_->RunDue(loop_->now()); }),
      housekeeping_timer_([this] { OnHousekeeping(); }) {
  pool_ = std::make_unique<runtime::Pool>(this, options.warmup, options.watchdog, options.counters,
                                          runtime::PoolOptions{.role = runtime::PoolOptions::Role::kOffload, .budget = options.budget});
  jit_.emplace(loop_, pool_.get());
  OnHousekeeping();
}

OffloadHost::~OffloadHost() {
  jit_.reset();
  // Before what it calls back.
  pool_.reset();
}

OffloadHost::Running* OffloadHost::Find(runtime::RequestId id) {
  auto* found = running_.Find(SlotId::Unpack(id));
  return found != nullptr ? found->get() : nullptr;
}

OffloadHost::Running* OffloadHost::Find(const AwayRequest& request) { return Find(request.slot.Pack()); }

// ---- of the link ------------------------------------------------------------------------------------------------------------

void OffloadHost::Expect(OffloadLink* link, const runtime::Target& target, Nanos calm_time) {
  link_ = link;
  pool_->Expect(target, calm_time);
}

void OffloadHost::Release(uint64_t version_id) { pool_->Release(version_id); }

void OffloadHost::Retain(const std::vector<uint64_t>& version_ids, const std::vector<uint64_t>& standby) {
  pool_->Retain(version_ids, standby);
}

void OffloadHost::Begin(OffloadLink* link, const AwayRequestPtr& request) {
  if (request->withdrawn.load(std::memory_order_relaxed)) return;
  const auto slot = running_.Insert(std::make_unique<Running>(link, request));
  ZTS_CHECK(slot.has_value());  // a shard has no more requests than that
  request->slot = *slot;
  Running* running = running_.Find(*slot)->get();
  running->Tell([](OffloadLink& to, runtime::Ticket ticket) { to.OnBegan(ticket); });
  const runtime::Ticket ticket = pool_->Submit(slot->Pack(), request->target, &request->view);
  running = Find(slot->Pack());
  if (running == nullptr) return;
  running->ticket = ticket;
  EraseIfOver(running);
}

void OffloadHost::Cancel(const AwayRequest& request) {
  Running* running = Find(request);
  if (running == nullptr) return;
  if (!running->body_is_over()) running->body()->Fail("The client has gone before the body of its request was complete");
  pool_->Cancel(running->ticket);
  Erase(running);
}

void OffloadHost::PeerFinished(const AwayRequest& request) {
  if (Running* running = Find(request)) pool_->PeerFinished(running->ticket);
}

void OffloadHost::BodyArrived(const AwayRequest& request, std::string_view bytes) {
  Running* running = Find(request);
  if (running == nullptr || running->body_is_over()) return;
  running->arrived += bytes.size();
  running->body()->Append(bytes);
  WakeReader(running);
}

void OffloadHost::BodyComplete(const AwayRequest& request) {
  Running* running = Find(request);
  if (running == nullptr) return;
  running->body()->Complete();
  WakeReader(running);
}

void OffloadHost::BodyFailed(const AwayRequest& request, const std::string& why) {
  Running* running = Find(request);
  if (running == nullptr) return;
  running->body()->Fail(why);
  WakeReader(running);
}

// The request may be over afterwards.
void OffloadHost::WakeReader(Running* running) {
  const SlotId slot = running->request().slot;
  if (running->body()->wakes_reader()) pool_->BodyArrived(running->ticket);
  if (Running* still = Find(slot.Pack())) EraseIfOver(still);
}

void OffloadHost::ChunkTaken(const AwayRequest& request, size_t bytes) {
  Running* running = Find(request);
  if (running == nullptr) return;
  running->unread_by_peer -= std::min(bytes, running->unread_by_peer);
  if (!running->blocked || running->unread_by_peer > kStreamBufferBytes / 2) return;
  running->blocked = false;
  pool_->ResumeResponse(running->ticket);
}

void OffloadHost::EraseIfOver(Running* running) {
  if (running->answered && running->body_is_over()) Erase(running);
}

// The turn at work may still look at it, so it goes with the pass. A body that is over may be read on by what runs in the background,
// which holds it by itself.
void OffloadHost::Erase(Running* running) {
  const SlotId slot = running->request().slot;
  ended_.push_back(std::move(*running_.Find(slot)));
  running_.Erase(slot);
}

// ---- of the pool ------------------------------------------------------------------------------------------------------------

void OffloadHost::OnResponse(runtime::RequestId id, const js::ResponseView& response) {
  Running* running = Find(id);
  if (running == nullptr) return;
  running->answered = response.form() != js::ResponseView::Form::kStream;
  running->Tell([copy = std::make_shared<AwayResponse>(response)](OffloadLink& link, runtime::Ticket ticket) {
    link.OnResponse(ticket, *copy);
  });
  // Not erased here: this is the middle of a turn, which may look at the request's view.
  to_flush_.push_back(running->request().slot);
}

void OffloadHost::OnFailure(runtime::RequestId id, const js::Outcome& outcome) {
  Running* running = Find(id);
  if (running == nullptr) return;
  running->Tell([outcome](OffloadLink& link, runtime::Ticket ticket) { link.OnFailure(ticket, outcome); });
  Erase(running);
}

js::IsolateClient::Taken OffloadHost::OnChunk(runtime::RequestId id, std::string_view bytes) {
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

void OffloadHost::OnResponseEnd(runtime::RequestId id, const js::Outcome& outcome) {
  Running* running = Find(id);
  if (running == nullptr) return;
  running->Tell([outcome, chunks = std::move(running->chunks)](OffloadLink& link, runtime::Ticket ticket) {
    if (!chunks.empty()) link.OnChunk(ticket, chunks);
    link.OnResponseEnd(ticket, outcome);
  });
  Erase(running);
}

void OffloadHost::OnConsole(uint64_t version_id, std::string_view request_id, js::LogSeverity severity, std::string_view message) {
  logs_.Add(loop_->now() + wall_offset_, version_id, request_id, severity, message);
}

void OffloadHost::OnWakeAt(Nanos when) {
  if (when == 0) {
    loop_->Disarm(&pool_timer_);
  } else {
    loop_->Arm(&pool_timer_, when);
  }
}

void OffloadHost::OnCalm(uint64_t version_id) {
  if (link_ != nullptr) link_->Post([link = link_, version_id] { link->OnCalm(version_id); });
}

// ---- of the loop ------------------------------------------------------------------------------------------------------------

// It listens to nothing.
void OffloadHost::OnAccept(net::Handle handle) { loop_->io().Close(handle, SlotId(), net::Io::CloseMode::kAbort); }

void OffloadHost::OnPassEnd() {
  FlushChunks();
  ended_.clear();
  egress_.OnPassEnd();
  logs_.Flush();
}

void OffloadHost::FlushChunks() {
  for (const SlotId slot : to_flush_) {
    Running* running = Find(slot.Pack());
    if (running == nullptr) continue;
    if (!running->chunks.empty()) {
      running->Tell([chunks = std::exchange(running->chunks, {})](OffloadLink& link, runtime::Ticket ticket) {
        link.OnChunk(ticket, chunks);
      });
    }
    EraseIfOver(running);
  }
  to_flush_.clear();
}

void OffloadHost::OnHousekeeping() {
  wall_offset_ = loop_->clock().WallNow() - loop_->clock().Now();
  pool_->Idle();
  loop_->Arm(&housekeeping_timer_, loop_->now() + kHousekeepingPeriod);
}

}  // namespace zts::offload
