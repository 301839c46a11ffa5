// Promotes canaries step by step: gathers what workers report of the two versions, asks the policy, and changes the shares.
//
// What is to be done is in the registry, so that a controller that starts again goes on: with the step it was in, from that step's
// beginning.
//
// Owner:    main(), one a process.
// Thread:   any; Run is a thread of its own.
// Life:     registry, publisher and clock outlive it.
// Limits:   kPromotionTick, kPromotionGrace; one promotion a function.
// Errors:   a change that the store does not take is logged and tried again at the next tick.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "controller/canary_policy.h"
#include "controller/publisher.h"
#include "controller/registry.h"

namespace zts::controller {

class Promoter {
 public:
  Promoter(Registry& registry, Publisher& publisher, const Clock& clock)
      : registry_(registry), publisher_(publisher), clock_(clock) {}

  void OnWindows(const std::vector<VersionWindow>& windows);
  // Judges every promotion that runs.
  void Tick();
  // Ticks until Stop.
  void Run();
  void Stop();

 private:
  // One step of one promotion.
  struct Step {
    uint64_t active = 0;
    uint64_t canary = 0;
    uint64_t canary_since = 0;
    uint32_t index = 0;
    Nanos counts_from = 0;  // windows before this are of the step before, or of a version that is new
    VersionStats active_stats;
    VersionStats canary_stats;
  };
  Step& StepOf(const Registry::Promoting& promoting);
  void Act(const Registry::Promoting& promoting, const Step& step, const Verdict& verdict);

  Registry& registry_;
  Publisher& publisher_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  std::map<std::string, Step> steps_;  // by function
};

}  // namespace zts::controller
