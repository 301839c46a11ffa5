// Whether a canary goes up, stays or goes: a pure function over what it and the active version did in the same time.
//
// A canary goes as soon as it is certain (kConfidence) that it breaks a bound, and goes up only when its figures as they stand keep to
// all of them. In between it stays, and more requests decide. Judging a rate by what is certain of it keeps three errors in fifty requests
// from ending a good version, and needs no more than a hundred requests to end one that fails in every twentieth.
//
// Thread:   pure functions.
// Limits:   kJudgedMin, kComparedMin.
// Source:   E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference (1927): the interval of a proportion.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "controller/traffic.h"

namespace zts::controller {

// What one version did on one worker for about half a second.
struct VersionWindow {
  std::string function;
  uint64_t number = 0;
  uint64_t requests = 0;
  uint64_t errors = 0;
  uint64_t cold_starts = 0;
  std::vector<std::pair<Nanos, uint64_t>> latencies;  // up to this: so many
};

// Windows of one version put together.
class VersionStats {
 public:
  void Add(const VersionWindow& window);

  uint64_t requests() const { return requests_; }
  uint64_t errors() const { return errors_; }
  uint64_t cold_starts() const { return cold_starts_; }
  uint64_t timed() const { return timed_; }
  // The time that so many (0.99: 99%) of the requests were done in; 0 without any.
  Nanos Quantile(double quantile) const;
  // Requests that took longer for certain: a bucket that `bound` falls into is left out.
  uint64_t CountAbove(Nanos bound) const;

 private:
  uint64_t requests_ = 0;
  uint64_t errors_ = 0;
  uint64_t cold_starts_ = 0;
  uint64_t timed_ = 0;
  std::map<Nanos, uint64_t> latencies_;
};

// Fewer requests of the canary say nothing; fewer of the active version are nothing to compare with.
inline constexpr uint64_t kJudgedMin = 30;
inline constexpr uint64_t kComparedMin = 100;
// Standard deviations: a judgement every half second for a quarter of an hour is wrong about once.
inline constexpr double kConfidence = 3.0;
// What the canary may be worse by whatever the factor: nothing times any factor is nothing.
inline constexpr double kErrorRateSlack = 0.005;
inline constexpr Nanos kLatencySlack = 50 * kMicrosecond;

// The rate that is at least there, at kConfidence, where `count` of `total` were seen.
double RateAtLeast(uint64_t count, uint64_t total);

struct Verdict {
  enum class Kind : uint8_t { kStay, kStepUp, kWithdraw } kind = Kind::kStay;
  std::string why;
};

Verdict Judge(const Promotion& promotion, Nanos elapsed, const VersionStats& active, const VersionStats& canary);

}  // namespace zts::controller
