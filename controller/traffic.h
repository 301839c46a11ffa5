// How a function's requests are divided between its versions, who decided so, and what is kept warm to go back to.
//
// A function has one *active* version and at most one *canary*, which gets a share of the requests. Versions that served before stay
// warm for a while (kVersionsWarm), so that going back to one is a switch and not a deploy.
//
// Thread:   values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace zts::controller {

// Shares are counted in ten thousandths of the requests: 1% is 100.
inline constexpr uint32_t kWholeShare = 10'000;

// What keeps a client with one version while a canary runs.
struct Sticky {
  enum class By : uint8_t { kNothing, kHeader, kCookie, kAddress } by = By::kNothing;
  std::string name;  // of the header (lower case) or cookie
  bool operator==(const Sticky&) const = default;
};

struct CanaryShare {
  uint32_t share = 0;  // of kWholeShare; 0: only those who ask for it by x-zts-version
  Sticky sticky;
  bool operator==(const CanaryShare&) const = default;
};

struct Canary {
  uint64_t number = 0;
  CanaryShare traffic;
  uint64_t since = 0;  // the catalog version in which it became the canary
  bool operator==(const Canary&) const = default;
};

// What a canary must keep to; 0 (or less) leaves a bound out.
struct Slo {
  Nanos p99_max = 0;
  double error_rate_max = 0;  // 0.01: 1%
  double cold_rate_max = 0;
  // And it may be this many times as slow, or as often wrong, as the version that serves beside it.
  double factor = 1.5;
  bool operator==(const Slo&) const = default;
};

// A canary that is promoted by itself, step by step.
struct Promotion {
  Slo slo;
  std::vector<uint32_t> steps;  // shares, growing; the last one is kWholeShare
  uint32_t step = 0;            // index of the one that runs
  Nanos step_time = 0;
  uint64_t samples_min = 0;     // requests of the canary before a step ends well
  std::string by;               // who asked for it
  bool operator==(const Promotion&) const = default;
};

// One change of what serves, in a function's history.
struct HistoryEvent {
  int64_t at_ns = 0;    // since 1970
  std::string what;     // "deployed", "configured", "canary", "promoted", "rolled-back", "withdrawn", "refused", ...
  uint64_t number = 0;  // the version it is about
  uint32_t share = 0;   // of its requests from here on
  std::string by;
  std::string note;
  bool operator==(const HistoryEvent&) const = default;
};

// Who makes a change, and why.
struct Actor {
  std::string by;
  std::string note;
};

}  // namespace zts::controller
