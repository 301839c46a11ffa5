#include "worker/ipc/shared_counters.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <thread>
#include <vector>

namespace zts::ipc {
namespace {

UniqueFd DuplicateOf(const SharedCounters& counters) { return UniqueFd(::fcntl(counters.fd(), F_DUPFD_CLOEXEC, 0)); }

TEST(HistogramTest, BucketsAreContiguousAndHoldTheirValues) {
  EXPECT_EQ(Histogram::BucketOf(-5), 0);
  EXPECT_EQ(Histogram::BucketOf(0), 0);
  EXPECT_EQ(Histogram::BucketOf(255), 0);
  EXPECT_EQ(Histogram::BucketOf(256), 0);
  for (int bucket = 0; bucket < Histogram::kBuckets; ++bucket) {
    const Nanos end = Histogram::UpperBound(bucket);
    EXPECT_EQ(Histogram::BucketOf(end - 1), bucket);
    EXPECT_EQ(Histogram::BucketOf(end), std::min(bucket + 1, Histogram::kBuckets - 1));
  }
  EXPECT_EQ(Histogram::BucketOf(INT64_MAX), Histogram::kBuckets - 1);
}

// The middle of the bucket that holds the quantile, as a reader would take it.
double QuantileOf(const Histogram& histogram, double q) {
  uint64_t total = 0;
  for (int i = 0; i < Histogram::kBuckets; ++i) total += histogram.bucket(i);
  const uint64_t rank = static_cast<uint64_t>(std::ceil(q * static_cast<double>(total)));
  uint64_t seen = 0;
  for (int i = 0; i < Histogram::kBuckets; ++i) {
    seen += histogram.bucket(i);
    if (seen < rank) continue;
    const double low = i == 0 ? 256 : static_cast<double>(Histogram::UpperBound(i - 1));
    return (low + static_cast<double>(Histogram::UpperBound(i))) / 2;
  }
  return 0;
}

TEST(HistogramTest, QuantilesAreWithinHalfABucketOfTheExactOnes) {
  for (uint32_t seed = 1; seed <= 5; ++seed) {
    std::mt19937_64 random(seed);
    std::lognormal_distribution<double> latency(std::log(80e3), 1.5);
    auto counters = SharedCounters::Create(1);
    ASSERT_TRUE(counters.ok());
    Histogram& histogram = (*counters)->shard(0).functions[1].latency;
    std::vector<Nanos> exact;
    uint64_t sum = 0;
    for (int i = 0; i < 100'000; ++i) {
      const Nanos value = std::max<Nanos>(256, static_cast<Nanos>(latency(random)));
      exact.push_back(value);
      sum += static_cast<uint64_t>(value);
      histogram.Record(value);
    }
    std::sort(exact.begin(), exact.end());
    for (double q : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const size_t rank = static_cast<size_t>(std::ceil(q * exact.size())) - 1;
      EXPECT_NEAR(QuantileOf(histogram, q) / static_cast<double>(exact[rank]), 1.0, 0.032) << "seed " << seed << " q " << q;
    }
    EXPECT_EQ(histogram.sum_ns(), sum);
  }
}

TEST(SharedCountersTest, BeginsAllZero) {
  auto counters = SharedCounters::Create(2);
  ASSERT_TRUE(counters.ok());
  EXPECT_EQ((*counters)->shards(), 2u);
  EXPECT_EQ((*counters)->shard(1).requests_total.Read(), 0u);
  EXPECT_EQ((*counters)->shard(1).functions[kCounterRows - 1].latency.bucket(Histogram::kBuckets - 1), 0u);
}

TEST(SharedCountersTest, RefusesNoShards) { EXPECT_FALSE(SharedCounters::Create(0).ok()); }

TEST(SharedCountersTest, BothMappingsSeeTheSameFigures) {
  auto mine = SharedCounters::Create(3);
  ASSERT_TRUE(mine.ok());
  auto theirs = SharedCounters::Map(DuplicateOf(**mine));
  ASSERT_TRUE(theirs.ok());
  (*theirs)->shard(2).functions[7].requests[1].Add(5);
  (*theirs)->shard(2).cold[static_cast<int>(ColdPhase::kTotal)].Record(kMillisecond);
  EXPECT_EQ((*mine)->shard(2).functions[7].requests[1].Read(), 5u);
  EXPECT_EQ((*mine)->shard(2).cold[static_cast<int>(ColdPhase::kTotal)].bucket(Histogram::BucketOf(kMillisecond)), 1u);
  EXPECT_EQ((*mine)->shard(1).functions[7].requests[1].Read(), 0u);
}

TEST(SharedCountersTest, FiguresSurviveTheProcessThatWroteThem) {
  auto counters = SharedCounters::Create(1);
  ASSERT_TRUE(counters.ok());
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto mapped = SharedCounters::Map(DuplicateOf(**counters));
    if (!mapped.ok()) ::_exit(1);
    for (int i = 0; i < 1000; ++i) (*mapped)->shard(0).requests_total.Add();
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ((*counters)->shard(0).requests_total.Read(), 1000u);
}

TEST(SharedCountersTest, AReaderSeesFiguresThatOnlyGrow) {
  auto counters = SharedCounters::Create(1);
  ASSERT_TRUE(counters.ok());
  ShardCounters& shard = (*counters)->shard(0);
  std::thread writer([&] {
    for (int i = 0; i < 200'000; ++i) shard.requests_total.Add();
  });
  uint64_t last = 0;
  while (last < 200'000) {
    const uint64_t read = shard.requests_total.Read();
    ASSERT_GE(read, last);
    last = read;
  }
  writer.join();
}

TEST(SharedCountersTest, RefusesAnotherLayout) {
  EXPECT_EQ(SharedCounters::Map(UniqueFd(::memfd_create("empty", MFD_CLOEXEC))).error().code, ErrorCode::kCorrupt);

  auto counters = SharedCounters::Create(1);
  ASSERT_TRUE(counters.ok());
  auto* header = static_cast<SegmentHeader*>(
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, (*counters)->fd(), 0));
  ASSERT_NE(header, MAP_FAILED);
  header->shard_bytes += 8;
  EXPECT_EQ(SharedCounters::Map(DuplicateOf(**counters)).error().code, ErrorCode::kCorrupt);
  header->shard_bytes -= 8;
  header->shards = 2;
  EXPECT_EQ(SharedCounters::Map(DuplicateOf(**counters)).error().code, ErrorCode::kCorrupt);
  // A creator that is already mapped does not trust what a peer writes there.
  EXPECT_EQ((*counters)->shards(), 1u);
  ::munmap(header, 4096);
}

TEST(SharedCountersTest, RefusesAFileThatCouldShrink) {
  auto counters = SharedCounters::Create(1);
  ASSERT_TRUE(counters.ok());
  UniqueFd unsealed(::memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const size_t bytes = 64 + sizeof(ShardCounters);
  ASSERT_EQ(::ftruncate(unsealed.get(), static_cast<off_t>(bytes)), 0);
  EXPECT_EQ(SharedCounters::Map(std::move(unsealed)).error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace zts::ipc
