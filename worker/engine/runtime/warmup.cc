#include "worker/engine/runtime/warmup.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/check.h"
#include "worker/engine/limits.h"
#include "worker/engine/runtime/learned_code.h"
#include "worker/engine/runtime/spare_stock.h"
#include "worker/engine/runtime/watchdog.h"

namespace zts::runtime {
namespace {

// Preparations of a big catalog come by the hundred; requests find this many spares at the least, once there were as many.
constexpr size_t kSparesForRequests = kSpareIsolates / 2;

struct Job {
  js::ScriptPtr script;
  uint64_t version_id;
  std::function<void(Loaded)> done;
  Nanos asked_at;
};

struct Disposal {
  // In this order of declaration the isolate goes first.
  std::unique_ptr<js::IsolateClient> client;
  std::unique_ptr<js::Isolate> isolate;
  uint64_t requests = 0;
};

ipc::ColdKind KindOf(bool fresh, bool cached, bool learned) {
  if (!cached) return fresh ? ipc::ColdKind::kFreshSource : ipc::ColdKind::kSpareSource;
  if (learned) return fresh ? ipc::ColdKind::kFreshLearned : ipc::ColdKind::kSpareLearned;
  return fresh ? ipc::ColdKind::kFreshCached : ipc::ColdKind::kSpareCached;
}

}  // namespace

struct Warmup::Impl {
  explicit Impl(MemoryBudget* budget_) : budget(budget_), learned(budget_) {}

  MemoryBudget* const budget;  // null: there is none
  js::IsolateFactory* factory;
  Watchdog* watchdog;
  SystemClock system_clock;
  const Clock* clock;

  std::mutex mutex;  // guards what follows, up to the thread
  std::condition_variable work;
  std::condition_variable stocked;
  std::deque<Job> requests;
  std::deque<Job> preparations;
  std::deque<Disposal> disposals;
  std::vector<std::unique_ptr<js::Isolate>> spare_isolates;
  SpareStock stock;
  bool stopping = false;
  Nanos release_due = 0;     // when none has been disposed of for a while; 0: never
  Nanos release_latest = 0;  // it waits no longer than this while they come and go
  int releases_left = 0;

  LearnedCode learned;  // touched by the work alone, with the lock released
  std::atomic<size_t> spare_count{0};
  std::thread thread;
  Watchdog::Lane* manual_lane = nullptr;

  void Run();
  enum class Did : uint8_t { kNothing, kSomething };
  Did Step(std::unique_lock<std::mutex>& lock, Watchdog::Lane* lane);
  // Each does one piece of work with the lock released meanwhile.
  void RunLoad(std::unique_lock<std::mutex>& lock, std::deque<Job>& queue, size_t spares_to_leave, Watchdog::Lane* lane);
  void RunDisposal(std::unique_lock<std::mutex>& lock);
  void GiveUpSpare();
  void Learn(const Disposal& disposal);
  void RunRestock(std::unique_lock<std::mutex>& lock);
  void RunRelease(std::unique_lock<std::mutex>& lock);
  Nanos NextDue() const;
  Loaded LoadOne(const Job& job, std::unique_ptr<js::Isolate> spare, Watchdog::Lane* lane);
  Loaded LoadRestored(const Job& job, std::unique_ptr<js::Isolate> isolate, Nanos restore_time, Watchdog::Lane* lane);
};

Warmup::Warmup(js::IsolateFactory* factory, Watchdog* watchdog, const Clock* clock, Mode mode, MemoryBudget* budget)
    : impl_(std::make_unique<Impl>(budget)) {
  impl_->factory = factory;
  impl_->watchdog = watchdog;
  impl_->clock = clock != nullptr ? clock : &impl_->system_clock;
  if (mode == Mode::kManual) return;
  impl_->thread = std::thread([this] { impl_->Run(); });
  pthread_setname_np(impl_->thread.native_handle(), "zts-warmup");
}

Warmup::~Warmup() { Stop(); }

void Warmup::Load(js::ScriptPtr script, uint64_t version_id, Urgency urgency, std::function<void(Loaded)> done) {
  Job job{std::move(script), version_id, std::move(done), impl_->clock->Now()};
  {
    std::lock_guard lock(impl_->mutex);
    if (!impl_->stopping) {
      (urgency == Urgency::kRequest ? impl_->requests : impl_->preparations).push_back(std::move(job));
      impl_->work.notify_one();
      return;
    }
  }
  Loaded refused;
  refused.report.outcome = {js::OutcomeKind::kOverloaded, "the engine is stopping"};
  job.done(std::move(refused));
}

void Warmup::Hurry(uint64_t version_id) {
  std::lock_guard lock(impl_->mutex);
  auto& waiting = impl_->preparations;
  for (auto job = waiting.begin(); job != waiting.end();) {
    if (job->version_id != version_id) {
      ++job;
      continue;
    }
    impl_->requests.push_back(std::move(*job));
    job = waiting.erase(job);
  }
}

void Warmup::Dispose(std::unique_ptr<js::Isolate> isolate, std::unique_ptr<js::IsolateClient> client, uint64_t requests) {
  Disposal disposal{std::move(client), std::move(isolate), requests};
  std::lock_guard lock(impl_->mutex);
  if (impl_->stopping) return;  // destroyed right here
  impl_->disposals.push_back(std::move(disposal));
  impl_->work.notify_one();
}

void Warmup::WaitUntilStocked() {
  std::unique_lock lock(impl_->mutex);
  impl_->stocked.wait(lock, [this] { return impl_->spare_isolates.size() >= kSpareIsolates || impl_->stopping; });
}

size_t Warmup::spares() const { return impl_->spare_count.load(std::memory_order_relaxed); }

size_t Warmup::learned_bytes() const { return impl_->learned.bytes(); }

void Warmup::Stop() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->work.notify_one();
  impl_->stocked.notify_all();
  if (impl_->thread.joinable()) impl_->thread.join();
  // Nobody adds to the queues any more.
  for (auto* queue : {&impl_->requests, &impl_->preparations}) {
    for (Job& job : *queue) {
      Loaded refused;
      refused.report.outcome = {js::OutcomeKind::kOverloaded, "the engine is stopping"};
      job.done(std::move(refused));
    }
    queue->clear();
  }
  impl_->disposals.clear();
  impl_->spare_isolates.clear();
  impl_->spare_count = 0;
}

