#include "worker/supervisor/engine_messages.h"

namespace zts::supervisor {
namespace {

// As route::Sticky counts.
uint32_t StickyNumber(const std::string& by) { return by == "header" ? 1 : by == "cookie" ? 2 : by == "ip" ? 3 : 0; }

}  // namespace

ipc::ToEngine ToMessage(const FunctionSpec& spec, const std::string& artifact_key) {
  ipc::ToEngine message;
  ipc::AddFunction* add = message.mutable_add_function();
  add->set_version_id(spec.version_id);
  add->set_function(spec.function);
  add->set_number(spec.number);
  add->set_main_module(spec.main_module);
  add->set_source_bytes(spec.source_bytes);
  add->set_code_cache_bytes(spec.artifact_key == artifact_key ? spec.code_cache_bytes : 0);
  if (spec.artifact_key == artifact_key) {
    add->set_snapshot_at(spec.snapshot_at);
    add->set_snapshot_bytes(spec.snapshot_bytes);
  }
  add->set_cpu_per_request_ns(spec.cpu_per_request);
  add->set_wall_per_request_ns(spec.wall_per_request);
  add->set_startup_cpu_ns(spec.startup_cpu);
  add->set_memory_bytes_max(spec.memory_bytes_max);
  add->set_nursery_bytes(spec.nursery_bytes);
  add->set_request_garbage_bytes(spec.request_garbage_bytes);
  for (const auto& [name, value] : spec.env) {
    ipc::EnvVar* variable = add->add_env();
    variable->set_name(name);
    variable->set_value(value);
  }
  for (const std::string& route : spec.routes) add->add_routes(route);
  return message;
}

ipc::ToEngine ToMessageAway(const FunctionSpec& spec, uint32_t engine_class) {
  ipc::ToEngine message;
  ipc::AddFunction* add = message.mutable_add_function();
  add->set_version_id(spec.version_id);
  add->set_function(spec.function);
  add->set_number(spec.number);
  add->set_engine_class(engine_class);
  add->set_wall_per_request_ns(spec.wall_per_request);
  for (const std::string& route : spec.routes) add->add_routes(route);
  return message;
}

ipc::Split ToMessage(const SplitSpec& split) {
  ipc::Split message;
  message.set_active(split.active->version_id);
  message.set_canary(split.canary->version_id);
  message.set_share(split.share);
  message.set_sticky(StickyNumber(split.sticky_by));
  message.set_sticky_name(split.sticky_name);
  return message;
}

}  // namespace zts::supervisor
