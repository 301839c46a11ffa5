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

Engines::Engines(Options options)
    : options_(std::move(options)),
      host_(WithListeners(options_.setup, options_.listeners),
            {options_.clock, options_.launcher.get(), this, options_.rows, options_.version_rows, options_.counters, this,
             options_.egress}) {
  if (options_.listeners_shared) host_.ShareListeners(true);
  Post([this] { host_.Start(); }, Room::kTake);
  thread_ = std::thread([this] { Run(); });
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
        host_.Prepare(std::move(catalog), std::move(warm),
                      [promise](Result<std::vector<Problem>> result) { promise->set_value(std::move(result)); });
      },
      Room::kTake);
  return answer.get();
}

Status Engines::Commit() {
  auto promise = std::make_shared<std::promise<Status>>();
  auto answer = promise->get_future();
  Post([this, promise] { host_.Commit([promise](Status status) { promise->set_value(std::move(status)); }); }, Room::kTake);
  return answer.get();
}

std::string Engines::ArtifactKey() const { return status().artifact_key; }

void Engines::AskJit(std::string function, Nanos watch, JitSurveys::Done done) {
  Post([this, function = std::move(function), watch, done = std::move(done)]() mutable { host_.AskJit(function, watch, std::move(done)); },
       Room::kTake);
}

Result<std::vector<UniqueFd>> Engines::ShareListeners() {
  std::vector<UniqueFd> copies;
  for (const UniqueFd& listener : options_.listeners) {
    copies.emplace_back(::fcntl(listener.get(), F_DUPFD_CLOEXEC, 0));
    if (!copies.back().valid()) return Error::FromErrno("duplicate a listening socket");
  }
  Post([this] { host_.ShareListeners(true); }, Room::kTake);
  return copies;
}

void Engines::KeepListeners() {
  Post([this] { host_.ShareListeners(false); }, Room::kTake);
}

void Engines::OnEgressUp() {
  Post([this] { host_.OnEgressUp(); }, Room::kTake);
}

void Engines::Drain(Nanos timeout) {
  Post(
      [this, timeout] {
        if (host_.status().state == EngineStatus::State::kDraining || host_.status().state == EngineStatus::State::kStopped) {
          return;
        }
        host_.Drain(timeout, [] {});
        // Ours would keep the port alive without anybody to serve it; the engine closes its own.
        for (UniqueFd& listener : options_.listeners) listener.reset();
      },
      Room::kTake);
}

void Engines::Kill() {
  Post([this] { host_.Kill(); }, Room::kTake);
}

EngineStatus Engines::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

void Engines::OnMessage(uint64_t generation, ipc::FromEngine message) {
  Post([this, generation, message = std::move(message)]() mutable { host_.OnMessage(generation, std::move(message)); },
       Room::kWaitFor);
}

void Engines::OnExit(uint64_t generation, ExitStatus status) {
  Post([this, generation, status] { host_.OnExit(generation, status); }, Room::kWaitFor);
}

void Engines::OnStatus(const EngineStatus& status) {
  {
    std::lock_guard lock(mutex_);
    status_ = status;
  }
  if (options_.on_status) options_.on_status();
}

void Engines::OnLogs(std::vector<LogRecord> records) { options_.on_logs(std::move(records)); }

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
  const Nanos deadline = host_.NextDeadline();
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return !tasks_.empty(); };
  if (host_.status().state == EngineStatus::State::kStopped && tasks_.empty() && ending_) return false;
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
    host_.OnTime();
  }
}

}  // namespace zts::supervisor
