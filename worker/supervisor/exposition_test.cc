#include "worker/supervisor/exposition.h"

#include <gtest/gtest.h>

namespace zts::supervisor {
namespace {

TEST(ExpositionTest, AFamilyStandsTogetherWhateverTheOrderOfItsSamples) {
  Exposition out;
  out.Add("zts_function_in_flight", 2, Label("function", "a"));
  out.Add("zts_ready", 1);
  out.Add("zts_function_in_flight", 3, Label("function", "b"));
  EXPECT_EQ(out.Take(),
            "# HELP zts_function_in_flight Requests inside the function.\n"
            "# TYPE zts_function_in_flight gauge\n"
            "zts_function_in_flight{function=\"a\"} 2\n"
            "zts_function_in_flight{function=\"b\"} 3\n"
            "# HELP zts_ready 1 while /readyz says so.\n"
            "# TYPE zts_ready gauge\n"
            "zts_ready 1\n");
}

TEST(ExpositionTest, LabelsAreEscaped) { EXPECT_EQ(Label("x", "a\"b\\c\nd"), "x=\"a\\\"b\\\\c\\nd\""); }

TEST(ExpositionTest, RealsKeepTheirDigits) {
  Exposition out;
  out.AddReal("zts_process_start_time_seconds", 1764160000.25, Label("process", "engine"));
  EXPECT_NE(out.Take().find(" 1764160000.25\n"), std::string::npos);
}

TEST(ExpositionTest, AHistogramWithoutLabelsIsWhole) {
  static constexpr Octaves kTwo[] = {{20, 21, 2}};
  const Buckets buckets(kTwo);
  HistogramView view;
  view.AddSamples(ipc::Histogram::BucketOf(1'100'000), 4, 4'400'000);  // 2^20 ns is 1.05 ms
  view.AddSamples(ipc::Histogram::BucketOf(kSecond), 1, kSecond);
  Exposition out;
  out.AddHistogram("zts_queue_wait_seconds", view, buckets, "");
  const std::string text = out.Take();
  EXPECT_EQ(text.substr(text.find("zts_queue_wait_seconds_bucket")),
            "zts_queue_wait_seconds_bucket{le=\"0.001048576\"} 0\n"
            "zts_queue_wait_seconds_bucket{le=\"0.001572864\"} 4\n"
            "zts_queue_wait_seconds_bucket{le=\"0.002097152\"} 4\n"
            "zts_queue_wait_seconds_bucket{le=\"+Inf\"} 5\n"
            "zts_queue_wait_seconds_sum 1.0044\n"
            "zts_queue_wait_seconds_count 5\n");
}

TEST(ExpositionTest, ANameThatTheTableLacksIsAMistake) { EXPECT_DEATH(Exposition().Add("zts_nothing", 1), ""); }

}  // namespace
}  // namespace zts::supervisor
