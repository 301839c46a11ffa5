#include "worker/engine/runtime/watchdog.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "worker/engine/limits.h"

namespace zts::runtime {
namespace {

// What a lane's word says of its turn; the turn's sequence number stands above these two bits.
enum Phase : uint64_t { kIdle = 0, kRunning = 1, kTerminating = 2, kTerminated = 3 };
constexpr uint64_t kPhaseMask = 3;
constexpr uint64_t kSequenceStep = 4;

Nanos ReadThreadCpu(clockid_t id) {
  timespec time;
  if (clock_gettime(id, &time) != 0) return -1;
  return Nanos{time.tv_sec} * kSecond + time.tv_nsec;
}

}  // namespace

// Written by the lane's thread, read by the watchdog. The word is written last when a turn begins; a reader that finds the same word
// before and after has read the fields of that turn. While the word says kTerminating the turn cannot end, so the isolate is there.
struct alignas(64) Watchdog::Lane {
  std::atomic<uint64_t> word{kIdle};
  std::atomic<js::Isolate*> isolate{nullptr};
  std::atomic<Nanos> cpu_budget{0};
  std::atomic<js::OutcomeKind> why{js::OutcomeKind::kCpuLimit};
  std::atomic<uint64_t> version_id{0};

  // The watchdog's own notes of the turn it saw last.
  alignas(64) clockid_t cpu_clock;
  uint64_t seen_sequence = ~uint64_t{0};
  Nanos seen_at = 0;
  Nanos seen_cpu = 0;
  Nanos terminated_at = 0;
  Nanos terminated_cpu = 0;
  enum class Stuck : uint8_t { kNo, kReported } stuck = Stuck::kNo;

  // Who has kept the thread busy in this window; a version that finds no place takes that of the least.
  struct Load {
    uint64_t version_id = 0;
    Nanos cpu = 0;
    uint64_t reported_in = 0;  // the turn of the last report
  };
  OnBusy on_busy;
  std::array<Load, 8> loads;
  Nanos window_since = 0;
  Nanos polled_cpu = -1;

  void Sample(Nanos now, Nanos cpu, uint64_t word);
};

void Watchdog::Lane::Sample(Nanos now, Nanos cpu, uint64_t seen) {
  const Nanos before = std::exchange(polled_cpu, cpu);
  // At most what fits between two polls, or a few that came late on a busy machine.
  const Nanos used = before < 0 ? 0 : std::min(cpu - before, 4 * kWatchdogPeriod);
  if (now - window_since >= kBusyWindow) {
    loads.fill({});
    window_since = now;
  }
  const uint64_t version = version_id.load(std::memory_order_relaxed);
  const bool in_turn = (seen & kPhaseMask) != kIdle && word.load(std::memory_order_acquire) == seen;
  if (!in_turn || used <= 0) return;
  Load* load = &loads[0];
  for (Load& other : loads) {
    if (other.version_id == version) {
      load = &other;
      break;
    }
    if (other.cpu < load->cpu) load = &other;
  }
  if (load->version_id != version) *load = {.version_id = version};
  load->cpu += used;
  if (load->cpu < kBusyCpu || load->reported_in == (seen & ~kPhaseMask)) return;
  load->reported_in = seen & ~kPhaseMask;
  on_busy(version, std::exchange(load->cpu, 0));
}

struct Watchdog::Impl {
  std::function<void(uint64_t)> on_stuck;
  SystemClock system_clock;
  const Clock* clock;
  std::function<Nanos(clockid_t)> thread_cpu;

  std::mutex mutex;  // guards lanes and stopping
  std::condition_variable wake;
  std::vector<std::unique_ptr<Lane>> lanes;
  bool stopping = false;
  std::thread thread;

  void Look(Lane& lane);
  void LookAtRunning(Lane& lane, uint64_t word);
  void LookAtTerminated(Lane& lane);
  void Run();
};

Watchdog::Watchdog(std::function<void(uint64_t)> on_stuck, Sources sources) : impl_(std::make_unique<Impl>()) {
  impl_->on_stuck = std::move(on_stuck);
  impl_->clock = sources.clock != nullptr ? sources.clock : &impl_->system_clock;
  impl_->thread_cpu = sources.thread_cpu ? std::move(sources.thread_cpu) : ReadThreadCpu;
}

Watchdog::~Watchdog() { Stop(); }

Watchdog::Lane* Watchdog::AddLane(OnBusy on_busy) {
  auto lane = std::make_unique<Lane>();
  lane->on_busy = std::move(on_busy);
  ZTS_CHECK(pthread_getcpuclockid(pthread_self(), &lane->cpu_clock) == 0);
  std::lock_guard lock(impl_->mutex);
  impl_->lanes.push_back(std::move(lane));
  return impl_->lanes.back().get();
}

void Watchdog::Rebind(Lane* lane) {
  clockid_t own;
  ZTS_CHECK(pthread_getcpuclockid(pthread_self(), &own) == 0);
  std::lock_guard lock(impl_->mutex);
  ZTS_DCHECK((lane->word.load(std::memory_order_relaxed) & kPhaseMask) == kIdle);
  lane->cpu_clock = own;
  lane->polled_cpu = -1;
}

uint64_t Watchdog::VersionInTurn(const Lane* lane) {
  if ((lane->word.load(std::memory_order_acquire) & kPhaseMask) == kIdle) return 0;
  return lane->version_id.load(std::memory_order_relaxed);
}

uint64_t Watchdog::VersionInTurnHere() const {
  clockid_t own;
  if (pthread_getcpuclockid(pthread_self(), &own) != 0) return 0;
  std::lock_guard lock(impl_->mutex);
  for (const auto& lane : impl_->lanes) {
    const uint64_t version_id = lane->cpu_clock == own ? VersionInTurn(lane.get()) : 0;
    if (version_id != 0) return version_id;
  }
  return 0;
}

void Watchdog::Silence(Lane* lane) {
  std::lock_guard lock(impl_->mutex);
  lane->on_busy = nullptr;
}

void Watchdog::Start() {
  ZTS_CHECK(!impl_->thread.joinable());
  impl_->stopping = false;
  impl_->thread = std::thread([this] { impl_->Run(); });
  pthread_setname_np(impl_->thread.native_handle(), "zts-watchdog");
}

void Watchdog::Stop() {
  if (!impl_->thread.joinable()) return;
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_one();
  impl_->thread.join();
}

void Watchdog::PollOnce() {
  std::lock_guard lock(impl_->mutex);
  for (auto& lane : impl_->lanes) impl_->Look(*lane);
}

void Watchdog::Impl::Run() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    for (auto& lane : lanes) Look(*lane);
    wake.wait_for(lock, std::chrono::nanoseconds(kWatchdogPeriod));
  }
}

