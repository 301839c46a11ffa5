#include "worker/engine/offload/offload_threads.h"

#include <pthread.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "worker/engine/core_split.h"
#include "worker/engine/limits.h"

namespace zts::offload {
namespace {

void NameThread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

// In Linux a thread has a niceness of its own (setpriority(2), "C library/kernel differences"), and those that it makes begin with it.
void GiveWay() {
  const auto self = static_cast<id_t>(::gettid());
  const int niceness = std::min(::getpriority(PRIO_PROCESS, self) + kOffloadNiceness, 19);
  if (::setpriority(PRIO_PROCESS, self, niceness) != 0) {
    ZTS_LOG(kWarning) << "offload threads keep the priority of shards: " << std::strerror(errno);
  }
}

// A thread that is not joined yet has its clock.
Nanos CpuOf(std::thread& thread) {
  clockid_t clock;
  timespec time;
  if (pthread_getcpuclockid(thread.native_handle(), &clock) != 0 || clock_gettime(clock, &time) != 0) return -1;
  return Nanos{time.tv_sec} * kSecond + time.tv_nsec;
}

}  // namespace

// ---- start and end ----------------------------------------------------------------------------------------------------------

OffloadThreads::OffloadThreads(Options options)
    : options_(std::move(options)), clock_(options_.clock != nullptr ? options_.clock : &system_clock_),
      keeper_clock_(options_.keeper_clock != nullptr ? options_.keeper_clock : clock_),
      placement_(static_cast<uint32_t>(options_.counters.size())) {}

Result<std::unique_ptr<OffloadThreads>> OffloadThreads::Start(Options options) {
  std::unique_ptr<OffloadThreads> self(new OffloadThreads(std::move(options)));
  ZTS_RETURN_IF_ERROR(self->MakeSeats());
  if (self->options_.mode == Options::Mode::kManual) return self;
  std::promise<void> ready;
  self->keeper_ = std::thread([raw = self.get(), &ready] {
    NameThread("zts-offloads");
    BindTo(raw->options_.cores);
    GiveWay();
    ready.set_value();
    raw->Keep();
  });
  ready.get_future().wait();
  return self;
}

Status OffloadThreads::MakeSeats() {
  for (uint32_t index = 0; index < options_.counters.size(); ++index) {
    // An epoll, unlike a ring, belongs to no thread.
    auto io = options_.make_io ? options_.make_io() : net::CreateIo(net::IoBackend::kEpoll);
    if (!io.ok()) return std::move(io).error();
    auto seat = std::make_unique<Seat>();
    seat->index = index;
    seat->counters = options_.counters[index];
    seat->loop = std::make_unique<net::Loop>(std::move(io).value(), clock_);
    seat->host = std::make_unique<OffloadHost>(OffloadHost::Options{.loop = seat->loop.get(),
                                                                    .warmup = options_.warmup,
                                                                    .watchdog = options_.watchdog,
                                                                    .counters = seat->counters,
                                                                    .logs = options_.logs,
                                                                    .budget = options_.budget});
    seats_.push_back(std::move(seat));
    SetGauges(*seats_.back());
  }
  return {};
}

OffloadThreads::~OffloadThreads() { EndLoops(); }

void OffloadThreads::EndLoops() {
  if (keeper_.joinable()) {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    keeper_.join();
  }
  for (auto& seat : seats_) {
    if (!seat->thread.joinable()) continue;
    seat->host->Stop();
    seat->thread.join();
  }
}

// ---- the keeper -------------------------------------------------------------------------------------------------------------

void OffloadThreads::Keep() {
  std::unique_lock lock(mutex_);
  const auto due = [this] { return wanted_ || stopping_; };
  while (!stopping_) {
    if (in_use()) {
      wake_.wait_for(lock, std::chrono::nanoseconds(kOffloadLook), due);
    } else {
      // With no thread there is nothing to look at.
      wake_.wait(lock, due);
      looked_at_ = keeper_clock_->Now();
    }
    if (!stopping_) TendLocked();
  }
}

void OffloadThreads::Tend() {
  std::lock_guard lock(mutex_);
  TendLocked();
}

void OffloadThreads::TendLocked() {
  wanted_ = false;
  const Nanos now = keeper_clock_->Now();
  for (auto& seat : seats_) {
    if (seat->state == Seat::State::kEnded) JoinEnded(seat.get());
  }
  const Nanos window = now - looked_at_;
  if (window >= kOffloadLook / 2) {
    looked_at_ = now;
    std::vector<Placement::Load> loads;
    for (auto& seat : seats_) loads.push_back({CpuSince(seat.get()), seat->host->version_in_turn()});
    for (const Placement::Move& move : placement_.Look(now, window, loads)) {
      seats_[move.to]->counters->offload.moves.Add();
      if (shards_[move.shard]) shards_[move.shard](move);
    }
  }
  for (auto& seat : seats_) {
    if (placement_.used(seat->index) || (seat->state == Seat::State::kNone && HasLeft(*seat))) {
      seat->used_at = now;
      if (seat->state == Seat::State::kNone) StartThread(seat.get());
    } else if (seat->state == Seat::State::kRunning && now - seat->used_at >= kOffloadRest && seat->host->at_rest()) {
      EndThread(seat.get());
    }
    SetGauges(*seat);
  }
}

// A request that came as the thread ended has begun there, or waits in its loop, and whose it is may have no place there any more.
bool OffloadThreads::HasLeft(const Seat& seat) { return !seat.host->at_rest() || seat.loop->has_posted(); }

void OffloadThreads::StartThread(Seat* seat) {
  seat->cpu_seen = 0;
  seat->loop->Restart();
  if (seat->egress.valid()) {
    auto socket = std::make_shared<UniqueFd>(std::move(seat->egress));
    seat->host->Post([host = seat->host.get(), socket] { host->ConnectEgress(std::move(*socket)); });
  }
  if (options_.mode == Options::Mode::kThreads) {
    try {
      seat->thread = std::thread([this, seat] { Run(seat); });
    } catch (const std::system_error& error) {
      // What waits for it has its time limits; the next look tries again.
      ZTS_LOG(kError) << "an offload thread cannot be started: " << error.what();
      return;
    }
  }
  seat->state = Seat::State::kRunning;
  seat->counters->offload.starts.Add();
}

void OffloadThreads::Run(Seat* seat) {
  NameThread("zts-offload-" + std::to_string(seat->index));
  seat->host->Run();
  SetEnded(seat);
}

void OffloadThreads::SetEnded(Seat* seat) {
  std::lock_guard lock(mutex_);
  seat->state = Seat::State::kEnded;
  wanted_ = true;
  wake_.notify_all();
}

// It looks for itself, behind what has been posted before, and says so when it has ended.
void OffloadThreads::EndThread(Seat* seat) {
  seat->host->Post([this, seat] {
    if (!seat->host->MayRest()) return;
    if (options_.mode == Options::Mode::kManual) return SetEnded(seat);
    seat->host->Stop();
  });
}

void OffloadThreads::JoinEnded(Seat* seat) {
  CpuSince(seat);
  // It has let go of the lock, which was the last it had to do.
  if (seat->thread.joinable()) seat->thread.join();
  seat->state = Seat::State::kNone;
}

// Counted, too.
Nanos OffloadThreads::CpuSince(Seat* seat) {
  if (seat->state == Seat::State::kNone) return 0;
  const Nanos cpu = options_.cpu ? options_.cpu(seat->index) : seat->thread.joinable() ? CpuOf(seat->thread) : -1;
  if (cpu < seat->cpu_seen) return 0;
  const Nanos since = cpu - std::exchange(seat->cpu_seen, cpu);
  seat->counters->offload.cpu_ns.Add(static_cast<uint64_t>(since));
  return since;
}

void OffloadThreads::SetGauges(const Seat& seat) {
  seat.counters->offload.dormant.Set(seat.counters->offload.starts.Read() == 0 ? 1 : 0);
  seat.counters->offload.running.Set(seat.state == Seat::State::kNone ? 0 : 1);
  seat.counters->offload.functions.Set(placement_.uses(seat.index));
}

bool OffloadThreads::in_use() const {
  return std::any_of(seats_.begin(), seats_.end(),
                     [this](const auto& seat) { return seat->state != Seat::State::kNone || placement_.used(seat->index); });
}

// ---- of the shards ----------------------------------------------------------------------------------------------------------

uint32_t OffloadThreads::Join(OnMove on_move) {
  std::lock_guard lock(mutex_);
  shards_.push_back(std::move(on_move));
  return static_cast<uint32_t>(shards_.size() - 1);
}

void OffloadThreads::Part(uint32_t shard) {
  std::lock_guard lock(mutex_);
  shards_[shard] = nullptr;
}

Placement::Place OffloadThreads::Take(uint32_t shard, uint64_t version_id) {
  std::lock_guard lock(mutex_);
  const Placement::Place place = placement_.Take(shard, version_id, keeper_clock_->Now());
  SetGauges(*seats_[place.thread]);
  if (seats_[place.thread]->state != Seat::State::kRunning) {
    wanted_ = true;
    wake_.notify_all();
  }
  return place;
}

void OffloadThreads::Give(uint64_t serial) {
  std::lock_guard lock(mutex_);
  placement_.Give(serial);
  for (const auto& seat : seats_) SetGauges(*seat);
}

void OffloadThreads::Left(uint32_t thread) {
  std::lock_guard lock(mutex_);
  placement_.Left(thread);
}

// ---- of the engine ----------------------------------------------------------------------------------------------------------

bool OffloadThreads::PostIfRunning(uint32_t thread, std::function<void(OffloadHost&)> task) {
  std::lock_guard lock(mutex_);
  const Seat& seat = *seats_[thread];
  if (seat.state != Seat::State::kRunning) return false;
  seat.host->Post([host = seat.host.get(), task = std::move(task)] { task(*host); });
  return true;
}

void OffloadThreads::ConnectEgress(uint32_t thread, UniqueFd socket) {
  std::lock_guard lock(mutex_);
  Seat& seat = *seats_[thread];
  if (seat.state != Seat::State::kRunning) {
    seat.egress = std::move(socket);
    return;
  }
  // A task must be copyable.
  auto shared = std::make_shared<UniqueFd>(std::move(socket));
  seat.host->Post([host = seat.host.get(), shared] { host->ConnectEgress(std::move(*shared)); });
}

}  // namespace zts::offload
