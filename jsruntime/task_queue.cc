#include "jsruntime/task_queue.h"

#include <algorithm>
#include <unordered_set>

namespace zts::js {
namespace {

struct Registry {
  std::mutex mutex;
  std::unordered_set<TaskQueue*> queues;
};

// Never destroyed: V8's threads may hold a queue to the very end.
Registry& AllQueues() {
  static auto* const registry = new Registry;
  return *registry;
}

}  // namespace

TaskQueue::TaskQueue() {
  Registry& all = AllQueues();
  std::lock_guard lock(all.mutex);
  all.queues.insert(this);
}

TaskQueue::~TaskQueue() {
  Registry& all = AllQueues();
  std::lock_guard lock(all.mutex);
  all.queues.erase(this);
}

// With the queue's lock held, so that Close waits and who is told is still there.
void TaskQueue::NotifyDue(Nanos now) {
  Registry& all = AllQueues();
  std::lock_guard lock(all.mutex);
  for (TaskQueue* queue : all.queues) {
    std::lock_guard queue_lock(queue->mutex_);
    if (queue->notify_ && queue->HasDue(now)) queue->notify_();
  }
}

void TaskQueue::SetNotify(std::function<void()> notify) {
  bool waiting = false;
  std::function<void()> tell = notify;
  {
    std::lock_guard lock(mutex_);
    notify_ = std::move(notify);
    waiting = !ready_.empty();
  }
  if (waiting && tell) tell();
}

void TaskQueue::PostTaskImpl(std::unique_ptr<v8::Task> task, const v8::SourceLocation&) {
  std::function<void()> tell;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    // One notice is enough until the tasks are run.
    if (ready_.empty()) tell = notify_;
    ready_.push_back(std::move(task));
  }
  if (tell) tell();
}

void TaskQueue::PostNonNestableTaskImpl(std::unique_ptr<v8::Task> task, const v8::SourceLocation& location) {
  PostTaskImpl(std::move(task), location);
}

void TaskQueue::PostDelayedTaskImpl(std::unique_ptr<v8::Task> task, double delay_seconds, const v8::SourceLocation&) {
  const Nanos due = SystemClock().Now() + static_cast<Nanos>(delay_seconds * kSecond);
  std::lock_guard lock(mutex_);
  if (!closed_) delayed_.emplace_back(due, std::move(task));
}

void TaskQueue::PostNonNestableDelayedTaskImpl(std::unique_ptr<v8::Task> task, double delay_seconds,
                                               const v8::SourceLocation& location) {
  PostDelayedTaskImpl(std::move(task), delay_seconds, location);
}

std::vector<std::unique_ptr<v8::Task>> TaskQueue::TakeReady(Nanos now) {
  std::lock_guard lock(mutex_);
  std::vector<std::unique_ptr<v8::Task>> tasks = std::move(ready_);
  ready_.clear();
  for (auto& [due, task] : delayed_) {
    if (due <= now) tasks.push_back(std::move(task));
  }
  std::erase_if(delayed_, [](const auto& entry) { return entry.second == nullptr; });
  return tasks;
}

void TaskQueue::Run(Nanos now) {
  for (const std::unique_ptr<v8::Task>& task : TakeReady(now)) task->Run();
}

bool TaskQueue::HasWork(Nanos now) {
  std::lock_guard lock(mutex_);
  return !ready_.empty() || HasDue(now);
}

bool TaskQueue::HasDue(Nanos now) const {
  return std::any_of(delayed_.begin(), delayed_.end(), [now](const auto& entry) { return entry.first <= now; });
}

void TaskQueue::Close() {
  std::vector<std::unique_ptr<v8::Task>> ready;
  std::vector<std::pair<Nanos, std::unique_ptr<v8::Task>>> delayed;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    notify_ = nullptr;
    ready.swap(ready_);
    delayed.swap(delayed_);
  }
}

}  // namespace zts::js
