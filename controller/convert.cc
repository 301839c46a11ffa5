#include "controller/convert.h"

#include <algorithm>
#include <iterator>

#include "controller/limits.h"
#include "controller/validate.h"

namespace zts::controller {
namespace {

constexpr const char* kStickyNames[] = {"", "header", "cookie", "ip"};  // in the order of Sticky::By

}  // namespace

grpc::Status ToStatus(const Error& error) {
  const auto code = [&] {
    switch (error.code) {
      case ErrorCode::kInvalid: return grpc::StatusCode::INVALID_ARGUMENT;
      case ErrorCode::kNotFound: return grpc::StatusCode::NOT_FOUND;
      case ErrorCode::kExists: return grpc::StatusCode::ALREADY_EXISTS;
      case ErrorCode::kDenied: return grpc::StatusCode::PERMISSION_DENIED;
      case ErrorCode::kExhausted: return grpc::StatusCode::RESOURCE_EXHAUSTED;
      case ErrorCode::kUnavailable: return grpc::StatusCode::UNAVAILABLE;
      case ErrorCode::kTimeout: return grpc::StatusCode::DEADLINE_EXCEEDED;
      case ErrorCode::kAborted: return grpc::StatusCode::ABORTED;
      case ErrorCode::kCorrupt: return grpc::StatusCode::DATA_LOSS;
      case ErrorCode::kUnsupported: return grpc::StatusCode::UNIMPLEMENTED;
      case ErrorCode::kInternal: return grpc::StatusCode::INTERNAL;
    }
    return grpc::StatusCode::UNKNOWN;
  }();
  return {code, error.message};
}

v1::FunctionVersion ToProto(const FunctionVersion& version) {
  v1::FunctionVersion message;
  message.set_function(version.function);
  message.set_number(version.number);
  message.set_bundle_digest(ToHex(version.bundle_digest));
  message.set_bundle_bytes(version.bundle_bytes);
  if (version.code_cache_digest) message.set_code_cache_digest(ToHex(*version.code_cache_digest));
  message.set_code_cache_bytes(version.code_cache_bytes);
  message.set_artifact_key(version.artifact_key);
  message.set_main_module(version.main_module);
  message.set_created_ns(version.created_ns);
  message.set_version_id(version.version_id);
  message.set_author(version.author);
  message.set_message(version.message);
  message.set_based_on(version.based_on);
  message.set_source_map_bytes(version.source_map_bytes);
  if (version.snapshot_digest) message.set_snapshot_digest(ToHex(*version.snapshot_digest));
  message.set_snapshot_bytes(version.snapshot_bytes);
  message.set_start_reason(version.start_reason);
  auto& config = *message.mutable_config();
  auto& limits = *config.mutable_limits();
  limits.set_cpu_per_request_ns(version.config.limits.cpu_per_request_ns);
  limits.set_wall_per_request_ns(version.config.limits.wall_per_request_ns);
  limits.set_startup_cpu_ns(version.config.limits.startup_cpu_ns);
  limits.set_memory_bytes_max(version.config.limits.memory_bytes_max);
  limits.set_nursery_bytes(version.config.limits.nursery_bytes);
  limits.set_request_garbage_bytes(version.config.limits.request_garbage_bytes);
  for (const auto& [name, value] : version.config.env) (*config.mutable_env())[name] = value;
  for (const std::string& route : version.config.routes) config.add_routes(route);
  for (const std::string& host : version.config.allow_net) config.add_allow_net(host);
  for (const std::string& name : version.config.secrets) config.add_secrets(name);
  config.set_jit(version.config.jit);
  config.set_jit_threshold(version.config.jit_threshold);
  config.set_isolation(version.config.isolation);
  return message;
}

v1::FunctionVersion ToProto(const CatalogEntry& entry) {
  v1::FunctionVersion message = ToProto(*entry.version);
  if (entry.canary != nullptr) {
    *message.mutable_traffic()->mutable_canary() = ToProto(*entry.canary);
    *message.mutable_traffic()->mutable_share() = ToProto(entry.canary_traffic);
  }
  for (const VersionPtr& warm : entry.warm) *message.mutable_traffic()->add_warm() = ToProto(*warm);
  return message;
}

v1::CanaryShare ToProto(const CanaryShare& traffic) {
  v1::CanaryShare message;
  message.set_share(traffic.share);
  message.set_sticky_by(kStickyNames[static_cast<int>(traffic.sticky.by)]);
  message.set_sticky_name(traffic.sticky.name);
  return message;
}

Result<CanaryShare> FromProto(const v1::CanaryShare& message) {
  const auto by = std::find(std::begin(kStickyNames), std::end(kStickyNames), message.sticky_by());
  if (by == std::end(kStickyNames)) {
    return Invalid("clients are kept with a version by header, cookie or ip, not by '" + message.sticky_by() + "'");
  }
  if (message.share() > kWholeShare) return Invalid("a share is at most 100%");
  CanaryShare traffic{message.share(), {static_cast<Sticky::By>(by - std::begin(kStickyNames)), message.sticky_name()}};
  ZTS_RETURN_IF_ERROR(ValidateSticky(traffic.sticky));
  return traffic;
}

v1::HistoryEvent ToProto(const HistoryEvent& event) {
  v1::HistoryEvent message;
  message.set_at_ns(event.at_ns);
  message.set_what(event.what);
  message.set_number(event.number);
  message.set_share(event.share);
  message.set_by(event.by);
  message.set_note(event.note);
  return message;
}

v1::Promotion ToProto(const Promotion& promotion) {
  v1::Promotion message;
  message.set_p99_max_ns(promotion.slo.p99_max);
  message.set_error_rate_max(promotion.slo.error_rate_max);
  message.set_cold_rate_max(promotion.slo.cold_rate_max);
  message.set_factor(promotion.slo.factor);
  for (const uint32_t step : promotion.steps) message.add_steps(step);
  message.set_step_time_ns(promotion.step_time);
  message.set_samples_min(promotion.samples_min);
  message.set_step(promotion.step);
  message.set_by(promotion.by);
  return message;
}

Promotion FromProto(const v1::Promotion& message) {
  Promotion promotion;
  promotion.slo = {message.p99_max_ns(), message.error_rate_max(), message.cold_rate_max(), message.factor()};
  promotion.steps.assign(message.steps().begin(), message.steps().end());
  promotion.step_time = message.step_time_ns();
  promotion.samples_min = message.samples_min();
  return promotion;
}

std::vector<VersionWindow> FromProto(const v1::VersionWindows& message) {
  std::vector<VersionWindow> windows;
  for (const auto& from : message.windows()) {
    VersionWindow& window = windows.emplace_back();
    window.function = from.function();
    window.number = from.number();
    window.requests = from.requests();
    window.errors = from.errors();
    window.cold_starts = from.cold_starts();
    for (const auto& latencies : from.latencies()) window.latencies.emplace_back(latencies.up_to_ns(), latencies.count());
  }
  return windows;
}

std::string StateName(Registry::VersionItem::Role role) {
  switch (role) {
    case Registry::VersionItem::Role::kActive: return "active";
    case Registry::VersionItem::Role::kCanary: return "canary";
    case Registry::VersionItem::Role::kWarm: return "warm";
    case Registry::VersionItem::Role::kKept: break;
  }
  return "kept";
}

Actor ActorOf(const std::string& author, const std::string& message) {
  return {OneLine(author, kAuthorBytesMax), OneLine(message, kMessageTextBytesMax)};
}

VersionConfig FromProto(const v1::VersionConfig& message) {
  VersionConfig config;
  config.limits = {message.limits().cpu_per_request_ns(), message.limits().wall_per_request_ns(), message.limits().startup_cpu_ns(),
                   message.limits().memory_bytes_max(), message.limits().nursery_bytes(), message.limits().request_garbage_bytes()};
  config.env = {message.env().begin(), message.env().end()};
  config.routes = {message.routes().begin(), message.routes().end()};
  config.allow_net = {message.allow_net().begin(), message.allow_net().end()};
  config.secrets = {message.secrets().begin(), message.secrets().end()};
  config.jit = message.jit();
  config.jit_threshold = message.jit_threshold();
  config.isolation = message.isolation();
  return config;
}

v1::SourceError ToProto(const SourceProblem& problem) {
  v1::SourceError message;
  message.set_kind(problem.kind);
  message.set_message(problem.message);
  message.set_file(problem.file);
  message.set_line(problem.line);
  message.set_column(problem.column);
  message.set_source_line(problem.source_line);
  message.set_stack(problem.stack);
  return message;
}

SourceProblem FromProto(const v1::SourceError& error) {
  return {error.kind(), error.message(), error.file(), error.line(), error.column(), error.source_line(), error.stack()};
}

v1::LogRecord ToProto(const LogRecord& record) {
  v1::LogRecord message;
  message.set_time_ns(record.time_ns);
  message.set_function(record.function);
  message.set_version_number(record.version_number);
  message.set_severity(record.severity);
  message.set_message(record.message);
  message.set_request_id(record.request_id);
  message.set_worker(record.worker);
  message.set_dropped_before(record.dropped_before);
  return message;
}

LogRecord FromProto(const v1::LogRecord& message) {
  return {message.time_ns(),  message.function(),   message.version_number(), message.severity(),
          message.message(), message.request_id(), message.worker(),         message.dropped_before()};
}

v1::DeployEvent ToProto(const DeployLive& live, Nanos took) {
  v1::DeployEvent event;
  auto& message = *event.mutable_live();
  *message.mutable_version() = ToProto(*live.version);
  message.set_workers_live(live.workers_live);
  message.set_workers_total(live.workers_total);
  message.set_took_ns(took);
  for (const std::string& url : live.urls) message.add_urls(url);
  for (const std::string& laggard : live.laggards) message.add_laggards(laggard);
  return event;
}

v1::DeployEvent ToProto(const DeployFailure& failure) {
  v1::DeployEvent event;
  auto& message = *event.mutable_failed();
  message.set_code(failure.code);
  message.set_message(failure.message);
  if (failure.source) *message.mutable_source() = ToProto(*failure.source);
  message.set_previous_kept(failure.previous == DeployFailure::Previous::kServes);
  return event;
}

WorkerHello FromProto(const v1::Hello& hello) {
  return {.name = hello.worker(),
          .http_address = hello.http_address(),
          .shards = hello.shards(),
          .artifact_key = hello.artifact_key(),
          .io_backend = hello.io_backend(),
          .store_id = hello.store_id(),
          .active_version = hello.active_version()};
}

std::optional<PushResult> FromProto(const v1::UpdateResult& message) {
  PushResult result;
  result.catalog_version = message.catalog_version();
  result.nonce = message.nonce();
  switch (message.state()) {
    case v1::UpdateResult::PREPARED: result.state = PushResult::State::kPrepared; break;
    case v1::UpdateResult::ACTIVE: result.state = PushResult::State::kActive; break;
    case v1::UpdateResult::NACK: result.state = PushResult::State::kNack; break;
    default: return std::nullopt;
  }
  for (const auto& problem : message.problems()) {
    result.problems.push_back({problem.function(), problem.number(), FromProto(problem.error())});
  }
  return result;
}

}  // namespace zts::controller
