#include "controller/canary_policy.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

namespace zts::controller {
namespace {

constexpr double kTail = 0.01;  // of the requests are beyond the p99

std::string Percent(double rate) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f%%", rate * 100);
  return text;
}

std::string Milliseconds(Nanos time) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f ms", static_cast<double>(time) / kMillisecond);
  return text;
}

double Rate(uint64_t count, uint64_t total) { return total == 0 ? 0 : static_cast<double>(count) / static_cast<double>(total); }

// One bound, and what the canary has against it.
struct Bound {
  std::string what;    // "errors", "cold starts", "p99"
  uint64_t count = 0;  // of requests that are against it
  uint64_t total = 0;
  double rate_max = 0;
  std::string seen;
  std::string allowed;

  bool broken_for_certain() const { return RateAtLeast(count, total) > rate_max; }
  bool broken_as_it_stands() const { return Rate(count, total) > rate_max; }
  std::string text() const { return what + " " + seen + " of " + std::to_string(total) + " requests, at most " + allowed; }
};

Bound RateBound(std::string what, uint64_t count, uint64_t total, double rate_max, const char* whose) {
  return {std::move(what), count, total, rate_max, Percent(Rate(count, total)), Percent(rate_max) + whose};
}

Bound TailBound(const VersionStats& canary, Nanos p99_max, const char* whose) {
  const std::string seen = Milliseconds(canary.Quantile(1 - kTail));
  return {"p99", canary.CountAbove(p99_max), canary.timed(), kTail, seen, Milliseconds(p99_max) + whose};
}

std::vector<Bound> BoundsOf(const Slo& slo, const VersionStats& active, const VersionStats& canary) {
  std::vector<Bound> bounds;
  if (slo.error_rate_max > 0) bounds.push_back(RateBound("errors", canary.errors(), canary.requests(), slo.error_rate_max, ""));
  if (slo.cold_rate_max > 0) bounds.push_back(RateBound("cold starts", canary.cold_starts(), canary.requests(), slo.cold_rate_max, ""));
  if (slo.p99_max > 0) bounds.push_back(TailBound(canary, slo.p99_max, ""));
  if (active.requests() < kComparedMin || slo.factor <= 0) return bounds;
  constexpr const char* kBeside = " beside the active version";
  const double error_rate = Rate(active.errors(), active.requests());
  bounds.push_back(RateBound("errors", canary.errors(), canary.requests(), slo.factor * error_rate + kErrorRateSlack, kBeside));
  if (active.timed() >= kComparedMin) {
    const double p99 = static_cast<double>(active.Quantile(1 - kTail));
    bounds.push_back(TailBound(canary, static_cast<Nanos>(slo.factor * p99) + kLatencySlack, kBeside));
  }
  return bounds;
}

}  // namespace

void VersionStats::Add(const VersionWindow& window) {
  requests_ += window.requests;
  errors_ += window.errors;
  cold_starts_ += window.cold_starts;
  for (const auto& [up_to, count] : window.latencies) {
    latencies_[up_to] += count;
    timed_ += count;
  }
}

Nanos VersionStats::Quantile(double quantile) const {
  const auto wanted = static_cast<uint64_t>(std::ceil(quantile * static_cast<double>(timed_)));
  uint64_t seen = 0;
  for (const auto& [up_to, count] : latencies_) {
    seen += count;
    if (seen >= wanted) return up_to;
  }
  return 0;
}

uint64_t VersionStats::CountAbove(Nanos bound) const {
  // A bucket of the workers' histograms is at most a sixteenth of its upper end wide.
  constexpr int kWidth = 16;
  uint64_t above = 0;
  for (const auto& [up_to, count] : latencies_) {
    if (up_to - up_to / kWidth >= bound) above += count;
  }
  return above;
}

double RateAtLeast(uint64_t count, uint64_t total) {
  if (total == 0) return 0;
  const double n = static_cast<double>(total), p = static_cast<double>(count) / n, z2 = kConfidence * kConfidence;
  const double middle = p + z2 / (2 * n);
  const double half = kConfidence * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return std::max(0.0, (middle - half) / (1 + z2 / n));
}

Verdict Judge(const Promotion& promotion, Nanos elapsed, const VersionStats& active, const VersionStats& canary) {
  using Kind = Verdict::Kind;
  const std::vector<Bound> bounds = BoundsOf(promotion.slo, active, canary);
  if (canary.requests() >= kJudgedMin) {
    for (const Bound& bound : bounds) {
      if (bound.broken_for_certain()) return {Kind::kWithdraw, bound.text()};
    }
  }
  if (elapsed < promotion.step_time) return {Kind::kStay, "the step runs"};
  const uint64_t wanted = std::max(promotion.samples_min, kJudgedMin);
  if (canary.requests() < wanted) {
    return {Kind::kStay, std::to_string(canary.requests()) + " of the " + std::to_string(wanted) + " requests that a step needs"};
  }
  for (const Bound& bound : bounds) {
    if (bound.broken_as_it_stands()) return {Kind::kStay, "not certain yet: " + bound.text()};
  }
  return {Kind::kStepUp, "errors " + Percent(Rate(canary.errors(), canary.requests())) + ", p99 " +
                             Milliseconds(canary.Quantile(1 - kTail)) + " of " + std::to_string(canary.requests()) + " requests"};
}

}  // namespace zts::controller
