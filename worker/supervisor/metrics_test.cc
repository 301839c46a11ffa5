#include "worker/supervisor/metrics.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "worker/supervisor/metric_table.h"

namespace zts::supervisor {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

class MetricsTest : public ::testing::Test {
 protected:
  MetricsTest() {
    figures_.engine.state = EngineStatus::State::kServing;
    figures_.engine.pid = ::getpid();
    figures_.engine.io_backend = "uring";
    figures_.engine.io_features = {"multishot_recv=1", "send_zc=0"};
    figures_.engine.artifact_key = "v8-14.6";
    figures_.engine.catalog_version = 12;
    figures_.engine.deaths[static_cast<int>(DeathCause::kKilled)] = 2;
    figures_.engine.quarantined = {{"bad", 3}};
    figures_.ready = true;
    row_ = rows_.Assign("hello");
  }

  std::map<std::string, MetricFamily> Collect() {
    const Metrics metrics(counters_.get(), &rows_, [this] { return figures_; });
    std::map<std::string, MetricFamily> families;
    for (MetricFamily& family : metrics.Collect()) families[family.name] = std::move(family);
    return families;
  }
  // The one metric with these labels.
  const ClientMetric* Find(const MetricFamily& family, const std::map<std::string, std::string>& labels) {
    for (const ClientMetric& metric : family.metric) {
      std::map<std::string, std::string> has;
      for (const auto& label : metric.label) has[label.name] = label.value;
      if (has == labels) return &metric;
    }
    return nullptr;
  }