void Watchdog::Impl::Look(Lane& lane) {
  const uint64_t word = lane.word.load(std::memory_order_acquire);
  if (lane.on_busy) {
    if (const Nanos cpu = thread_cpu(lane.cpu_clock); cpu >= 0) lane.Sample(clock->Now(), cpu, word);
  }
  switch (word & kPhaseMask) {
    case kRunning: return LookAtRunning(lane, word);
    case kTerminated: return LookAtTerminated(lane);
    default: return;  // idle; kTerminating is only ever seen by the turn's own thread
  }
}

void Watchdog::Impl::LookAtRunning(Lane& lane, uint64_t word) {
  const Nanos now = clock->Now();
  if (lane.seen_sequence != word) {
    lane.seen_sequence = word;
    lane.seen_at = now;
    lane.seen_cpu = thread_cpu(lane.cpu_clock);
    return;
  }
  const Nanos budget = lane.cpu_budget.load(std::memory_order_relaxed);
  js::Isolate* isolate = lane.isolate.load(std::memory_order_relaxed);
  const js::OutcomeKind why = lane.why.load(std::memory_order_relaxed);
  // CPU time never runs faster than the wall clock: before that there is nothing to suspect.
  if (now - lane.seen_at < budget) return;
  const Nanos cpu = thread_cpu(lane.cpu_clock);
  if (cpu < 0 || cpu - lane.seen_cpu < budget) return;
  // Only where the turn is still the one whose fields were read; from here on until kTerminated it cannot end.
  uint64_t expected = word;
  const uint64_t sequence = word & ~kPhaseMask;
  if (!lane.word.compare_exchange_strong(expected, sequence | kTerminating, std::memory_order_acq_rel)) return;
  isolate->Terminate(why);
  lane.terminated_at = now;
  lane.terminated_cpu = cpu;
  lane.stuck = Lane::Stuck::kNo;
  lane.word.store(sequence | kTerminated, std::memory_order_release);
}

void Watchdog::Impl::LookAtTerminated(Lane& lane) {
  if (lane.stuck == Lane::Stuck::kReported) return;
  const Nanos waited = clock->Now() - lane.terminated_at;
  if (waited < kTerminationGrace) return;
  // On a busy machine the turn may not have had the core to end on: it is its own time that counts, within reason.
  const Nanos cpu = thread_cpu(lane.cpu_clock);
  if (cpu >= 0 && cpu - lane.terminated_cpu < kTerminationGrace && waited < kTerminationWaitMax) return;
  lane.stuck = Lane::Stuck::kReported;
  // The turn may end just now; its version is still the one in the lane or a later one of the same thread. The report is worth
  // that risk: after the grace the engine is to go either way.
  on_stuck(lane.version_id.load(std::memory_order_relaxed));
}

Turn::Turn(Watchdog::Lane* lane, js::Isolate* isolate, Nanos cpu_budget, js::OutcomeKind why, uint64_t version_id)
    : lane_(lane), isolate_(isolate) {
  const uint64_t word = lane->word.load(std::memory_order_relaxed);
  ZTS_DCHECK((word & kPhaseMask) == kIdle);  // turns do not nest
  lane->isolate.store(isolate, std::memory_order_relaxed);
  lane->cpu_budget.store(cpu_budget, std::memory_order_relaxed);
  lane->why.store(why, std::memory_order_relaxed);
  lane->version_id.store(version_id, std::memory_order_relaxed);
  lane->word.store((word & ~kPhaseMask) + kSequenceStep + kRunning, std::memory_order_release);
}

Turn::Ending Turn::End() {
  Watchdog::Lane* lane = std::exchange(lane_, nullptr);
  uint64_t word = lane->word.load(std::memory_order_relaxed);
  const uint64_t idle = word & ~kPhaseMask;
  uint64_t running = idle | kRunning;
  if (lane->word.compare_exchange_strong(running, idle, std::memory_order_acq_rel)) return Ending::kByItself;
  // The watchdog is inside Terminate: a moment, unless its thread is off the core just then.
  while ((word = lane->word.load(std::memory_order_acquire)) == (idle | kTerminating)) sched_yield();
  ZTS_CHECK(word == (idle | kTerminated));
  isolate_->ClearTermination();
  lane->word.store(idle, std::memory_order_release);
  return Ending::kTerminated;
}

}  // namespace zts::runtime