size_t Warmup::RunPending() {
  ZTS_CHECK(!impl_->thread.joinable());
  if (impl_->manual_lane == nullptr) impl_->manual_lane = impl_->watchdog->AddLane();
  std::unique_lock lock(impl_->mutex);
  size_t steps = 0;
  while (impl_->Step(lock, impl_->manual_lane) == Impl::Did::kSomething) ++steps;
  return steps;
}

void Warmup::Impl::Run() {
  Watchdog::Lane* lane = watchdog->AddLane();
  std::unique_lock lock(mutex);
  while (!stopping) {
    if (Step(lock, lane) == Did::kSomething) continue;
    if (const Nanos due = NextDue(); due != 0) {
      work.wait_for(lock, std::chrono::nanoseconds(std::max<Nanos>(due - clock->Now(), 1)));
    } else {
      work.wait(lock);
    }
  }
}

// When there may be something to do that nobody asks for; 0: never.
Nanos Warmup::Impl::NextDue() const {
  if (release_due != 0) return release_due;
  return stock.grown() ? clock->Now() + kSpareRest : 0;
}

// The most urgent piece of work there is.
Warmup::Impl::Did Warmup::Impl::Step(std::unique_lock<std::mutex>& lock, Watchdog::Lane* lane) {
  if (!requests.empty()) {
    RunLoad(lock, requests, 0, lane);
  } else if (!preparations.empty()) {
    RunLoad(lock, preparations, kSparesForRequests, lane);
  } else if (!disposals.empty()) {
    RunDisposal(lock);
  } else if (spare_isolates.size() < stock.wanted()) {
    RunRestock(lock);
  } else if (stock.Rested(clock->Now()) || spare_isolates.size() > stock.wanted()) {
    GiveUpSpare();
  } else if (release_due != 0 && clock->Now() >= release_due) {
    RunRelease(lock);
  } else {
    return Did::kNothing;
  }
  return Did::kSomething;
}

void Warmup::Impl::RunLoad(std::unique_lock<std::mutex>& lock, std::deque<Job>& queue, size_t spares_to_leave,
                           Watchdog::Lane* lane) {
  Job job = std::move(queue.front());
  queue.pop_front();
  // One that begins from the function's own snapshot takes no spare.
  std::unique_ptr<js::Isolate> restored;
  Nanos restore_time = 0;
  if (!job.script->function_snapshot.empty()) {
    lock.unlock();
    const Nanos begin = clock->Now();
    restored = factory->RestoreIsolate(job.script);
    restore_time = clock->Now() - begin;
    lock.lock();
  }
  std::unique_ptr<js::Isolate> spare;
  // Spares are all alike; a nursery of a size needs an isolate of its own.
  const bool alike = js::NurseryBytesOf(job.script->limits) == 0;
  if (restored == nullptr && alike && spare_isolates.size() > spares_to_leave) {
    spare = std::move(spare_isolates.back());
    spare_isolates.pop_back();
    spare_count = spare_isolates.size();
  } else if (restored == nullptr && alike && &queue == &requests) {
    stock.RanOut(clock->Now(), budget != nullptr ? budget->bytes() / kSpareShare : SIZE_MAX);
  }
  lock.unlock();
  job.done(restored != nullptr ? LoadRestored(job, std::move(restored), restore_time, lane) : LoadOne(job, std::move(spare), lane));
  job = Job();  // the last reference to a script may be this one: its memory goes with the lock released
  lock.lock();
}