  std::unique_ptr<ipc::SharedCounters> counters_ = std::move(*ipc::SharedCounters::Create(2));
  FakeClock clock_;
  CounterRows rows_{counters_.get(), &clock_};
  WorkerFigures figures_;
  uint32_t row_ = 0;
};

TEST_F(MetricsTest, SumsAFunctionOverShards) {
  counters_->shard(0).functions[row_].requests[1].Set(3);
  counters_->shard(1).functions[row_].requests[1].Set(4);
  counters_->shard(1).functions[row_].outcomes[1].Set(2);
  counters_->shard(1).functions[row_].cold_starts[0].Set(1);
  auto families = Collect();
  EXPECT_EQ(Find(families["zts_requests_total"], {{"function", "hello"}, {"code", "2xx"}})->counter.value, 7);
  EXPECT_EQ(Find(families["zts_requests_total"], {{"function", "hello"}, {"code", "5xx"}})->counter.value, 0);
  EXPECT_EQ(Find(families["zts_invocation_outcomes_total"], {{"function", "hello"}, {"outcome", "exception"}})->counter.value, 2);
  EXPECT_EQ(Find(families["zts_cold_starts_total"], {{"function", "hello"}, {"kind", "spare-cached"}})->counter.value, 1);
}

TEST_F(MetricsTest, AnUnusedFunctionHasNoQuantiles) {
  EXPECT_EQ(Collect().count("zts_request_duration_quantile_seconds"), 0u);
}

TEST_F(MetricsTest, QuantilesAndHistogramAgreeWithWhatWasRecorded) {
  for (int i = 1; i <= 1000; ++i) counters_->shard(i % 2).functions[row_].latency.Record(i * 10 * kMicrosecond);
  auto families = Collect();
  const auto& summary = Find(families["zts_request_duration_quantile_seconds"], {{"function", "hello"}})->summary;
  EXPECT_EQ(summary.sample_count, 1000u);
  for (const auto& one : summary.quantile) EXPECT_NEAR(one.value, one.quantile * 10e-3, one.quantile * 10e-3 * 0.032);
  EXPECT_EQ(summary.quantile.size(), 3u);

  const auto& histogram = Find(families["zts_request_duration_seconds"], {{"function", "hello"}})->histogram;
  EXPECT_EQ(histogram.sample_count, 1000u);
  EXPECT_NEAR(histogram.sample_sum, 5.005, 1e-9);
  double last_bound = 0;
  uint64_t last_count = 0;
  for (const auto& bucket : histogram.bucket) {
    EXPECT_GT(bucket.upper_bound, last_bound);
    EXPECT_GE(bucket.cumulative_count, last_count);
    // Exact, as each bound is one of the fine histogram's.
    const double below = std::isinf(bucket.upper_bound) ? 1000 : std::min(1000.0, std::ceil(bucket.upper_bound / 1e-5) - 1);
    EXPECT_EQ(bucket.cumulative_count, static_cast<uint64_t>(std::max(0.0, below))) << bucket.upper_bound;
    last_bound = bucket.upper_bound;
    last_count = bucket.cumulative_count;
  }
  EXPECT_TRUE(std::isinf(last_bound));
}

TEST_F(MetricsTest, ColdStartBucketsAreFineWhereTheyAreJudged) {
  counters_->shard(1).cold[static_cast<int>(ipc::ColdPhase::kTotal)].Record(1900 * kMicrosecond);
  auto families = Collect();
  const auto& histogram = Find(families["zts_cold_start_seconds"], {{"phase", "total"}})->histogram;
  EXPECT_EQ(histogram.sample_count, 1u);
  EXPECT_LE(histogram.bucket.front().upper_bound, 50e-6);
  for (size_t i = 1; i < histogram.bucket.size(); ++i) {
    if (histogram.bucket[i].upper_bound > 50e-3) break;
    EXPECT_LE(histogram.bucket[i].upper_bound / histogram.bucket[i - 1].upper_bound, 1.126);
  }
  // What lies beyond all of them is in the last one only.
  counters_->shard(0).cold[static_cast<int>(ipc::ColdPhase::kTotal)].Record(500 * kSecond);
  auto again = Collect();
  const auto& late = Find(again["zts_cold_start_seconds"], {{"phase", "total"}})->histogram;
  EXPECT_EQ(late.bucket.back().cumulative_count, 2u);
  EXPECT_EQ(late.bucket[late.bucket.size() - 2].cumulative_count, 1u);
}

TEST_F(MetricsTest, TellsOfEngineAndIo) {
  auto families = Collect();
  EXPECT_EQ(Find(families["zts_io_feature"], {{"backend", "uring"}, {"feature", "multishot_recv"}})->gauge.value, 1);
  EXPECT_EQ(Find(families["zts_io_feature"], {{"backend", "uring"}, {"feature", "send_zc"}})->gauge.value, 0);
  EXPECT_EQ(Find(families["zts_engine_restarts_total"], {{"cause", "killed"}})->counter.value, 2);
  EXPECT_EQ(Find(families["zts_function_quarantined"], {{"function", "bad"}, {"version", "3"}})->gauge.value, 1);
  EXPECT_EQ(Find(families["zts_catalog_version"], {})->gauge.value, 12);
}

TEST_F(MetricsTest, GivesExactlyWhatTheTableSays) {
  counters_->shard(0).functions[row_].latency.Record(kMillisecond);
  const auto families = Collect();
  std::set<std::string> in_table;
  for (const MetricInfo& info : AllMetrics()) {
    EXPECT_TRUE(in_table.insert(std::string(info.name)).second) << info.name << " twice";
    const auto found = families.find(std::string(info.name));
    ASSERT_NE(found, families.end()) << info.name << " is never collected";
    std::string labels;
    for (const auto& label : found->second.metric[0].label) labels += (labels.empty() ? "" : ", ") + label.name;
    // A summary's quantile is part of its value there, and a label only in the text.
    if (info.type == MetricType::Summary) labels += ", quantile";
    EXPECT_EQ(labels, info.labels) << info.name;
    EXPECT_EQ(info.name.ends_with("_total"), info.type == MetricType::Counter) << info.name;
    EXPECT_TRUE(info.name.starts_with("zts_")) << info.name;
  }
}

TEST_F(MetricsTest, TheDocumentationListsExactlyWhatTheTableSays) {
  std::ifstream file("docs/metrics.md");
  ASSERT_TRUE(file.good());
  // A row of the table as it stands: | `name` | type | labels | help |
  std::vector<std::string> documented;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| `zts_")) documented.push_back(line);
  }
  std::vector<std::string> table;
  for (const MetricInfo& info : AllMetrics()) {
    const char* type = info.type == MetricType::Counter ? "counter" : info.type == MetricType::Gauge     ? "gauge"
                       : info.type == MetricType::Summary ? "summary"
                                                          : "histogram";
    std::string labels = "`" + std::string(info.labels) + "`";
    for (size_t at = 0; (at = labels.find(", ", at)) != std::string::npos; at += 3) labels.replace(at, 2, "` `");
    if (info.labels.empty()) labels = "-";
    table.push_back("| `" + std::string(info.name) + "` | " + type + " | " + labels + " | " + std::string(info.help) + " |");
  }
  EXPECT_EQ(documented, table);
}

}  // namespace
}  // namespace zts::supervisor
