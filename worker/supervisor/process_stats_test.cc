#include "worker/supervisor/process_stats.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace zts::supervisor {
namespace {

TEST(ProcessStatsTest, ReadsThePlaceOfEachField) {
  const auto fields = ParseProcStat(
      "17 (a ) (b) S 1 17 17 0 -1 4194560 100 0 0 0 250 50 7 8 20 0 9 0 12345 1000000 678 18446744073709551615");
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->user_ticks, 250u);
  EXPECT_EQ(fields->system_ticks, 50u);
  EXPECT_EQ(fields->start_ticks, 12345u);
  EXPECT_EQ(fields->resident_pages, 678);
  EXPECT_FALSE(ParseProcStat(""));
  EXPECT_FALSE(ParseProcStat("17 (cut) S 1 17"));
}

TEST(ProcessStatsTest, KnowsThisProcess) {
  const auto stats = ReadProcessStats(::getpid());
  ASSERT_TRUE(stats);
  EXPECT_GT(stats->resident_bytes, 100'000u);
  EXPECT_GE(stats->open_fds, 3u);
  const double now = static_cast<double>(::time(nullptr));
  EXPECT_GT(stats->start_seconds, now - 86'400);
  EXPECT_LT(stats->start_seconds, now + 5);
}

TEST(ProcessStatsTest, KnowsNothingOfAProcessThatIsGone) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_FALSE(ReadProcessStats(child));
}

TEST(ProcessStatsTest, SumsTheCpuTimeOfEndedChildren) {
  const double before = EndedChildrenCpuSeconds();
  const pid_t child = ::fork();
  if (child == 0) {
    timespec used{};
    do {
      ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    } while (used.tv_nsec < 30'000'000);
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_GT(EndedChildrenCpuSeconds(), before);
}

}  // namespace
}  // namespace zts::supervisor
