#include "controller/store/record_codec.h"

#include <algorithm>
#include <optional>

#include "controller/store/records.pb.h"

namespace zts::store {

using controller::Canary;
using controller::HistoryEvent;
using controller::Promotion;
using controller::SnapshotPolicy;
using controller::Sticky;

namespace {

Error Damaged(std::string_view what) {
  return {ErrorCode::kCorrupt, "the record of " + std::string(what) + " cannot be read; restore the data directory from a backup"};
}

template <typename Message>
bool Parse(Message& message, std::string_view bytes) {
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

std::string DigestBytes(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

std::optional<Digest> DigestFrom(const std::string& bytes) {
  Digest digest;
  if (bytes.size() != digest.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

constexpr const char* kStickyNames[] = {"", "header", "cookie", "ip"};  // in the order of Sticky::By

std::optional<Sticky::By> StickyByName(const std::string& name) {
  for (size_t i = 0; i < std::size(kStickyNames); ++i) {
    if (name == kStickyNames[i]) return static_cast<Sticky::By>(i);
  }
  return std::nullopt;
}

void Fill(const Canary& canary, record::Canary& message) {
  message.set_number(canary.number);
  message.set_share(canary.traffic.share);
  message.set_sticky_by(kStickyNames[static_cast<int>(canary.traffic.sticky.by)]);
  message.set_sticky_name(canary.traffic.sticky.name);
  message.set_since(canary.since);
}

Canary CanaryFrom(const record::Canary& message, Sticky::By by) {
  return {message.number(), {message.share(), {by, message.sticky_name()}}, message.since()};
}

void Fill(const Promotion& promotion, record::Promotion& message) {
  message.set_p99_max_ns(promotion.slo.p99_max);
  message.set_error_rate_max(promotion.slo.error_rate_max);
  message.set_cold_rate_max(promotion.slo.cold_rate_max);
  message.set_factor(promotion.slo.factor);
  for (const uint32_t step : promotion.steps) message.add_steps(step);
  message.set_step(promotion.step);
  message.set_step_time_ns(promotion.step_time);
  message.set_samples_min(promotion.samples_min);
  message.set_by(promotion.by);
}

Promotion PromotionFrom(const record::Promotion& message) {
  Promotion promotion;
  promotion.slo = {message.p99_max_ns(), message.error_rate_max(), message.cold_rate_max(), message.factor()};
  promotion.steps.assign(message.steps().begin(), message.steps().end());
  promotion.step = message.step();
  promotion.step_time = message.step_time_ns();
  promotion.samples_min = message.samples_min();
  promotion.by = message.by();
  return promotion;
}

void Fill(const HistoryEvent& event, record::HistoryEvent& message) {
  message.set_at_ns(event.at_ns);
  message.set_what(event.what);
  message.set_number(event.number);
  message.set_share(event.share);
  message.set_by(event.by);
  message.set_note(event.note);
}

}  // namespace

std::string EncodeCounters(const Counters& counters) {
  record::Counters message;
  message.set_catalog_version(counters.catalog_version);
  message.set_creations(counters.creations);
  message.set_proven_version(counters.proven_version);
  return message.SerializeAsString();
}

Result<Counters> DecodeCounters(std::string_view bytes) {
  record::Counters message;
  if (!Parse(message, bytes)) return Damaged("counters");
  return Counters{message.catalog_version(), message.creations(), message.proven_version()};
}

std::string EncodeFunction(const FunctionRecord& function) {
  record::Function message;
  message.set_creation(function.creation);
  message.set_active_number(function.active_number);
  message.set_fallback_number(function.fallback_number);
  message.set_next_number(function.next_number);
  message.set_changed_at(function.changed_at);
  if (function.canary) Fill(*function.canary, *message.mutable_canary());
  if (function.promotion) Fill(*function.promotion, *message.mutable_promotion());
  for (const uint64_t number : function.served) message.add_served(number);
  for (const HistoryEvent& event : function.history) Fill(event, *message.add_history());
  return message.SerializeAsString();
}

Result<FunctionRecord> DecodeFunction(std::string name, std::string_view bytes) {
  record::Function message;
  if (!Parse(message, bytes)) return Damaged("function " + name);
  FunctionRecord function;
  function.name = std::move(name);
  function.creation = message.creation();
  function.active_number = message.active_number();
  function.fallback_number = message.fallback_number();
  function.next_number = message.next_number();
  function.changed_at = message.changed_at();
  if (message.has_canary()) {
    const auto sticky = StickyByName(message.canary().sticky_by());
    if (!sticky) return Damaged("function " + function.name);
    function.canary = CanaryFrom(message.canary(), *sticky);
  }
  if (message.has_promotion()) function.promotion = PromotionFrom(message.promotion());
  function.served.assign(message.served().begin(), message.served().end());
  for (const auto& event : message.history()) {
    function.history.push_back({event.at_ns(), event.what(), event.number(), event.share(), event.by(), event.note()});
  }
  return function;
}

std::string EncodeVersion(const FunctionVersion& version) {
  record::Version message;
  message.set_bundle_digest(DigestBytes(version.bundle_digest));
  message.set_bundle_bytes(version.bundle_bytes);
  if (version.code_cache_digest) message.set_code_cache_digest(DigestBytes(*version.code_cache_digest));
  message.set_code_cache_bytes(version.code_cache_bytes);
  message.set_artifact_key(version.artifact_key);
  message.set_main_module(version.main_module);
  message.set_created_ns(version.created_ns);
  message.set_version_id(version.version_id);
  const auto& config = version.config;
  message.set_cpu_per_request_ns(config.limits.cpu_per_request_ns);
  message.set_wall_per_request_ns(config.limits.wall_per_request_ns);
  message.set_startup_cpu_ns(config.limits.startup_cpu_ns);
  message.set_memory_bytes_max(config.limits.memory_bytes_max);
  message.set_nursery_bytes(config.limits.nursery_bytes);
  message.set_request_garbage_bytes(config.limits.request_garbage_bytes);
  for (const auto& [name, value] : config.env) (*message.mutable_env())[name] = value;
  for (const std::string& route : config.routes) message.add_routes(route);
  for (const std::string& host : config.allow_net) message.add_allow_net(host);
  for (const std::string& name : config.secrets) message.add_secrets(name);
  message.set_jit(config.jit);
  message.set_jit_threshold(config.jit_threshold);
  message.set_isolation(config.isolation);
  message.set_author(version.author);
  message.set_message(version.message);
  message.set_based_on(version.based_on);
  if (version.source_map_digest) message.set_source_map_digest(DigestBytes(*version.source_map_digest));
  message.set_source_map_bytes(version.source_map_bytes);
  if (version.snapshot_digest) message.set_snapshot_digest(DigestBytes(*version.snapshot_digest));
  message.set_snapshot_bytes(version.snapshot_bytes);
  message.set_start_reason(version.start_reason);
  message.set_snapshot_policy(static_cast<uint32_t>(version.snapshot_policy));
  return message.SerializeAsString();
}

Result<FunctionVersion> DecodeVersion(VersionName name, std::string_view bytes) {
  record::Version message;
  const std::string what = "version " + std::to_string(name.number) + " of " + name.function;
  if (!Parse(message, bytes)) return Damaged(what);
  const auto bundle = DigestFrom(message.bundle_digest());
  const auto cache = DigestFrom(message.code_cache_digest());
  const auto map = DigestFrom(message.source_map_digest()), snapshot = DigestFrom(message.snapshot_digest());
  if (!bundle || (!cache && !message.code_cache_digest().empty()) || (!map && !message.source_map_digest().empty()) ||
      (!snapshot && !message.snapshot_digest().empty())) {
    return Damaged(what);
  }
  FunctionVersion version;
  version.function = std::move(name.function);
  version.number = name.number;
  version.bundle_digest = *bundle;
  version.bundle_bytes = message.bundle_bytes();
  version.code_cache_digest = cache;
  version.code_cache_bytes = message.code_cache_bytes();
  version.artifact_key = message.artifact_key();
  version.main_module = message.main_module();
  version.created_ns = message.created_ns();
  version.version_id = message.version_id();
  version.config.limits = {message.cpu_per_request_ns(), message.wall_per_request_ns(), message.startup_cpu_ns(),
                           message.memory_bytes_max(), message.nursery_bytes(), message.request_garbage_bytes()};
  version.config.env = {message.env().begin(), message.env().end()};
  version.config.routes = {message.routes().begin(), message.routes().end()};
  version.config.allow_net = {message.allow_net().begin(), message.allow_net().end()};
  version.config.secrets = {message.secrets().begin(), message.secrets().end()};
  version.config.jit = message.jit();
  version.config.jit_threshold = message.jit_threshold();
  version.config.isolation = message.isolation();
  version.author = message.author();
  version.message = message.message();
  version.based_on = message.based_on();
  version.snapshot_digest = snapshot;
  version.snapshot_bytes = message.snapshot_bytes();
  version.start_reason = message.start_reason();
  // One that a newer controller has made up is as good as none.
  if (message.snapshot_policy() <= static_cast<uint32_t>(SnapshotPolicy::kNever)) {
    version.snapshot_policy = static_cast<SnapshotPolicy>(message.snapshot_policy());
  }
  version.source_map_digest = map;
  version.source_map_bytes = message.source_map_bytes();
  return version;
}

}  // namespace zts::store
