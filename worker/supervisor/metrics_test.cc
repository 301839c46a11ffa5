#include "worker/supervisor/metrics.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "worker/supervisor/metric_table.h"

namespace zts::supervisor {
namespace {

// A scrape, taken apart: every sample by its whole name, and the bounds of each histogram in the order they stand.
struct Scrape {
  explicit Scrape(const std::string& text) {
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("# TYPE ")) {
        const size_t space = line.rfind(' ');
        EXPECT_TRUE(types.emplace(line.substr(7, space - 7), line.substr(space + 1)).second) << line << " twice";
      } else if (!line.starts_with("#")) {
        const size_t space = line.rfind(' ');
        order.push_back(line.substr(0, space));
        EXPECT_TRUE(samples.emplace(order.back(), std::stod(line.substr(space + 1))).second) << line << " twice";
      }
    }
  }
  double operator[](const std::string& name) const {
    const auto found = samples.find(name);
    EXPECT_NE(found, samples.end()) << name;
    return found == samples.end() ? NAN : found->second;
  }
  // Bound and cumulative count; `prefix` is the name up to the le label.
  std::vector<std::pair<double, double>> Buckets(const std::string& prefix) const {
    std::vector<std::pair<double, double>> buckets;
    for (const std::string& name : order) {
      if (!name.starts_with(prefix + "le=\"")) continue;
      const std::string bound = name.substr(prefix.size() + 4, name.size() - prefix.size() - 6);
      buckets.emplace_back(bound == "+Inf" ? INFINITY : std::stod(bound), samples.at(name));
    }
    return buckets;
  }

  std::map<std::string, std::string> types;
  std::map<std::string, double> samples;
  std::vector<std::string> order;
};

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
    ClassStatus one{1, "namespace=acme", {}};
    one.engine.state = EngineStatus::State::kServing;
    one.engine.pid = ::getpid();
    one.engine.deaths[static_cast<int>(DeathCause::kKilled)] = 1;
    one.engine.deaths[static_cast<int>(DeathCause::kFatal)] = 2;
    figures_.classes.push_back(one);
    figures_.ready = true;
    row_ = rows_.Assign("hello");
  }

  std::string Text() {
    const Metrics metrics(counters_.get(), &rows_, &version_rows_, &windows_, [this] { return figures_; });
    std::string text;
    metrics.AppendText(&text);
    return text;
  }
  Scrape Collect() { return Scrape(Text()); }
  static FunctionSpec Canary(uint64_t id, uint64_t number) {
    FunctionSpec spec;
    spec.version_id = id;
    spec.function = "hello";
    spec.number = number;
    return spec;
  }
  ipc::FunctionCounters& Function(uint32_t shard) { return counters_->shard(shard).functions[row_]; }
  ipc::Histogram& Cold(uint32_t shard) { return counters_->shard(shard).cold[static_cast<int>(ipc::ColdPhase::kTotal)]; }

  std::unique_ptr<ipc::SharedCounters> counters_ = std::move(*ipc::SharedCounters::Create(2, 6));
  FakeClock clock_;
  CounterRows rows_{counters_.get(), &clock_};
  VersionRows version_rows_{counters_.get(), &clock_};
  FunctionWindows windows_{counters_.get(), &rows_};
  WorkerFigures figures_;
  uint32_t row_ = 0;
};

