#include "jsruntime/task_queue.h"

#include <gtest/gtest.h>

namespace zts::js {
namespace {

class CountingTask final : public v8::Task {
 public:
  explicit CountingTask(int* runs) : runs_(runs) {}
  void Run() override { ++*runs_; }

 private:
  int* runs_;
};

TEST(TaskQueueTest, WhoHasDelayedTasksThatAreDueIsTold) {
  TaskQueue sooner, later, silent, none;
  int runs = 0, told_sooner = 0, told_later = 0, told_none = 0;
  sooner.SetNotify([&] { ++told_sooner; });
  later.SetNotify([&] { ++told_later; });
  none.SetNotify([&] { ++told_none; });
  const Nanos now = SystemClock().Now();
  sooner.PostDelayedTask(std::make_unique<CountingTask>(&runs), 1);
  later.PostDelayedTask(std::make_unique<CountingTask>(&runs), 1000);
  silent.PostDelayedTask(std::make_unique<CountingTask>(&runs), 1);
  EXPECT_EQ(told_sooner, 0) << "delayed tasks wake nobody up";

  TaskQueue::NotifyDue(now);
  EXPECT_EQ(told_sooner, 0) << "nothing is due yet";
  const Nanos due = now + 500 * kSecond;
  TaskQueue::NotifyDue(due);
  EXPECT_EQ(told_sooner, 1);
  EXPECT_EQ(told_later, 0);
  sooner.Run(due);
  silent.Run(due);
  EXPECT_EQ(runs, 2);
  TaskQueue::NotifyDue(due);
  EXPECT_EQ(told_sooner, 1);
  TaskQueue::NotifyDue(now + 2000 * kSecond);
  EXPECT_EQ(told_later, 1);
  later.Close();
  TaskQueue::NotifyDue(now + 2000 * kSecond);
  EXPECT_EQ(told_later, 1) << "it is closed";
  EXPECT_EQ(told_none, 0);
  EXPECT_EQ(runs, 2);
}

}  // namespace
}  // namespace zts::js
