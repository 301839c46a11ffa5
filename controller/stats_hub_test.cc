#include "controller/stats_hub.h"

#include <gtest/gtest.h>

namespace zts::controller {
namespace {

v1::WorkerStats Report(const std::string& function, uint64_t requests, int64_t latency_ns, uint64_t isolates = 1) {
  v1::WorkerStats report;
  report.set_window_ns(2 * kSecond);
  v1::FunctionStats& stats = *report.add_functions();
  stats.set_function(function);
  stats.set_requests(requests);
  stats.set_isolates(isolates);
  stats.set_memory_bytes(isolates * 1000);
  stats.add_latency_ns(latency_ns);
  stats.add_latency_count(requests);
  return report;
}

TEST(StatsHubTest, WindowsAddUpAndLevelsAreTheLast) {
  StatsHub hub;
  ASSERT_TRUE(hub.OnReport("w", Report("f", 100, kMillisecond, 3)).ok());
  ASSERT_TRUE(hub.OnReport("w", Report("f", 300, kMillisecond, 2)).ok());
  const auto read = hub.Read("");
  ASSERT_EQ(read.functions_size(), 1);
  EXPECT_EQ(read.functions(0).figures().requests_per_second(), 100);
  EXPECT_EQ(read.functions(0).figures().isolates(), 2u);
  EXPECT_EQ(read.functions(0).figures().window_ns(), 4 * kSecond);
}

TEST(StatsHubTest, QuantilesAreOverAllWorkers) {
  StatsHub hub;
  ASSERT_TRUE(hub.OnReport("a", Report("f", 980, kMillisecond)).ok());
  ASSERT_TRUE(hub.OnReport("b", Report("f", 20, kSecond)).ok());
  const auto read = hub.Read("f");
  ASSERT_EQ(read.functions_size(), 1);
  EXPECT_EQ(read.functions(0).figures().p50_ns(), kMillisecond);
  EXPECT_EQ(read.functions(0).figures().p99_ns(), kSecond);
  EXPECT_EQ(read.functions(0).figures().requests_per_second(), 500);
  EXPECT_EQ(read.functions(0).figures().memory_bytes(), 2000u);
  ASSERT_EQ(read.functions(0).workers_size(), 2);
  EXPECT_EQ(read.functions(0).workers(0).figures().p99_ns(), kMillisecond);
}

TEST(StatsHubTest, OldReportsGo) {
  StatsHub hub;
  ASSERT_TRUE(hub.OnReport("w", Report("once", 1, kMillisecond)).ok());
  for (size_t i = 0; i < StatsHub::kReportsKept; ++i) ASSERT_TRUE(hub.OnReport("w", Report("f", 2, kMillisecond)).ok());
  EXPECT_EQ(hub.Read("once").functions_size(), 0);
  EXPECT_EQ(hub.Read("f").functions(0).figures().requests_per_second(), 1);
}

TEST(StatsHubTest, AWorkersFiguresGoWithIt) {
  StatsHub hub;
  ASSERT_TRUE(hub.OnReport("a", Report("f", 1, kMillisecond)).ok());
  ASSERT_TRUE(hub.OnReport("b", Report("f", 1, kMillisecond)).ok());
  hub.Forget("a");
  ASSERT_EQ(hub.Read("").functions_size(), 1);
  EXPECT_EQ(hub.Read("").functions(0).workers_size(), 1);
}

TEST(StatsHubTest, TheBusiestComesFirst) {
  StatsHub hub;
  v1::WorkerStats report = Report("a", 1, kMillisecond);
  report.MergeFrom(Report("b", 5, kMillisecond));
  report.set_window_ns(kSecond);
  ASSERT_TRUE(hub.OnReport("w", report).ok());
  EXPECT_EQ(hub.Read("").functions(0).function(), "b");
}

TEST(StatsHubTest, RefusesWhatIsMalformed) {
  StatsHub hub;
  v1::WorkerStats report = Report("f", 1, kMillisecond);
  report.set_window_ns(0);
  EXPECT_FALSE(hub.OnReport("w", report).ok());
  report = Report("f", 1, kMillisecond);
  report.mutable_functions(0)->add_latency_ns(5);
  EXPECT_FALSE(hub.OnReport("w", report).ok());
  report = Report("f", 1, kMillisecond);
  for (int i = 0; i < StatsHub::kReportFunctionsMax; ++i) report.add_functions();
  EXPECT_FALSE(hub.OnReport("w", report).ok());
  EXPECT_EQ(hub.Read("").functions_size(), 0);
}

}  // namespace
}  // namespace zts::controller
