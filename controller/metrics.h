// What the controller counts, as Prometheus sees it.
//
// Events are counted as they happen; what is a state (catalog, workers, store) is read at scrape.
//
// Owner:    main(), one a process.
// Thread:   any.
// Life:     the sources given to Watch outlive the admin server.
// Limits:   label values are fixed sets: results of deploys, kinds of compile outcomes.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "controller/log_hub.h"
#include "controller/publisher.h"

namespace zts::controller {

// What a scrape reads.
struct StateSample {
  uint64_t catalog_version = 0;
  uint64_t proven_version = 0;
  size_t functions = 0;
  uint64_t store_bytes = 0;
  PublisherStats publisher;
  LogHub::Stats logs;
};

class Metrics {
 public:
  Metrics();

  // `result`: "live" or a DeployFailure::code.
  void OnDeploy(std::string_view result, Nanos took);
  // `result`: "ok", "failed" or a SourceProblem::kind.
  void OnCompile(std::string_view result, Nanos took);
  // `result`: "renewed" or "failed".
  void OnRenewal(std::string_view result);
  void OnBlobServed(uint64_t bytes);
  // An update or an activation was written to a worker's stream.
  void OnPushed(uint64_t bytes);

  void Watch(std::function<StateSample()> sample);
  // Everything, for the admin server.
  std::shared_ptr<prometheus::Collectable> collectable() const { return collectable_; }

 private:
  class StateCollectable;

  std::shared_ptr<prometheus::Registry> registry_;
  std::shared_ptr<StateCollectable> state_;
  std::shared_ptr<prometheus::Collectable> collectable_;
  prometheus::Family<prometheus::Counter>& deploys_;
  prometheus::Family<prometheus::Counter>& compiles_;
  prometheus::Family<prometheus::Counter>& renewals_;
  prometheus::Histogram& deploy_seconds_;
  prometheus::Histogram& compile_seconds_;
  prometheus::Counter& blob_bytes_;
  prometheus::Counter& push_bytes_;
};

}  // namespace zts::controller
