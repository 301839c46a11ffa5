// When a dead engine is started again: at once, unless it keeps dying young without anybody knowing why. One that a function's version has
// ended is started at once however often: the others' requests wait for it, and that version is soon in quarantine (quarantine.h).
//
// Owner:    EngineHost.
// Thread:   one.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace zts::supervisor {

class RestartPolicy {
 public:
  // An engine that lived this long was able to serve: its death says nothing about the next one.
  static constexpr Nanos kStableAfter = 5 * kSecond;
  // So many young deaths in a row are answered at once: capacity comes first.
  static constexpr int kImmediate = 3;
  static constexpr Nanos kDelayMin = 100 * kMillisecond;
  static constexpr Nanos kDelayMax = 5 * kSecond;

  enum class Culprit : uint8_t { kUnknown, kVersion };
  // How long to wait before the next start.
  Nanos OnDeath(Nanos lived, Culprit culprit);

 private:
  int young_deaths_ = 0;
};

}  // namespace zts::supervisor