void Warmup::Impl::GiveUpSpare() {
  if (spare_isolates.size() <= stock.wanted()) return;
  disposals.push_back({nullptr, std::move(spare_isolates.back())});
  spare_isolates.pop_back();
  spare_count = spare_isolates.size();
}

void Warmup::Impl::RunDisposal(std::unique_lock<std::mutex>& lock) {
  Disposal disposal = std::move(disposals.front());
  disposals.pop_front();
  lock.unlock();
  if (disposal.requests > 0) Learn(disposal);
  disposal.isolate.reset();
  disposal.client.reset();
  learned.Sweep();
  lock.lock();
  const Nanos now = clock->Now();
  if (release_due == 0) release_latest = now + kReleaseLatest;
  release_due = std::min(now + kReleaseRest, release_latest);
  releases_left = kReleases;
}

// Several times: V8 lets go of a part of its pool at a time.
void Warmup::Impl::RunRelease(std::unique_lock<std::mutex>& lock) {
  const Nanos now = clock->Now();
  release_due = --releases_left > 0 ? now + kReleaseRest : 0;
  release_latest = now + kReleaseLatest;
  lock.unlock();
  factory->ReleaseFreeMemory();
  // Taken and given by this thread alone.
  for (const auto& spare : spare_isolates) spare->RunTasks();
  lock.lock();
}

void Warmup::Impl::Learn(const Disposal& disposal) {
  const js::ScriptPtr script = disposal.isolate->script();
  if (learned.Wants(script, disposal.requests)) learned.Add(script, disposal.requests, disposal.isolate->MakeCodeCache());
}

void Warmup::Impl::RunRestock(std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  auto isolate = factory->NewIsolate({.room_bytes = js::kSpareRoomBytes});
  lock.lock();
  spare_isolates.push_back(std::move(isolate));
  spare_count = spare_isolates.size();
  stock.Has(spare_isolates.size());
  if (spare_isolates.size() >= kSpareIsolates) stocked.notify_all();
}

Loaded Warmup::Impl::LoadRestored(const Job& job, std::unique_ptr<js::Isolate> isolate, Nanos restore_time, Watchdog::Lane* lane) {
  Loaded loaded;
  loaded.waited = clock->Now() - restore_time - job.asked_at;
  {
    Turn turn(lane, isolate.get(), job.script->limits.startup_cpu, js::OutcomeKind::kStartupLimit, job.version_id);
    loaded.report = isolate->Load(job.script);
  }
  loaded.context_time = std::min(loaded.report.context, restore_time);
  loaded.isolate_time = std::max<Nanos>(restore_time - loaded.context_time - loaded.report.artifact, 0);
  loaded.ended_at = clock->Now();
  loaded.kind = ipc::ColdKind::kSnapshot;
  if (loaded.report.outcome.ok()) loaded.isolate = std::move(isolate);
  return loaded;
}

Loaded Warmup::Impl::LoadOne(const Job& job, std::unique_ptr<js::Isolate> spare, Watchdog::Lane* lane) {
  Loaded loaded;
  const Nanos begin = clock->Now();
  loaded.waited = begin - job.asked_at;
  const bool fresh = spare == nullptr;
  if (fresh) {
    spare = factory->NewIsolate({.nursery_bytes = js::NurseryBytesOf(job.script->limits)});
    loaded.isolate_time = clock->Now() - begin;
  }
  const Bytes known = learned.Find(job.script);
  {
    Turn turn(lane, spare.get(), job.script->limits.startup_cpu, js::OutcomeKind::kStartupLimit, job.version_id);
    loaded.report = spare->LoadFrom(job.script, known.empty() ? job.script->code_cache : known);
  }
  if (fresh) {
    loaded.context_time = std::min(loaded.report.context, loaded.isolate_time);
    loaded.isolate_time -= loaded.context_time;
  }
  loaded.ended_at = clock->Now();
  loaded.kind = KindOf(fresh, loaded.report.cache == js::LoadReport::Cache::kAccepted, !known.empty());
  if (loaded.report.outcome.ok()) loaded.isolate = std::move(spare);
  return loaded;
}

}  // namespace zts::runtime
