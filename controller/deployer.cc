#include "controller/deployer.h"

#include <algorithm>

#include "base/log.h"
#include "base/utf8.h"
#include "controller/limits.h"
#include "controller/validate.h"

namespace zts::controller {
namespace {

std::string NameOf(const FunctionVersion& version) { return version.function + " v" + std::to_string(version.number); }

std::string Joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : "; ") + part;
  return text;
}

}  // namespace

DeployFailure FailureOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalid:
    case ErrorCode::kNotFound:
    case ErrorCode::kExists: return {"invalid", error.message, {}};
    case ErrorCode::kExhausted: return {"exhausted", error.message, {}};
    case ErrorCode::kTimeout: return {"timeout", error.message, {}};
    case ErrorCode::kAborted: return {"aborted", error.message, {}};
    default: return {"internal", error.message, {}};
  }
}

std::optional<Deployer::Slot> Deployer::TryEnter() {
  if (++running_ > kDeploysMax) {
    --running_;
    return std::nullopt;
  }
  return Slot(running_);
}

DeployEnd Deployer::Run(DeployOrder order, DeployObserver& observer) {
  const Nanos wait = std::min(order.wait == 0 ? kDeployWaitDefault : order.wait, kDeployWaitMax);
  auto stored = CompileAndStore(order, observer);
  if (auto* failure = std::get_if<DeployFailure>(&stored)) return std::move(*failure);
  const Deployed deployed = std::get<Deployed>(std::move(stored));
  return Roll(deployed, wait, order.workers, observer);
}

DeployEnd Deployer::Apply(const std::function<Result<Deployed>()>& change, Nanos wait, DeployOrder::Workers workers,
                          DeployObserver& observer) {
  const auto changed = change();
  if (!changed.ok()) return FailureOf(changed.error());
  return Roll(*changed, std::min(wait == 0 ? kDeployWaitDefault : wait, kDeployWaitMax), workers, observer);
}

DeployEnd Deployer::Roll(const Deployed& deployed, Nanos wait, DeployOrder::Workers workers, DeployObserver& observer) {
  // A little longer than the wait, so that what is taken back was switched to by nobody.
  if (workers == DeployOrder::Workers::kAll) publisher_.RequireAll(deployed.catalog_version, clock_.Now() + wait + kPrepareTimeout);
  publisher_.OnCatalog();
  ZTS_LOG(kInfo) << "stored " << NameOf(*deployed.version) << " in catalog " << deployed.catalog_version;
  observer.OnStored(*deployed.version, deployed.catalog_version);
  return AwaitWorkers(deployed, wait, workers, observer);
}

std::variant<Deployed, DeployFailure> Deployer::CompileAndStore(DeployOrder& order, DeployObserver& observer) {
  if (Status fits = registry_.Check(order.function, order.main_module, order.config, order.bundle.size()); !fits.ok()) {
    return FailureOf(fits.error());
  }
  if (Sha256Of(order.bundle) != order.bundle_digest) {
    return DeployFailure{"invalid", "the bundle that arrived does not have the SHA-256 that was announced; upload it again", {}};
  }
  if (Status text = ValidateUtf8(order.bundle); !text.ok()) {
    return FailureOf(std::move(text).error().Under("the bundle must be UTF-8 text"));
  }
  const Nanos started = clock_.Now();
  auto outcome = compiler_.Compile(
      {order.function, order.main_module, order.bundle, order.config.env, order.config.limits, order.snapshot});
  const Nanos took = clock_.Now() - started;
  if (!outcome.ok()) {
    metrics_.OnCompile("failed", took);
    return FailureOf(outcome.error());
  }
  if (const auto* problem = std::get_if<SourceProblem>(&*outcome)) {
    metrics_.OnCompile(problem->kind, took);
    return DeployFailure{"source", problem->message, *problem};
  }
  metrics_.OnCompile("ok", took);
  CompiledBundle& compiled = std::get<CompiledBundle>(*outcome);
  observer.OnCompiled(compiled.code_cache.size(), took);
  auto deployed = registry_.Deploy({.function = order.function,
                                    .main_module = order.main_module,
                                    .config = std::move(order.config),
                                    .bundle = order.bundle,
                                    .bundle_digest = order.bundle_digest,
                                    .code_cache = compiled.code_cache,
                                    .artifact_key = std::move(compiled.artifact_key),
                                    .snapshot = compiled.snapshot,
                                    .snapshot_policy = order.snapshot,
                                    .start_reason = std::move(compiled.start_reason),
                                    .source_map = order.source_map,
                                    .actor = std::move(order.actor),
                                    .canary = std::move(order.canary)});
  if (!deployed.ok()) return FailureOf(deployed.error());
  return *std::move(deployed);
}

