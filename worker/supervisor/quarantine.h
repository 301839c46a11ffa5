// Function versions that took the engine down too often: they are left out until a new version is deployed or the worker restarts.
//
// Owner:    EngineHost.
// Thread:   one.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>

#include "base/clock.h"

namespace zts::supervisor {

class Quarantine {
 public:
  static constexpr int kDeathsMax = 3;
  static constexpr Nanos kWindow = 60 * kSecond;

  // True: this death was one too many, and the version is in quarantine from here on.
  bool OnDeath(uint64_t version_id, Nanos now);
  bool Holds(uint64_t version_id) const { return held_.count(version_id) > 0; }
  const std::set<uint64_t>& held() const { return held_; }
  // Forgets versions that are no longer in any catalog.
  void Retain(const std::set<uint64_t>& version_ids);

 private:
  std::map<uint64_t, std::deque<Nanos>> deaths_;
  std::set<uint64_t> held_;
};

}  // namespace zts::supervisor
