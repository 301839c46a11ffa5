#include "worker/engine/log_queue.h"

#include <gtest/gtest.h>

#include <thread>

#include "worker/engine/limits.h"

namespace zts {
namespace {

std::vector<LogRecord> Records(int count, size_t bytes = 10) {
  std::vector<LogRecord> records(static_cast<size_t>(count));
  for (LogRecord& record : records) record.message = std::string(bytes, 'x');
  return records;
}

TEST(LogQueueTest, KeepsTheOrder) {
  LogQueue queue;
  auto first = Records(1, 1);
  auto second = Records(2, 2);
  EXPECT_EQ(queue.Push(first), LogQueue::Pushed::kYes);
  EXPECT_TRUE(first.empty());
  EXPECT_EQ(queue.Push(second), LogQueue::Pushed::kYes);
  const auto popped = queue.Pop(SIZE_MAX);
  ASSERT_EQ(popped.size(), 3u);
  EXPECT_EQ(popped[0].message.size(), 1u);
  EXPECT_EQ(popped[2].message.size(), 2u);
}

TEST(LogQueueTest, PopsAtMostWhatIsAskedAndAtLeastOne) {
  LogQueue queue;
  auto records = Records(3, 1000);
  EXPECT_EQ(queue.Push(records), LogQueue::Pushed::kYes);
  EXPECT_EQ(queue.Pop(1).size(), 1u);
  EXPECT_EQ(queue.Pop(SIZE_MAX).size(), 2u);
}

TEST(LogQueueTest, RefusesWhatDoesNotFit) {
  LogQueue queue;
  auto half = Records(1, kLogQueueBytesMax / 2);
  auto more = Records(1, kLogQueueBytesMax / 2);
  EXPECT_EQ(queue.Push(half), LogQueue::Pushed::kYes);
  EXPECT_EQ(queue.Push(more), LogQueue::Pushed::kFull);
  EXPECT_EQ(more.size(), 1u);
  queue.Pop(SIZE_MAX);
  EXPECT_EQ(queue.Push(more), LogQueue::Pushed::kYes);
}

TEST(LogQueueTest, CloseEndsAWaitAndLeavesWhatIsThere) {
  LogQueue queue;
  auto records = Records(1);
  EXPECT_EQ(queue.Push(records), LogQueue::Pushed::kYes);
  queue.Close();
  EXPECT_EQ(queue.Pop(SIZE_MAX).size(), 1u);
  EXPECT_TRUE(queue.Pop(SIZE_MAX).empty());
  LogQueue other;
  std::thread waiter([&] { EXPECT_TRUE(other.Pop(SIZE_MAX).empty()); });
  other.Close();
  waiter.join();
}

}  // namespace
}  // namespace zts
