#include "worker/supervisor/log_queue.h"

#include <gtest/gtest.h>

#include <thread>

namespace zts::supervisor {
namespace {

constexpr std::chrono::seconds kLong(60);

std::vector<LogRecord> Records(const std::string& prefix, int count, size_t bytes = 10) {
  std::vector<LogRecord> records;
  for (int i = 0; i < count; ++i) {
    LogRecord record;
    record.message = prefix + std::to_string(i);
    record.message.resize(std::max(bytes, record.message.size()), '.');
    record.request_id = std::to_string(i);
    records.push_back(std::move(record));
  }
  return records;
}

TEST(LogQueueTest, GivesRecordsInOrderAndInBatches) {
  LogQueue queue;
  queue.Add(Records("a", 3, LogQueue::kBatchBytesMax / 2));
  EXPECT_EQ(queue.Take(kLong).size(), 1u) << "two and what is around them are more than a batch";
  EXPECT_EQ(queue.Take(kLong)[0].request_id, "1");
  EXPECT_EQ(queue.Take(kLong)[0].request_id, "2");
  EXPECT_TRUE(queue.Take(std::chrono::seconds(0)).empty());
}

TEST(LogQueueTest, OneRecordLargerThanABatchStillGoes) {
  LogQueue queue;
  queue.Add(Records("a", 1, 2 * LogQueue::kBatchBytesMax));
  EXPECT_EQ(queue.Take(kLong).size(), 1u);
}

TEST(LogQueueTest, CountsWhatDoesNotFitAndTellsTheNext) {
  LogQueue queue(10'000);
  queue.Add(Records("a", 100, 1000));
  const uint64_t dropped = queue.dropped();
  EXPECT_GT(dropped, 85u);
  const size_t kept = queue.Take(kLong).size();
  EXPECT_EQ(kept + dropped, 100u);
  queue.Add(Records("b", 2));
  const auto next = queue.Take(kLong);
  ASSERT_EQ(next.size(), 2u);
  EXPECT_EQ(next[0].dropped_before, dropped);
  EXPECT_EQ(next[1].dropped_before, 0u);
}

TEST(LogQueueTest, ARecordThatIsDroppedPassesOnWhatWasDroppedBeforeIt) {
  LogQueue queue(2000);
  auto records = Records("a", 1, 5000);
  records[0].dropped_before = 41;
  queue.Add(std::move(records));
  queue.Add(Records("b", 1));
  EXPECT_EQ(queue.Take(kLong)[0].dropped_before, 42u);
  EXPECT_EQ(queue.dropped(), 1u);
}

TEST(LogQueueTest, ReturnedRecordsComeFirstAgain) {
  LogQueue queue;
  queue.Add(Records("a", 2));
  auto taken = queue.Take(kLong);
  queue.Add(Records("b", 1));
  queue.Return(std::move(taken));
  const auto again = queue.Take(kLong);
  ASSERT_EQ(again.size(), 3u);
  EXPECT_EQ(again[0].message.substr(0, 2), "a0");
  EXPECT_EQ(again[1].message.substr(0, 2), "a1");
  EXPECT_EQ(again[2].message.substr(0, 2), "b0");
}

TEST(LogQueueTest, InterruptEndsAWait) {
  LogQueue queue;
  std::thread taker([&queue] { EXPECT_TRUE(queue.Take(std::chrono::hours(1)).empty()); });
  queue.Interrupt();
  taker.join();
}

TEST(LogQueueTest, WaitEmptySeesTheLastOneGo) {
  LogQueue queue;
  queue.Add(Records("a", 1));
  EXPECT_FALSE(queue.WaitEmpty(std::chrono::seconds(0)));
  std::thread taker([&queue] { EXPECT_EQ(queue.Take(kLong).size(), 1u); });
  EXPECT_TRUE(queue.WaitEmpty(kLong));
  taker.join();
}

}  // namespace
}  // namespace zts::supervisor
