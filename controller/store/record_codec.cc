#include "controller/store/record_codec.h"

#include <algorithm>
#include <optional>

#include "controller/store/records.pb.h"

namespace zts::store {
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
  for (const auto& [name, value] : config.env) (*message.mutable_env())[name] = value;
  for (const std::string& route : config.routes) message.add_routes(route);
  for (const std::string& host : config.allow_net) message.add_allow_net(host);
  return message.SerializeAsString();
}

Result<FunctionVersion> DecodeVersion(VersionName name, std::string_view bytes) {
  record::Version message;
  const std::string what = "version " + std::to_string(name.number) + " of " + name.function;
  if (!Parse(message, bytes)) return Damaged(what);
  const auto bundle = DigestFrom(message.bundle_digest());
  const auto cache = DigestFrom(message.code_cache_digest());
  if (!bundle || (!cache && !message.code_cache_digest().empty())) return Damaged(what);
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
                           message.memory_bytes_max()};
  version.config.env = {message.env().begin(), message.env().end()};
  version.config.routes = {message.routes().begin(), message.routes().end()};
  version.config.allow_net = {message.allow_net().begin(), message.allow_net().end()};
  return version;
}

}  // namespace zts::store
