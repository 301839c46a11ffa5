#include "worker/engine/shard.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "worker/engine/limits.h"

namespace zts {
namespace {

constexpr Nanos kHousekeepingPeriod = 1 * kSecond;
// An accept that fails does so again and again: one line of it in this time says enough.
constexpr Nanos kAcceptErrorLogPeriod = 10 * kSecond;

}  // namespace

Shard::Shard(const Options& options)
    : loop_(options.loop), counters_(options.counters), logs_(options.logs, options.counters), listen_fd_(options.listen_fd),
      balance_(options.balance), index_(options.index), tell_(options.tell), givers_(balance_ != nullptr ? balance_->shards() - 1 : 0),
      egress_(options.loop, options.counters, this), sessions_(kConnectionsMax), moves_(balance_, index_),
      pool_timer_([this] { pool_->RunDue(loop_->now()); }),
      housekeeping_timer_([this] { OnHousekeeping(); }), drain_timer_([this] { OnDrainTimeout(); }) {
  if (options.offload != nullptr) offload_ = std::make_unique<offload::ThreadWay>(loop_, options.offload);
  pool_ = std::make_unique<runtime::Pool>(this, options.warmup, options.watchdog, counters_,
                                          runtime::PoolOptions{.elsewhere = offload_ != nullptr ? offload_->link() : nullptr,
                                                               .classes = this,
                                                               .budget = options.budget});
  if (listen_fd_ < 0) {
    runs_.emplace(pool_.get());
    port_.emplace(loop_, &*runs_, this);
  }
  jit_.emplace(loop_, pool_.get());
  if (offload_ != nullptr) offload_->link()->Connect(pool_->elsewhere_events());
  context_.loop = loop_;
  context_.pool = pool_.get();
  context_.host = this;
  context_.counters = counters_;
  context_.request_seed = options.request_seed;
  context_.run_delay = options.run_delay;
  counters_->connections_open.Set(0);
  counters_->request_streams.open.Set(0);
  counters_->response_streams.open.Set(0);
  counters_->active_catalog.Set(0);
  OnHousekeeping();
}

Shard::~Shard() {
  jit_.reset();
  // Before the sessions, so that nobody answers them any more.
  pool_.reset();
}

// ---- what the engine tells --------------------------------------------------------------------------------------------------

void Shard::Prepare(route::CatalogPtr catalog, std::vector<uint64_t> warm,
                    std::function<void(std::vector<Problem>)> done) {
  struct Progress {
    size_t left = 1;  // this call itself
    std::vector<Problem> problems;
    std::function<void(std::vector<Problem>)> done;
    void Step() {
      if (--left == 0) done(std::move(problems));
    }
  };
  auto progress = std::make_shared<Progress>();
  progress->done = std::move(done);
  std::sort(warm.begin(), warm.end());
  prepared_[catalog->version()] = catalog;
  SetTargets();
  for (const route::Entry& entry : catalog->entries()) {
    if (!std::binary_search(warm.begin(), warm.end(), entry.version_id)) continue;
    ++progress->left;
    const runtime::Target target{entry.script, entry.version_id, entry.counter_row, entry.engine_class};
    pool_->Prepare(target, [progress, id = entry.version_id](const js::Outcome& outcome) {
      if (!outcome.ok()) progress->problems.push_back({id, outcome});
      progress->Step();
    });
  }
  progress->Step();
}

Status Shard::Commit(uint64_t catalog_version) {
  const auto found = prepared_.find(catalog_version);
  if (found == prepared_.end()) return Invalid("catalog " + std::to_string(catalog_version) + " is not prepared");
  const bool first = context_.catalog == nullptr;
  if (port_ && context_.catalog != nullptr) {
    if (left_.size() == kLeftCatalogsMax) left_.pop_front();
    left_.push_back({std::move(context_.catalog), loop_->now() + kClassLeaveTime});
  }
  context_.catalog = std::move(found->second);
  // Older ones will not be committed any more.
  prepared_.erase(prepared_.begin(), std::next(found));
  counters_->active_catalog.Set(catalog_version);
  RetainNamed();
  if (first && balance_ != nullptr) balance_->Begin(index_);
  if (first && listen_fd_ >= 0) ZTS_RETURN_IF_ERROR(loop_->io().Listen(listen_fd_));
  return {};
}

void Shard::Abort(uint64_t catalog_version) {
  prepared_.erase(catalog_version);
  RetainNamed();
}

// The pool keeps what the serving catalog and prepared ones name.
void Shard::RetainNamed() {
  SetTargets();
  std::vector<uint64_t> ids, standby;
  const auto add = [&](const route::CatalogPtr& catalog) {
    for (const route::Entry& entry : catalog->entries()) ids.push_back(entry.version_id);
    for (const route::Entry& entry : catalog->standby()) standby.push_back(entry.version_id);
  };
  if (context_.catalog != nullptr) add(context_.catalog);
  for (const Left& left : left_) add(left.catalog);
  for (const auto& [version, catalog] : prepared_) add(catalog);
  std::sort(ids.begin(), ids.end());
  std::sort(standby.begin(), standby.end());
  pool_->Retain(ids, standby);
}

// ---- other classes ----------------------------------------------------------------------------------------------------------

runtime::Elsewhere* Shard::Of(uint32_t engine_class) { return LinkOf(engine_class)->door(); }

classes::ClassLink* Shard::LinkOf(uint32_t engine_class) {
  ZTS_CHECK(engine_class >= 1 && engine_class <= kEngineClassesMax);
  classes_.resize(std::max<size_t>(classes_.size(), engine_class));
  auto& link = classes_[engine_class - 1];
  if (link == nullptr) link = std::make_unique<classes::ClassLink>(loop_, engine_class, pool_->elsewhere_events());
  return link.get();
}

void Shard::ConnectClass(uint32_t engine_class, UniqueFd socket) { LinkOf(engine_class)->Connect(std::move(socket)); }

void Shard::ConnectFront(UniqueFd socket) {
  ZTS_CHECK(port_.has_value());
  port_->Connect(std::move(socket));
}

void Shard::SetTargets() {
  if (!port_) return;
  classes::Targets targets;
  const auto add = [&](const route::CatalogPtr& catalog) {
    for (const auto* list : {&catalog->entries(), &catalog->standby()}) {
      for (const route::Entry& entry : *list) targets[entry.version_id] = {entry.script, entry.version_id, entry.counter_row};
    }
  };
  for (const Left& left : left_) add(left.catalog);
  if (context_.catalog != nullptr) add(context_.catalog);
  for (const auto& [version, catalog] : prepared_) add(catalog);
  port_->SetTargets(std::move(targets));
}

// ---- the end ----------------------------------------------------------------------------------------------------------------

void Shard::Drain(Nanos timeout, Successor successor, std::function<void()> done) {
  if (balance_ != nullptr && context_.mode != SessionContext::Mode::kDraining) {
    for (uint32_t shard = 0; shard < balance_->shards(); ++shard) {
      if (shard != index_) tell_(shard, [](Shard& other) { other.OnNeighbourKeeps(); });
    }
  }
  context_.mode = SessionContext::Mode::kDraining;
  successor_ = successor;
  drained_ = std::move(done);
  if (context_.catalog != nullptr && listen_fd_ >= 0) {
    using Queue = net::Io::Queue;
    accepts_due_ = loop_->io().StopListening(successor == Successor::kAccepts ? Queue::kLeave : Queue::kTake);
  }
  if (successor == Successor::kNone) EndIdle();
  loop_->Arm(&drain_timer_, loop_->now() + timeout);
  TellDrained();
}

void Shard::EndIdle() {
  sessions_.ForEach([](SlotId, Session& session) { session.OnDrain(); });
}

void Shard::OnDrainTimeout() {
  if (std::exchange(successor_, Successor::kNone) == Successor::kAccepts) {
    // Those that never asked again end in order, the others get as long as that takes.
    EndIdle();
    loop_->Arm(&drain_timer_, loop_->now() + kLingerTimeout);
    return;
  }
  if (sessions_.size() > 0) {
    ZTS_LOG(kWarning) << "drain: cutting " << sessions_.size() << " connections that did not end in time";
  }
  if (port_) port_->Disconnect();
  sessions_.ForEach([](SlotId, Session& session) { session.Abort(); });
  TellDrained();
}

void Shard::TellDrained() {
  if (sessions_.size() > 0 || accepts_due_ > 0 || givers_ > 0 || drained_ == nullptr) return;
  if (runs_ && runs_->running() > 0) return;
  loop_->Disarm(&drain_timer_);
  egress_.Disconnect();
  for (const auto& link : classes_) {
    if (link != nullptr) link->Disconnect();
  }
  if (port_) port_->Disconnect();
  logs_.Flush();
  std::exchange(drained_, nullptr)();
}

// ---- connections ------------------------------------------------------------------------------------------------------------

void Shard::OnAccept(net::Handle handle) {
  counters_->connections_total.Add();
  if (accepts_due_ > 0) --accepts_due_;
  if (!GiveAway(handle)) Take(handle);
}

// One that drains keeps what it has accepted: who is told that it has drained must not find a connection that comes after that.
bool Shard::GiveAway(net::Handle handle) {
  if (balance_ == nullptr) return false;
  const uint32_t where = context_.mode == SessionContext::Mode::kDraining ? index_ : balance_->Choose(index_);
  balance_->Join(where);
  if (where == index_) return false;
  counters_->connections_given.Add();
  // A task must be copyable, a socket is not.
  auto socket = std::make_shared<UniqueFd>(loop_->io().Release(handle));
  tell_(where, [socket](Shard& other) { other.TakeConnection(std::move(*socket)); });
  return true;
}

// Those that the pass has answered are idle now, for as long as their next requests are on their way.
void Shard::BeginLeaving() {
  if (moves_.wanted() == 0 || context_.mode == SessionContext::Mode::kDraining) return;
  for (const SlotId slot : moves_.active()) {
    Session* session = sessions_.Find(slot);
    if (session == nullptr || session->is_leaving() || !session->can_leave()) continue;
    session->BeginLeaving();
    moves_.Began();
    if (moves_.wanted() == 0) return;
  }
}

// One that has become quiet goes, unless a request has come in the meantime.
void Shard::EndLeaving(SlotId slot) {
  Session* session = sessions_.Find(slot);
  if (session == nullptr) return;
  const uint32_t where = moves_.target();
  if (where == index_ || context_.mode == SessionContext::Mode::kDraining || !session->can_leave()) return session->Stay();
  balance_->Join(where);
  balance_->Leave(index_);
  auto socket = std::make_shared<UniqueFd>(session->Leave());
  sessions_.Erase(slot);
  counters_->connections_open.Set(sessions_.size());
  counters_->connections_moved.Add();
  tell_(where, [socket](Shard& other) { other.TakeServed(std::move(*socket)); });
}

// A client that has been answered before looks for no answer that it has not asked for: where there is no room, the connection ends.
void Shard::TakeServed(UniqueFd socket) {
  moves_.OnTaken(loop_->now());
  const net::Handle handle = loop_->io().Adopt(std::move(socket));
  if (sessions_.size() < sessions_.capacity()) return Take(handle);
  balance_->Leave(index_);
  loop_->io().Close(handle, SlotId(), net::Io::CloseMode::kLinger);
}

void Shard::OnNeighbourKeeps() {
  --givers_;
  TellDrained();
}

void Shard::Take(net::Handle handle) {
  const auto slot = sessions_.Insert(&context_, handle);
  if (!slot) return RefuseConnection(handle);
  counters_->connections_open.Set(sessions_.size());
  Session* session = sessions_.Find(*slot);
  session->Open(*slot);
  if (context_.mode == SessionContext::Mode::kDraining && successor_ == Successor::kNone) session->OnDrain();
}

// Sockets that no session has.
template <typename F>
void Shard::WithSocket(SlotId slot, F&& act) {
  if (!FrameSocket::IsOne(slot)) return;
  const uint32_t owner = FrameSocket::OwnerOf(slot);
  if (owner == FrameSocket::kEgress) return act(egress_);
  if (owner == FrameSocket::kFront && port_) return act(*port_);
  if (owner <= classes_.size() && classes_[owner - 1] != nullptr) act(*classes_[owner - 1]);
}

// No slot, no session: one answer that fits every request, and the end.
void Shard::RefuseConnection(net::Handle handle) {
  constexpr http::Refusal kWhy = http::Refusal::kTooManyConnections;
  if (balance_ != nullptr) balance_->Leave(index_);
  counters_->refusals[static_cast<int>(kWhy)].Add();
  http::OutBuffer* buffer = context_.out_buffers.Take();
  http::AppendError(*buffer,
                    {.status = http::RefusalStatus(kWhy),
                     .error_name = http::RefusalName(kWhy),
                     .message = http::RefusalHint(kWhy),
                     .extra_line = "retry-after: 1\r\n"},
                    context_.DateLine());
  // What a fresh socket does not take at once is not worth more.
  loop_->io().TrySend(handle, AsBytes(buffer->text()));
  buffer->Clear();
  context_.out_buffers.Give(buffer);
  loop_->io().Close(handle, SlotId(), net::Io::CloseMode::kLinger);
}

void Shard::OnAcceptError(int error) {
  if (loop_->now() - accept_error_logged_ < kAcceptErrorLogPeriod && accept_error_logged_ != 0) return;
  accept_error_logged_ = loop_->now();
  ZTS_LOG(kWarning) << "accept: " << std::strerror(-error) << "; connections wait in the kernel (is the limit of open files too low?)";
}

void Shard::OnRecv(SlotId slot, net::Lease lease, int error) {
  if (Session* session = sessions_.Find(slot)) {
    session->OnRecv(std::move(lease), error);
    if (context_.written.size() >= kAnswersPerBatch || context_.written_bytes >= kAnswerBytesPerBatch) SendWritten();
    return;
  }
  WithSocket(slot, [&](auto& owner) { owner.OnRecv(slot, lease, error); });
}

// What functions have printed is queued before their answers are sent: who asks again because of one, on whatever shard, is told of later.
void Shard::SendWritten() {
  logs_.Flush();
  for (const SlotId slot : context_.written) {
    const Session* session = sessions_.Find(slot);
    if (session != nullptr && !session->written().empty()) sends_.push_back({session->handle(), AsBytes(session->written())});
  }
  loop_->io().TrySendAll(sends_);
  size_t sent = 0;
  for (const SlotId slot : context_.written) {
    Session* session = sessions_.Find(slot);
    if (session == nullptr) continue;
    session->OnBatchEnd(session->written().empty() ? 0 : sends_[sent++].taken);
    moves_.NoteActive(slot);
  }
  sends_.clear();
  context_.written.clear();
  context_.written_bytes = 0;
  context_.RecordLatencies();
}

void Shard::OnSent(SlotId slot, int error) {
  if (Session* session = sessions_.Find(slot)) return session->OnSent(error);
  WithSocket(slot, [&](auto& owner) { owner.OnSent(slot, error); });
}

void Shard::OnClosed(SlotId slot) {
  if (sessions_.Find(slot) == nullptr) {  // a refused connection, or none of a client's
    return WithSocket(slot, [&](auto& owner) { owner.OnClosed(slot); });
  }
  sessions_.Erase(slot);
  if (balance_ != nullptr) balance_->Leave(index_);
  counters_->connections_open.Set(sessions_.size());
  TellDrained();
}

void Shard::OnPassEnd() {
  SendWritten();
  for (const SlotId slot : quiet_) EndLeaving(slot);
  quiet_.clear();
  // Going on may lead to further answers, which are appended behind.
  for (size_t i = 0; i < context_.ready.size(); ++i) {
    if (Session* session = sessions_.Find(context_.ready[i])) session->Continue();
    moves_.NoteActive(context_.ready[i]);
  }
  context_.ready.clear();
  context_.RecordLatencies();
  egress_.OnPassEnd();
  for (const auto& link : classes_) {
    if (link != nullptr) link->OnPassEnd();
  }
  if (port_) EndPassOfRuns();
  moves_.OnPassEnd(loop_->now());
  BeginLeaving();
  context_.ready.swap(context_.later);
  ++context_.pass;
  if (!context_.ready.empty()) loop_->ComeBack();
  pool_->EndPass();
  logs_.Flush();
  UpdateCounters();
}

void Shard::EndPassOfRuns() {
  runs_->OnPassEnd();
  port_->OnPassEnd();
  TellDrained();
}

// ---- the pool's side: a session's request, or another class's -------------------------------------------------------------------

void Shard::OnResponse(runtime::RequestId id, const js::ResponseView& response) {
  if (Session* session = sessions_.Find(SlotId::Unpack(id))) return session->OnResponse(response);
  if (runs_) runs_->OnResponse(id, response);
}

void Shard::OnFailure(runtime::RequestId id, const js::Outcome& outcome) {
  if (Session* session = sessions_.Find(SlotId::Unpack(id))) return session->OnFailure(outcome);
  if (runs_) runs_->OnFailure(id, outcome);
}

void Shard::OnFetchEvent(uint64_t instance, js::FetchId id, const js::FetchEvent& event) { pool_->OnFetch(instance, id, event); }

void Shard::OnCold(runtime::RequestId id) {
  if (Session* session = sessions_.Find(SlotId::Unpack(id))) return session->OnCold();
  if (runs_) runs_->OnCold(id);
}

void Shard::OnColdAnswer(runtime::RequestId id, const runtime::ColdTimes& times) {
  if (Session* session = sessions_.Find(SlotId::Unpack(id))) return session->OnColdAnswer(times);
  if (runs_) runs_->OnColdAnswer(id, times);
}

js::IsolateClient::Taken Shard::OnChunk(runtime::RequestId id, std::string_view bytes) {
  if (Session* session = sessions_.Find(SlotId::Unpack(id))) return session->OnChunk(bytes);
  return runs_ ? runs_->OnChunk(id, bytes) : js::IsolateClient::Taken{0, js::IsolateClient::Room::kNo};
}

void Shard::OnResponseEnd(runtime::RequestId id, const js::Outcome& outcome) {
  if (Session* session = sessions_.Find(SlotId::Unpack(id))) return session->OnResponseEnd(outcome);
  if (runs_) runs_->OnResponseEnd(id, outcome);
}

void Shard::OnWakeAt(Nanos when) {
  if (when == 0) {
    loop_->Disarm(&pool_timer_);
  } else {
    loop_->Arm(&pool_timer_, when);
  }
}

// ---- logs and figures -------------------------------------------------------------------------------------------------------

void Shard::OnConsole(uint64_t version_id, std::string_view request_id, js::LogSeverity severity, std::string_view message) {
  logs_.Add(loop_->now() + context_.wall_offset, version_id, request_id, severity, message);
}

// The segment outlives this engine: what counts up is added to what stands there.
void Shard::UpdateCounters() {
  counters_->loop_passes.Add();
  const net::IoCounters& io = loop_->io().counters();
  const auto advance = [](ipc::Counter& counter, uint64_t now, uint64_t& seen) {
    if (now != seen) counter.Add(now - std::exchange(seen, now));
  };
  advance(counters_->recv_bytes, io.recv_bytes, io_seen_.recv_bytes);
  advance(counters_->sent_bytes, io.sent_bytes, io_seen_.sent_bytes);
  advance(counters_->recv_starved, io.recv_starved, io_seen_.recv_starved);
  advance(counters_->io_syscalls, io.syscalls, io_seen_.syscalls);
}

void Shard::OnHousekeeping() {
  context_.wall_offset = loop_->clock().WallNow() - loop_->clock().Now();
  if (housekeeping_due_ != 0) counters_->loop_lag.Record(loop_->clock().Now() - housekeeping_due_);
  if (std::erase_if(left_, [now = loop_->now()](const Left& left) { return now >= left.until; }) > 0) RetainNamed();
  // A slow request asks for what there was since here: at most a period.
  if (context_.run_delay != nullptr) context_.run_delay->Take();
  pool_->Idle();
  housekeeping_due_ = loop_->now() + kHousekeepingPeriod;
  loop_->Arm(&housekeeping_timer_, housekeeping_due_);
}

}  // namespace zts
