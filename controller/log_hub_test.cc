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
  auto tail = hub.Open({.function = function}, {.backlog = backlog});
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
  EXPECT_EQ(hub.Open({}, {}).error().code, ErrorCode::kExhausted);
  tails.pop_back();
  EXPECT_TRUE(hub.Open({}, {}).ok());
}

TEST(LogHubTest, NextWakesWhenSomethingComes) {
  LogHub hub;
  auto tail = Open(hub);
  std::thread writer([&] { hub.Append({Record("a", "1")}); });
  EXPECT_EQ(Messages(tail->Next(60 * kSecond)), Strings{"1"});
  writer.join();
}

LogRecord Filled(std::string severity, uint64_t version, std::string request_id, uint64_t dropped_before = 0) {
  LogRecord record = Record("a", severity + " " + request_id);
  record.severity = std::move(severity);
  record.version_number = version;
  record.request_id = std::move(request_id);
  record.dropped_before = dropped_before;
  return record;
}

Strings Filtered(LogFilter filter) {
  LogHub hub;
  auto before = hub.Open(filter, {});
  hub.Append({Filled("debug", 1, "r1"), Filled("log", 1, "r1"), Filled("info", 2, "r2"), Filled("warn", 2, "r2"),
              Filled("exception", 2, "r3"), Filled("a-new-one", 1, "r4")});
  const Strings live = Messages((*before)->Next(0));
  EXPECT_EQ(Messages((*hub.Open(filter, {.backlog = 100}))->Next(0)), live) << "the backlog is filtered alike";
  return live;
}

TEST(LogHubTest, FiltersByLevelVersionAndRequest) {
  EXPECT_EQ(Filtered({}).size(), 6u);
  EXPECT_EQ(Filtered({.level_min = *LevelOf("info")}), (Strings{"log r1", "info r2", "warn r2", "exception r3", "a-new-one r4"}));
  EXPECT_EQ(Filtered({.level_min = *LevelOf("error")}), (Strings{"exception r3", "a-new-one r4"}));
  EXPECT_EQ(Filtered({.version = 2, .level_min = *LevelOf("warn")}), (Strings{"warn r2", "exception r3"}));
  EXPECT_EQ(Filtered({.request_id = "r2"}), (Strings{"info r2", "warn r2"}));
  EXPECT_EQ(Filtered({.request_id = "r"}), Strings{});
  EXPECT_EQ(Filtered({.may_see = [](const std::string& function) { return function == "b"; }}), Strings{});
  EXPECT_FALSE(LevelOf("loud"));
}

TEST(LogHubTest, WhatWasLostBeforeAHiddenRecordIsTold) {
  LogHub hub;
  auto errors = hub.Open({.level_min = *LevelOf("error")}, {});
  auto other = hub.Open({.function = "b"}, {});
  hub.Append({Filled("log", 1, "r", 7)});
  EXPECT_EQ((*errors)->Next(0).dropped, 7u);
  EXPECT_EQ((*other)->Next(0).dropped, 0u);
}

TEST(LogHubTest, GoesOnWhereItWas) {
  LogHub hub;
  hub.Append({Record("a", "1"), Record("b", "2"), Record("a", "3")});
  auto first = Open(hub, "a", 100);
  const auto seen = first->Next(0);
  EXPECT_EQ(seen.position, 3u);
  first.reset();
  hub.Append({Record("a", "4"), Record("b", "5")});
  auto again = *hub.Open({.function = "a"}, {.backlog = 100, .source = hub.source(), .after = seen.records.back()->sequence});
  EXPECT_EQ(Messages(again->Next(0)), Strings{"4"});
  EXPECT_FALSE(again->gap());
  EXPECT_EQ(Messages((*hub.Open({}, {.backlog = 2, .source = "another", .after = 4}))->Next(0)), (Strings{"4", "5"}));
}

TEST(LogHubTest, SaysWhatItCannotGoOnWith) {
  LogHub hub;
  for (size_t i = 0; i < kLogRecordsKept + 10; ++i) hub.Append({Record("a", "x")});
  EXPECT_TRUE((*hub.Open({}, {.source = hub.source(), .after = 9}))->gap());
  EXPECT_FALSE((*hub.Open({}, {.source = hub.source(), .after = 10}))->gap());
  EXPECT_NE(LogHub().source(), hub.source());
}

}  // namespace
}  // namespace zts::controller
