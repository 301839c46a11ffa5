#include "worker/supervisor/engines.h"

#include <fcntl.h>

#include <chrono>
#include <future>

namespace zts::supervisor {
namespace {

EngineHost::Setup WithListeners(EngineHost::Setup setup, const std::vector<UniqueFd>& listeners) {
  for (const UniqueFd& listener : listeners) setup.listeners.push_back(listener.get());
  return setup;
}

}  // namespace

Engines::Engines(Options options) : options_(std::move(options)), set_(SetOptions()) {
  if (options_.listeners_shared) set_.ShareListeners(true);
  OnStatus();
  Post([this] { set_.Start(); }, Room::kTake);
  thread_ = std::thread([this] { Run(); });
}

EngineSet::Options Engines::SetOptions() {
  EngineSet::Options set;
  set.setup = WithListeners(options_.setup, options_.listeners);
  set.own = options_.own;
  set.clock = options_.clock;
  set.counters = options_.counters;
  set.rows = options_.rows;
  set.version_rows = options_.version_rows;
  set.egress = options_.egress;
  set.make_launcher = options_.make_launcher;
  set.grow_counters = [this](uint32_t blocks) { options_.counters->Grow(blocks); };
  set.post = [this](Task task) { Post(std::move(task), Room::kWaitFor); };
  set.on_logs = [this](std::vector<LogRecord> records) { options_.on_logs(std::move(records)); };
  set.on_status = [this] { OnStatus(); };
  return set;
}

Engines::~Engines() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  Kill();
  Drain(0);
  thread_.join();
}

Result<std::vector<Problem>> Engines::Prepare(CatalogSpec catalog, std::vector<uint64_t> warm) {
  auto promise = std::make_shared<std::promise<Result<std::vector<Problem>>>>();
  auto answer = promise->get_future();
  Post(
      [this, promise, catalog = std::move(catalog), warm = std::move(warm)]() mutable {
        set_.Prepare(std::move(catalog), std::move(warm),
                      [promise](Result<std::vector<Problem>> result) { promise->set_value(std::move(result)); });
      },
      Room::kTake);
  return answer.get();
}

Status Engines::Commit() {
  auto promise = std::make_shared<std::promise<Status>>();
  auto answer = promise->get_future();
  Post([this, promise] { set_.Commit([promise](Status status) { promise->set_value(std::move(status)); }); }, Room::kTake);
  return answer.get();
}

std::string Engines::ArtifactKey() const { return status().artifact_key; }

void Engines::AskJit(std::string function, Nanos watch, JitSurveys::Done done) {
  Post([this, function = std::move(function), watch, done = std::move(done)]() mutable { set_.AskJit(function, watch, std::move(done)); },
       Room::kTake);
}

Result<std::vector<UniqueFd>> Engines::ShareListeners() {
  std::vector<UniqueFd> copies;
  for (const UniqueFd& listener : options_.listeners) {
    copies.emplace_back(::fcntl(listener.get(), F_DUPFD_CLOEXEC, 0));
    if (!copies.back().valid()) return Error::FromErrno("duplicate a listening socket");
  }
  Post([this] { set_.ShareListeners(true); }, Room::kTake);
  return copies;
}

void Engines::KeepListeners() {
  Post([this] { set_.ShareListeners(false); }, Room::kTake);
}

void Engines::OnEgressUp() {
  Post([this] { set_.OnEgressUp(); }, Room::kTake);
}

void Engines::Drain(Nanos timeout) {
  Post(
      [this, timeout] {
        if (set_.status().state == EngineStatus::State::kDraining || set_.status().state == EngineStatus::State::kStopped) {
          return;
        }
        set_.Drain(timeout);
        // Ours would keep the port alive without anybody to serve it; the engine closes its own.
        for (UniqueFd& listener : options_.listeners) listener.reset();
      },
      Room::kTake);
}

void Engines::Kill() {
  Post([this] { set_.Kill(); }, Room::kTake);
}

EngineStatus Engines::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

std::vector<ClassStatus> Engines::classes() const {
  std::lock_guard lock(mutex_);
  return classes_;
}

void Engines::OnStatus() {
  {
    std::lock_guard lock(mutex_);
    status_ = set_.status();
    classes_ = set_.classes();
  }
  if (options_.on_status) options_.on_status();
}

void Engines::Post(Task task, Room room) {
  std::unique_lock lock(mutex_);
  if (room == Room::kWaitFor) {
    room_.wait(lock, [this] { return tasks_.size() < kTasksMax || ending_; });
  }
  tasks_.push_back(std::move(task));
  changed_.notify_one();
}

// Waits for tasks or the host's deadline. False: nothing is left to do, ever.
bool Engines::TakeTasks(std::deque<Task>* tasks) {
  const Nanos deadline = set_.NextDeadline();
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return !tasks_.empty(); };
  if (set_.status().state == EngineStatus::State::kStopped && tasks_.empty() && ending_) return false;
  if (deadline == 0) {
    changed_.wait(lock, ready);
  } else {
    const Nanos left = deadline - options_.clock->Now();
    changed_.wait_for(lock, std::chrono::nanoseconds(left > 0 ? left : 0), ready);
  }
  tasks->swap(tasks_);
  room_.notify_all();
  return true;
}

void Engines::Run() {
  std::deque<Task> tasks;
  while (TakeTasks(&tasks)) {
    for (Task& task : tasks) task();
    tasks.clear();
    set_.OnTime();
  }
}

}  // namespace zts::supervisor
