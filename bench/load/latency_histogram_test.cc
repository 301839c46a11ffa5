#include "bench/load/latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace zts {
namespace {

TEST(LatencyHistogram, KnowsNothingWhenEmpty) {
  const LatencyHistogram empty;
  EXPECT_EQ(empty.count(), 0u);
  EXPECT_EQ(empty.max(), 0u);
  EXPECT_EQ(empty.Quantile(0.5), 0u);
}

TEST(LatencyHistogram, IsExactForSmallValues) {
  LatencyHistogram histogram;
  for (uint64_t value = 1; value <= 1000; ++value) histogram.Record(value);
  EXPECT_EQ(histogram.Quantile(0), 1u);
  EXPECT_EQ(histogram.Quantile(0.5), 500u);
  EXPECT_EQ(histogram.Quantile(0.99), 990u);
  EXPECT_EQ(histogram.Quantile(0.999), 999u);
  EXPECT_EQ(histogram.Quantile(1), 1000u);
  EXPECT_DOUBLE_EQ(histogram.mean(), 500.5);
}

// Against the sorted values themselves, over the whole range: never below the truth, and less than a thousandth above.
TEST(LatencyHistogram, StaysWithinAThousandthOfTheTruth) {
  std::mt19937_64 random(1);
  std::vector<uint64_t> values;
  LatencyHistogram histogram;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(random() >> (random() % 64));
    histogram.Record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double share : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const uint64_t truth = values[static_cast<size_t>(share * 20'000) - 1];
    EXPECT_GE(histogram.Quantile(share), truth) << share;
    EXPECT_LE(static_cast<double>(histogram.Quantile(share)), static_cast<double>(truth) * 1.001) << share;
  }
}

TEST(LatencyHistogram, TakesTheGreatestValueAndItsNeighbours) {
  LatencyHistogram histogram;
  const uint64_t most = std::numeric_limits<uint64_t>::max();
  for (const uint64_t value : {most, most - 1, uint64_t{1} << 63, (uint64_t{1} << 63) - 1}) histogram.Record(value);
  EXPECT_EQ(histogram.Quantile(1), most);
  EXPECT_EQ(histogram.Quantile(0.25), (uint64_t{1} << 63) - 1);
}

// One stall in a thousand shows at p99.9 and not below.
TEST(LatencyHistogram, KeepsARareStallApart) {
  LatencyHistogram histogram;
  histogram.Record(100, 99'899);
  histogram.Record(5'000'000, 101);
  EXPECT_EQ(histogram.Quantile(0.99), 100u);
  EXPECT_GE(histogram.Quantile(0.999), 5'000'000u);
}

}  // namespace
}  // namespace zts
