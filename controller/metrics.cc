#include "controller/metrics.h"

#include <mutex>

namespace zts::controller {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

double Seconds(Nanos value) { return static_cast<double>(value) / kSecond; }

// A tenth of a second is a good deploy, ten are a bad one; finer where they usually are.
const prometheus::Histogram::BucketBoundaries kSeconds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 30, 60};

MetricFamily One(const char* name, const char* help, MetricType type, double value, std::vector<ClientMetric::Label> labels = {}) {
  MetricFamily family{name, help, type, {}};
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return family;
}

std::vector<MetricFamily> FamiliesOf(const StateSample& s) {
  const auto gauge = [](const char* name, const char* help, double value) { return One(name, help, MetricType::Gauge, value); };
  const auto counter = [](const char* name, const char* help, double value) { return One(name, help, MetricType::Counter, value); };
  MetricFamily updates = One("zts_controller_updates_sent_total", "Catalog updates sent to workers.", MetricType::Counter,
                             static_cast<double>(s.publisher.updates_full), {{"kind", "full"}});
  updates.metric.emplace_back();
  updates.metric.back().label = {{"kind", "delta"}};
  updates.metric.back().counter.value = static_cast<double>(s.publisher.updates_delta);
  return {
      gauge("zts_controller_catalog_version", "Version of the newest catalog.", static_cast<double>(s.catalog_version)),
      gauge("zts_controller_proven_version", "Newest catalog that every connected worker has served.",
            static_cast<double>(s.proven_version)),
      gauge("zts_controller_functions", "Functions that exist.", static_cast<double>(s.functions)),
      gauge("zts_controller_store_bytes", "Bytes the store takes on the disk.", static_cast<double>(s.store_bytes)),
      gauge("zts_controller_workers_connected", "Workers with an open stream.", static_cast<double>(s.publisher.workers)),
      gauge("zts_controller_push_lag_versions", "Catalog versions that the worker furthest behind is behind.",
            static_cast<double>(s.publisher.lag_versions)),
      gauge("zts_controller_push_lag_seconds", "For how long some connected worker has been behind.", Seconds(s.publisher.lag)),
      std::move(updates),
      counter("zts_controller_activations_sent_total", "Switches ordered.", static_cast<double>(s.publisher.activates)),
      counter("zts_controller_nacks_total", "Catalogs refused by workers.", static_cast<double>(s.publisher.nacks)),
      counter("zts_controller_log_records_total", "Log records received from workers.", static_cast<double>(s.logs.received)),
      counter("zts_controller_log_records_dropped_total", "Log records that slow readers lost.",
              static_cast<double>(s.logs.dropped_by_tails)),
      gauge("zts_controller_log_tails", "Readers of logs.", static_cast<double>(s.logs.tails)),
      One("zts_build_info", "Constant 1; what this build is, in its labels.", MetricType::Gauge, 1,
          {{"process", "controller"}, {"protocol", "v1"}, {"compiler", __VERSION__}}),
  };
}

}  // namespace

class Metrics::StateCollectable final : public prometheus::Collectable {
 public:
  explicit StateCollectable(std::shared_ptr<prometheus::Registry> registry) : registry_(std::move(registry)) {}

  void Watch(std::function<StateSample()> sample) {
    const std::lock_guard lock(mutex_);
    sample_ = std::move(sample);
  }

  std::vector<MetricFamily> Collect() const override {
    std::vector<MetricFamily> families = registry_->Collect();
    const std::lock_guard lock(mutex_);
    if (!sample_) return families;
    for (MetricFamily& family : FamiliesOf(sample_())) families.push_back(std::move(family));
    return families;
  }

 private:
  const std::shared_ptr<prometheus::Registry> registry_;
  mutable std::mutex mutex_;
  std::function<StateSample()> sample_;
};

Metrics::Metrics()
    : registry_(std::make_shared<prometheus::Registry>()),
      state_(std::make_shared<StateCollectable>(registry_)),
      collectable_(state_),
      deploys_(prometheus::BuildCounter().Name("zts_controller_deploys_total").Help("Deploys by result.").Register(*registry_)),
      compiles_(prometheus::BuildCounter().Name("zts_controller_compiles_total").Help("Compiled bundles by outcome.").Register(*registry_)),
      renewals_(prometheus::BuildCounter()
                    .Name("zts_controller_artifact_renewals_total")
                    .Help("Stored versions compiled anew for engines of another build.")
                    .Register(*registry_)),
      deploy_seconds_(prometheus::BuildHistogram()
                          .Name("zts_controller_deploy_seconds")
                          .Help("From the first message of a deploy to live.")
                          .Register(*registry_)
                          .Add({}, kSeconds)),
      compile_seconds_(prometheus::BuildHistogram()
                           .Name("zts_controller_compile_seconds")
                           .Help("A bundle in the compiler, waiting for it included.")
                           .Register(*registry_)
                           .Add({}, kSeconds)),
      blob_bytes_(prometheus::BuildCounter()
                      .Name("zts_controller_blob_bytes_total")
                      .Help("Bytes of bundles and code caches sent to workers.")
                      .Register(*registry_)
                      .Add({})),
      push_bytes_(prometheus::BuildCounter()
                      .Name("zts_controller_push_bytes_total")
                      .Help("Bytes of catalogs, changes and switches sent to workers.")
                      .Register(*registry_)
                      .Add({})) {}

void Metrics::OnDeploy(std::string_view result, Nanos took) {
  deploys_.Add({{"result", std::string(result)}}).Increment();
  if (result == "live") deploy_seconds_.Observe(Seconds(took));
}

void Metrics::OnCompile(std::string_view result, Nanos took) {
  compiles_.Add({{"result", std::string(result)}}).Increment();
  compile_seconds_.Observe(Seconds(took));
}

void Metrics::OnRenewal(std::string_view result) { renewals_.Add({{"result", std::string(result)}}).Increment(); }

void Metrics::OnBlobServed(uint64_t bytes) { blob_bytes_.Increment(static_cast<double>(bytes)); }

void Metrics::OnPushed(uint64_t bytes) { push_bytes_.Increment(static_cast<double>(bytes)); }

void Metrics::Watch(std::function<StateSample()> sample) { state_->Watch(std::move(sample)); }

}  // namespace zts::controller
