// What V8 wants done on an isolate's own thread: posted from any thread, run in the isolate's next turn.
//
// The host's platform asks it for the isolate's task runner. Delayed tasks are V8's housekeeping (shrinking a heap nobody uses, emptying
// the pool of pages that isolates have left); they run with the first others after they are due, or when NotifyDue is called, and wake
// nobody up by themselves.
//
// Owner:    V8Isolate; shared with V8, which may post after the isolate is gone.
// Thread:   posting: any. Run, SetNotify: the isolate's.
// Life:     after Close, posted tasks are dropped.
#pragma once

#include <node.h>
#include <v8-platform.h>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace zts::js {

class TaskQueue final : public v8::TaskRunner {
 public:
  TaskQueue();
  ~TaskQueue() override;

  // Any thread. The queues of the process with delayed tasks that are due are told so, as if one had been posted.
  static void NotifyDue(Nanos now);

  // `notify` is called on the posting thread; empty: nobody is to be told. When tasks wait already it is called at once.
  void SetNotify(std::function<void()> notify);
  // Runs what was posted before the call, and delayed tasks that are due. REQUIRES: the isolate is entered.
  void Run(Nanos now);
  bool HasWork(Nanos now);
  void Close();

  bool IdleTasksEnabled() override { return false; }
  bool NonNestableTasksEnabled() const override { return true; }
  bool NonNestableDelayedTasksEnabled() const override { return true; }

 protected:
  void PostTaskImpl(std::unique_ptr<v8::Task> task, const v8::SourceLocation&) override;
  void PostNonNestableTaskImpl(std::unique_ptr<v8::Task> task, const v8::SourceLocation&) override;
  void PostDelayedTaskImpl(std::unique_ptr<v8::Task> task, double delay_seconds, const v8::SourceLocation&) override;
  void PostNonNestableDelayedTaskImpl(std::unique_ptr<v8::Task> task, double delay_seconds,
                                      const v8::SourceLocation&) override;

 private:
  std::vector<std::unique_ptr<v8::Task>> TakeReady(Nanos now);
  bool HasDue(Nanos now) const;

  std::mutex mutex_;
  bool closed_ = false;
  std::vector<std::unique_ptr<v8::Task>> ready_;
  std::vector<std::pair<Nanos, std::unique_ptr<v8::Task>>> delayed_;
  std::function<void()> notify_;
};

// Hands the queue to the host's platform.
class TaskQueueDelegate final : public node::IsolatePlatformDelegate {
 public:
  explicit TaskQueueDelegate(std::shared_ptr<TaskQueue> queue) : queue_(std::move(queue)) {}
  virtual ~TaskQueueDelegate() = default;
  std::shared_ptr<v8::TaskRunner> GetForegroundTaskRunner() override { return queue_; }
  bool IdleTasksEnabled() override { return false; }

 private:
  std::shared_ptr<TaskQueue> queue_;
};

}  // namespace zts::js
