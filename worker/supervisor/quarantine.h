// Function versions that took the engine down too often: they are left out until another version is deployed, somebody decides that they
// get requests all the same, or the worker restarts.
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
  // Its deaths are forgotten; as many again bar it again. False: it was not in quarantine.
  bool Pardon(uint64_t version_id) { return held_.erase(version_id) > 0; }
  // Forgets versions that are no longer in any catalog.
  void Retain(const std::set<uint64_t>& version_ids);

 private:
  std::map<uint64_t, std::deque<Nanos>> deaths_;
  std::set<uint64_t> held_;
};

}  // namespace zts::supervisor
