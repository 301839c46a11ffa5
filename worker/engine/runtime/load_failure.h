// Why a version did not load, and when it may be tried again: the pause doubles with each failure in a row.
//
// Owner:    the pool's state of one version.
// Thread:   the shard's.
// Limits:   a broken module costs the warm-up thread one load in kRetryFirst at first, and one in kRetryLast in the end.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "jsruntime/outcome.h"

namespace zts::runtime {

class LoadFailure {
 public:
  static constexpr Nanos kRetryFirst = 100 * kMillisecond;
  static constexpr Nanos kRetryLast = 10 * kSecond;

  void Failed(const js::Outcome& outcome, Nanos now);
  void Succeeded() { failures_ = 0; }

  // The last failure: what requests get while the pause lasts.
  const js::Outcome& outcome() const { return outcome_; }
  bool MayRetry(Nanos now) const { return now >= retry_at_; }

  // What the function's log says of the last failure.
  std::string Text() const;

 private:
  js::Outcome outcome_;
  uint32_t failures_ = 0;  // in a row
  Nanos retry_at_ = 0;
};

}  // namespace zts::runtime
