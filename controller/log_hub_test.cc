#include "controller/log_hub.h"

#include <gtest/gtest.h>

#include <thread>

#include "controller/limits.h"

namespace zts::controller {
namespace {

LogRecord Record(std::string function, std::string message) {
  LogRecord record;
  record.function = std::move(function);
  record.message = std::move(message);
  return record;
}

std::vector<std::string> Messages(const LogHub::Tail::Batch& batch) {
  std::vector<std::string> messages;
  for (const auto& record : batch.records) messages.push_back(record->message);
  return messages;
}

std::unique_ptr<LogHub::Tail> Open(LogHub& hub, const std::string& function = "", size_t backlog = 0) {
  auto tail = hub.Open(function, backlog);
  EXPECT_TRUE(tail.ok());
  return std::move(tail).value();
}

using Strings = std::vector<std::string>;

TEST(LogHubTest, TailGetsWhatComesAfterIt) {
  LogHub hub;
  hub.Append({Record("a", "before")});
  auto tail = Open(hub);
  hub.Append({Record("a", "1"), Record("b", "2")});
  EXPECT_EQ(Messages(tail->Next(0)), (Strings{"1", "2"}));
  EXPECT_EQ(Messages(tail->Next(0)), Strings{});
}

TEST(LogHubTest, TailOfOneFunction) {
  LogHub hub;
  auto tail = Open(hub, "a");
  hub.Append({Record("a", "1"), Record("b", "2"), Record("a", "3")});
  EXPECT_EQ(Messages(tail->Next(0)), (Strings{"1", "3"}));
}

TEST(LogHubTest, BacklogIsTheLastOnesInOrder) {
  LogHub hub;
  hub.Append({Record("a", "1"), Record("b", "2"), Record("a", "3"), Record("a", "4")});
  EXPECT_EQ(Messages(Open(hub, "a", 2)->Next(0)), (Strings{"3", "4"}));
  EXPECT_EQ(Messages(Open(hub, "", 3)->Next(0)), (Strings{"2", "3", "4"}));
  EXPECT_EQ(Messages(Open(hub, "a", 100)->Next(0)), (Strings{"1", "3", "4"}));
}

TEST(LogHubTest, KeepsNoMoreThanTheBoundByCountAndBytes) {
  LogHub hub;
  for (size_t i = 0; i < kLogRecordsKept + 5; ++i) hub.Append({Record("a", std::to_string(i))});
  EXPECT_EQ(hub.stats().kept, kLogRecordsKept);
  EXPECT_EQ(hub.stats().received, kLogRecordsKept + 5);
  for (size_t i = 0; i < 20; ++i) hub.Append({Record("a", std::string(size_t{1} << 20, 'x'))});
  EXPECT_LE(hub.stats().kept, kLogBytesKept >> 20);
}

TEST(LogHubTest, SlowTailLosesTheOldestAndIsTold) {
  LogHub hub;
  auto slow = Open(hub);
  for (size_t i = 0; i < kTailRecordsMax + 3; ++i) hub.Append({Record("a", std::to_string(i))});
  const auto batch = slow->Next(0);
  EXPECT_EQ(batch.dropped, 3u);
  ASSERT_EQ(batch.records.size(), kTailRecordsMax);
  EXPECT_EQ(batch.records.front()->message, "3");
  EXPECT_EQ(slow->Next(0).dropped, 0u);
  EXPECT_EQ(hub.stats().dropped_by_tails, 3u);
}

TEST(LogHubTest, SlowTailIsBoundInBytesToo) {
  LogHub hub;
  auto slow = Open(hub);
  for (int i = 0; i < 10; ++i) hub.Append({Record("a", std::string(kTailBytesMax / 4, 'x'))});
  const auto batch = slow->Next(0);
  EXPECT_EQ(batch.records.size(), 3u);
  EXPECT_EQ(batch.dropped, 7u);
}

TEST(LogHubTest, TailsHaveABound) {
  LogHub hub;
  std::vector<std::unique_ptr<LogHub::Tail>> tails;
  for (size_t i = 0; i < kTailsMax; ++i) tails.push_back(Open(hub));
  EXPECT_EQ(hub.Open("", 0).error().code, ErrorCode::kExhausted);
  tails.pop_back();
  EXPECT_TRUE(hub.Open("", 0).ok());
}

TEST(LogHubTest, NextWakesWhenSomethingComes) {
  LogHub hub;
  auto tail = Open(hub);
  std::thread writer([&] { hub.Append({Record("a", "1")}); });
  EXPECT_EQ(Messages(tail->Next(60 * kSecond)), Strings{"1"});
  writer.join();
}

}  // namespace
}  // namespace zts::controller