DeployEnd Deployer::AwaitWorkers(const Deployed& deployed, Nanos wait, DeployOrder::Workers workers, DeployObserver& observer) {
  const Publisher::Subject subject{deployed.version->function, deployed.version->version_id, deployed.catalog_version};
  const RolloutView view = publisher_.Wait(
      subject, clock_.Now() + wait, [&] { return observer.StillWanted(); },
      [&](const RolloutView& at) { observer.OnProgress(at.ready, at.total); });
  return Conclude(deployed, view, workers, observer);
}

DeployEnd Deployer::Conclude(const Deployed& deployed, const RolloutView& view, DeployOrder::Workers workers, DeployObserver& observer) {
  using State = RolloutView::State;
  const std::string name = NameOf(*deployed.version);
  if (view.state == State::kRejected) {
    DeployFailure failure{"rejected-by-worker", "worker " + view.rejected_by + " could not prepare " + name, {}};
    if (!view.problems.empty()) {
      failure.source = view.problems.front().problem;
      failure.message += ": " + failure.source->message;
    }
    return failure;
  }
  if (view.state == State::kSuperseded) {
    return DeployFailure{"aborted", name + " was replaced by a newer version, or deleted, before it was live", {}};
  }
  if (view.live == 0 && view.total > 0) {
    if (view.state == State::kWaiting && !observer.StillWanted()) {
      return DeployFailure{"aborted", name + " is stored and goes on its way to the workers; nobody waits for it", {},
                           DeployFailure::Previous::kMayHaveBeenReplaced};
    }
    const bool refused = view.state == State::kSettled;
    return TakeBack(deployed, {refused ? "rejected-by-worker" : "timeout",
                               (refused ? "no worker took " : "no worker had ") + name + (refused ? ": " : " ready in time: ") +
                                   Joined(view.laggards), {}});
  }
  if (workers == DeployOrder::Workers::kAll && view.live < view.total) {
    const bool refused = view.state == State::kSettled;
    return TakeBack(deployed, {refused ? "rejected-by-worker" : "timeout",
                               name + " is taken back, since not every worker could serve it: " + Joined(view.laggards), {}});
  }
  if (view.total > 0) {
    // Before anybody is told `live`: from here on no worker's refusal takes it back, also after a restart.
    if (Status marked = registry_.MarkProven(deployed.catalog_version); !marked.ok()) return FailureOf(marked.error());
  }
  DeployLive live{deployed.version, view.live, view.total, {}, view.laggards};
  for (const std::string& address : view.http_addresses) {
    if (!address.empty()) live.urls.push_back("http://" + address + "/" + deployed.version->function);
  }
  std::sort(live.urls.begin(), live.urls.end());
  live.urls.erase(std::unique(live.urls.begin(), live.urls.end()), live.urls.end());
  return live;
}

DeployFailure Deployer::TakeBack(const Deployed& deployed, DeployFailure failure) {
  const auto back = registry_.Reject(deployed.version->function, deployed.version->number);
  if (back.ok()) {
    publisher_.OnTakenBack();
  } else if (back.error().code != ErrorCode::kNotFound) {
    failure.message += "; it is stored and may still go live (" + back.error().message + ")";
    failure.previous = DeployFailure::Previous::kMayHaveBeenReplaced;
  }
  return failure;
}

Result<Deployer::Deleted> Deployer::Delete(const std::string& function, const std::function<bool()>& keep_waiting) {
  ZTS_ASSIGN_OR_RETURN(const uint64_t catalog_version, registry_.Delete(function));
  publisher_.OnCatalog();
  ZTS_LOG(kInfo) << "deleted " << function << " in catalog " << catalog_version;
  const RolloutView view = publisher_.Wait({.catalog_version = catalog_version}, clock_.Now() + kDeployWaitDefault, keep_waiting,
                                           [](const RolloutView&) {});
  return Deleted{view.live, view.total};
}

}  // namespace zts::controller