TEST_F(MetricsTest, SumsAFunctionOverShards) {
  Function(0).requests[1].Set(3);
  Function(1).requests[1].Set(4);
  Function(1).outcomes[1].Set(2);
  Function(1).cold_starts[0].Set(1);
  Function(0).slow[static_cast<int>(ipc::SlowCause::kUpstream)].Set(2);
  Function(1).slow[static_cast<int>(ipc::SlowCause::kUpstream)].Set(3);
  Function(0).heap_committed_bytes.Set(100);
  Function(1).heap_committed_bytes.Set(50);
  Function(0).collections[1].Set(3);
  Function(0).collection_ns[1].Set(2'500'000'000);
  const Scrape scrape = Collect();
  EXPECT_EQ(scrape["zts_requests_total{function=\"hello\",code=\"2xx\"}"], 7);
  EXPECT_EQ(scrape["zts_slow_requests_total{function=\"hello\",cause=\"upstream\"}"], 5);
  EXPECT_EQ(scrape["zts_requests_total{function=\"hello\",code=\"5xx\"}"], 0);
  EXPECT_EQ(scrape["zts_invocation_outcomes_total{function=\"hello\",outcome=\"exception\"}"], 2);
  EXPECT_EQ(scrape["zts_cold_starts_total{function=\"hello\",kind=\"spare-cached\"}"], 1);
  EXPECT_EQ(scrape["zts_function_heap_committed_bytes{function=\"hello\"}"], 150);
  EXPECT_EQ(scrape["zts_function_gc_total{function=\"hello\",kind=\"major\"}"], 3);
  EXPECT_EQ(scrape["zts_function_gc_seconds_total{function=\"hello\",kind=\"major\"}"], 2.5);
}

TEST_F(MetricsTest, FunctionsBeyondTheTableAreOneSeries) {
  for (size_t i = 0; i < 2 * ipc::kCounterRows; ++i) rows_.Assign("f" + std::to_string(i));
  counters_->shard(0).functions[0].requests[1].Set(9);
  const Scrape scrape = Collect();
  EXPECT_EQ(scrape["zts_requests_total{function=\"_other\",code=\"2xx\"}"], 9);
  EXPECT_EQ(scrape["zts_catalog_functions"], ipc::kCounterRows - 1);
  const auto series = std::count_if(scrape.order.begin(), scrape.order.end(),
                                    [](const auto& name) { return name.starts_with("zts_function_isolates{"); });
  EXPECT_EQ(series, static_cast<long>(ipc::kCounterRows));
}

TEST_F(MetricsTest, AnUnusedFunctionHasNoQuantiles) {
  EXPECT_EQ(Collect().types.count("zts_request_duration_quantile_seconds"), 0u);
}

TEST_F(MetricsTest, QuantilesAndHistogramAgreeWithWhatWasRecorded) {
  for (int i = 1; i <= 1000; ++i) Function(i % 2).latency.Record(i * 10 * kMicrosecond);
  windows_.Step();
  const Scrape scrape = Collect();
  for (const auto& [text, quantile] : {std::pair("0.5", 0.5), {"0.99", 0.99}, {"0.999", 0.999}}) {
    const double value = scrape["zts_request_duration_quantile_seconds{function=\"hello\",quantile=\"" + std::string(text) + "\"}"];
    EXPECT_NEAR(value, quantile * 10e-3, quantile * 10e-3 * 0.032);
  }
  EXPECT_EQ(scrape["zts_request_duration_quantile_seconds_count{function=\"hello\"}"], 1000);
  EXPECT_EQ(scrape["zts_request_duration_seconds_count{function=\"hello\"}"], 1000);
  EXPECT_NEAR(scrape["zts_request_duration_seconds_sum{function=\"hello\"}"], 5.005, 1e-9);
  double last_bound = 0;
  const auto buckets = scrape.Buckets("zts_request_duration_seconds_bucket{function=\"hello\",");
  ASSERT_GT(buckets.size(), 10u);
  for (const auto& [bound, count] : buckets) {
    EXPECT_GT(bound, last_bound);
    // Exact, as each bound is one of the fine histogram's.
    const double below = std::isinf(bound) ? 1000 : std::min(1000.0, std::ceil(bound / 1e-5) - 1);
    EXPECT_EQ(count, std::max(0.0, below)) << bound;
    last_bound = bound;
  }
  EXPECT_TRUE(std::isinf(last_bound));
}

TEST_F(MetricsTest, QuantilesAreOfTheLastMinute) {
  for (int i = 0; i < 1000; ++i) Function(0).latency.Record(kSecond);
  windows_.Step();
  for (size_t i = 0; i < FunctionWindows::kSteps - 1; ++i) windows_.Step();
  Function(0).latency.Record(kMillisecond);
  windows_.Step();
  const std::string p99 = "zts_request_duration_quantile_seconds{function=\"hello\",quantile=\"0.99\"}";
  EXPECT_NEAR(Collect()[p99], 1e-3, 1e-4);
  for (size_t i = 0; i < FunctionWindows::kSteps; ++i) windows_.Step();
  EXPECT_TRUE(std::isnan(Collect()[p99]));
  EXPECT_EQ(Collect()["zts_request_duration_quantile_seconds_count{function=\"hello\"}"], 1001);
}

TEST_F(MetricsTest, AFleetsQuantilesAreReadFromFineBuckets) {
  counters_->shard(1).latency.Record(700 * kMicrosecond);
  const auto buckets = Collect().Buckets("zts_worker_request_duration_seconds_bucket{");
  for (size_t i = 1; i + 1 < buckets.size(); ++i) EXPECT_LE(buckets[i].first / buckets[i - 1].first, 1.0626);
}

TEST_F(MetricsTest, ColdStartBucketsAreFineWhereTheyAreJudged) {
  Cold(1).Record(1900 * kMicrosecond);
  const auto buckets = Collect().Buckets("zts_cold_start_seconds_bucket{phase=\"total\",");
  EXPECT_EQ(buckets.back().second, 1);
  EXPECT_LE(buckets.front().first, 50e-6);
  for (size_t i = 1; i < buckets.size() && buckets[i].first <= 50e-3; ++i) {
    EXPECT_LE(buckets[i].first / buckets[i - 1].first, 1.126);
  }
  // What lies beyond all of them is in the last one only.
  Cold(0).Record(500 * kSecond);
  const auto late = Collect().Buckets("zts_cold_start_seconds_bucket{phase=\"total\",");
  EXPECT_EQ(late.back().second, 2);
  EXPECT_EQ(late[late.size() - 2].second, 1);
}

TEST_F(MetricsTest, ColdStartsOfEachKindAreApart) {
  counters_->shard(0).cold_of_kind[static_cast<int>(ipc::ColdKind::kFreshCached)].Record(kMillisecond);
  counters_->shard(1).cold_of_kind[static_cast<int>(ipc::ColdKind::kFreshCached)].Record(kMillisecond);
  const Scrape scrape = Collect();
  EXPECT_EQ(scrape["zts_cold_start_kind_seconds_count{kind=\"fresh-cached\"}"], 2);
  EXPECT_EQ(scrape["zts_cold_start_kind_seconds_count{kind=\"snapshot\"}"], 0);
}

TEST_F(MetricsTest, TellsOfEngineAndIo) {
  const Scrape scrape = Collect();
  EXPECT_EQ(scrape["zts_io_backend{backend=\"uring\"}"], 1);
  EXPECT_EQ(scrape["zts_io_feature{backend=\"uring\",feature=\"multishot_recv\"}"], 1);
  EXPECT_EQ(scrape["zts_io_feature{backend=\"uring\",feature=\"send_zc\"}"], 0);
  EXPECT_EQ(scrape["zts_engine_restarts_total{cause=\"killed\"}"], 2);
  EXPECT_EQ(scrape["zts_function_quarantined{function=\"bad\",version=\"3\"}"], 1);
  EXPECT_EQ(scrape["zts_catalog_version"], 12);
}

TEST_F(MetricsTest, PausesAreToldByWhatTheyInterrupt) {
  counters_->shard(1).gc_pause[0][1].Record(3 * kMillisecond);
  const Scrape scrape = Collect();
  EXPECT_EQ(scrape["zts_gc_pause_seconds_count{during=\"turn\",kind=\"major\"}"], 1);
  EXPECT_EQ(scrape["zts_gc_pause_seconds_count{during=\"idle\",kind=\"major\"}"], 0);
  EXPECT_EQ(scrape["zts_gc_pause_seconds_count{during=\"task\",kind=\"major\"}"], 0);
}

TEST_F(MetricsTest, VersionsAreToldApartWhileTheyShareRequests) {
  EXPECT_EQ(Text().find("zts_version_"), std::string::npos) << "no canary, no series";
  const uint32_t row = version_rows_.Assign(Canary(7, 2));
  ipc::VersionCounters& shard0 = counters_->shard(0).versions[row];
  ipc::VersionCounters& shard1 = counters_->shard(1).versions[row];
  shard0.requests.Add(3);
  shard1.requests.Add(4);
  shard1.errors.Add(1);
  shard0.cold_starts.Add(2);
  shard0.latency.Record(kMillisecond);
  shard1.latency.Record(3 * kMillisecond);
  Scrape scrape = Collect();
  const std::string labels = "{function=\"hello\",version=\"2\"}";
  EXPECT_EQ(scrape["zts_version_requests_total" + labels], 7);
  EXPECT_EQ(scrape["zts_version_errors_total" + labels], 1);
  EXPECT_EQ(scrape["zts_version_cold_starts_total" + labels], 2);
  EXPECT_EQ(scrape["zts_version_request_duration_seconds_count" + labels], 2);
  EXPECT_NEAR(scrape["zts_version_request_duration_seconds_sum" + labels], 0.004, 1e-9);
  // The windows that the controller gets take nothing away.
  version_rows_.Take();
  EXPECT_EQ(Collect()["zts_version_requests_total" + labels], 7);
  version_rows_.Retain({});
  EXPECT_EQ(Text().find("zts_version_"), std::string::npos);
}

TEST_F(MetricsTest, VersionsAreBounded) {
  for (uint64_t id = 1; id < 2 * ipc::kVersionRows; ++id) version_rows_.Assign(Canary(id, id));
  const Scrape scrape = Collect();
  const auto is_version = [](const auto& sample) { return sample.first.starts_with("zts_version_requests_total"); };
  EXPECT_EQ(static_cast<size_t>(std::count_if(scrape.samples.begin(), scrape.samples.end(), is_version)), ipc::kVersionRows - 1);
}

TEST_F(MetricsTest, EnginesOfClassesHaveTheirNames) {
  figures_.shards = 1;
  figures_.offload_threads = 1;
  counters_->Grow(4);
  counters_->shard(2).warm_isolates.Set(5);
  const Scrape scrape = Collect();
  EXPECT_EQ(scrape["zts_engine_classes"], 1);
  EXPECT_EQ(scrape["zts_engine_class_up{class=\"namespace=acme\"}"], 1);
  EXPECT_EQ(scrape["zts_engine_class_restarts_total{class=\"namespace=acme\"}"], 3);
  EXPECT_GT(scrape["zts_process_resident_memory_bytes{process=\"engine namespace=acme\"}"], 0);
  EXPECT_EQ(scrape["zts_isolates_warm{shard=\"class1-0\"}"], 5);
}

TEST_F(MetricsTest, OffloadThreadsStandBehindTheShards) {
  // A shard with two such threads, twice.
  figures_.shards = 1;
  figures_.offload_threads = 2;
  counters_->Grow(6);
  ipc::OffloadCounters& second = counters_->shard(2).offload;
  second.running.Set(1);
  second.functions.Set(3);
  second.cpu_ns.Set(1'500'000'000);
  second.starts.Set(2);
  second.moves.Set(1);
  counters_->shard(2).warm_isolates.Set(4);
  ipc::OffloadCounters& of_class = counters_->shard(4).offload;
  of_class.running.Set(1);
  of_class.starts.Set(1);
  // One that has never been is not read.
  counters_->shard(5).offload.dormant.Set(1);
  counters_->shard(5).functions[1].requests[1].Set(1);
  const Scrape scrape = Collect();
  EXPECT_EQ(scrape["zts_offload_threads"], 2);
  EXPECT_EQ(scrape["zts_offload_starts_total"], 3);
  EXPECT_EQ(scrape["zts_offload_moves_total"], 1);
  EXPECT_EQ(scrape["zts_offload_functions{shard=\"offload-1\"}"], 3);
  EXPECT_EQ(scrape["zts_offload_cpu_seconds_total{shard=\"offload-1\"}"], 1.5);
  EXPECT_EQ(scrape["zts_offload_functions{shard=\"class1-offload-0\"}"], 0);
  EXPECT_EQ(scrape["zts_isolates_warm{shard=\"offload-1\"}"], 4);
  EXPECT_EQ(scrape["zts_requests_total{function=\"hello\",code=\"2xx\"}"], 0);
}

TEST_F(MetricsTest, GivesExactlyWhatTheTableSays) {
  figures_.shards = figures_.offload_threads = 1;
  Function(0).latency.Record(kMillisecond);
  Function(0).slow[0].Add();
  version_rows_.Assign(Canary(7, 2));
  const Scrape scrape = Collect();
  std::set<std::string> in_table;
  for (const admin::MetricInfo& info : AllMetrics()) {
    const std::string name(info.name);
    EXPECT_TRUE(in_table.insert(name).second) << name << " twice";
    const auto type = scrape.types.find(name);
    ASSERT_NE(type, scrape.types.end()) << name << " is never collected";
    EXPECT_EQ(type->second, admin::MetricTypeName(info.type)) << name;
    const std::string first = name + (info.type == admin::MetricType::kHistogram ? "_bucket" : "");
    const auto sample = std::find_if(scrape.order.begin(), scrape.order.end(), [&](const std::string& one) {
      return one == first || one.starts_with(first + "{");
    });
    ASSERT_NE(sample, scrape.order.end()) << name;
    std::string labels;
    for (size_t at = 0; (at = sample->find("=\"", at)) != std::string::npos; ++at) {
      const size_t begin = sample->find_last_of("{,", at) + 1;
      if (sample->substr(begin, at - begin) != "le") labels += (labels.empty() ? "" : ", ") + sample->substr(begin, at - begin);
    }
    EXPECT_EQ(labels, info.labels) << name;
    EXPECT_EQ(name.ends_with("_total"), info.type == admin::MetricType::kCounter) << name;
    EXPECT_TRUE(name.starts_with("zts_")) << name;
  }
  EXPECT_EQ(in_table.size(), scrape.types.size());
}

}  // namespace
}  // namespace zts::supervisor
