#include "worker/supervisor/engine_feed.h"

#include "worker/supervisor/engine_messages.h"

namespace zts::supervisor {

bool EngineFeed::SendCatalog(const CatalogSpec& catalog, const std::vector<uint64_t>& warm, const std::string& artifact_key) {
  ipc::ToEngine message;
  ipc::Prepare* prepare = message.mutable_prepare();
  prepare->set_catalog_version(catalog.version);
  named_.clear();
  for (const FunctionSpecPtr& spec : catalog.functions) {
    const auto engine_class = world_.class_of(*spec);
    if (!engine_class) continue;
    if (!SendOnce(*spec, *engine_class, artifact_key)) return false;
    prepare->add_version_ids(spec->version_id);
  }
  if (!SendBesides(catalog, artifact_key, *prepare)) return false;
  for (uint64_t version_id : warm) {
    if (known_.count(version_id) > 0) prepare->add_warm(version_id);
  }
  return world_.send(message, -1);
}

// A canary that is left out leaves its share to the active version.
bool EngineFeed::SendBesides(const CatalogSpec& catalog, const std::string& artifact_key, ipc::Prepare& prepare) {
  for (const SplitSpec& split : catalog.splits) {
    const auto engine_class = world_.class_of(*split.canary);
    if (!engine_class || !world_.class_of(*split.active)) continue;
    if (!SendOnce(*split.canary, *engine_class, artifact_key)) return false;
    prepare.add_besides(split.canary->version_id);
    ipc::Split& message = *prepare.add_splits();
    message = ToMessage(split);
    message.set_active_row(world_.version_rows->Assign(*split.active));
    message.set_canary_row(world_.version_rows->Assign(*split.canary));
  }
  for (const FunctionSpecPtr& spec : catalog.standby) {
    const auto engine_class = world_.class_of(*spec);
    if (!engine_class) continue;
    if (!SendOnce(*spec, *engine_class, artifact_key)) return false;
    prepare.add_besides(spec->version_id);
  }
  return true;
}

bool EngineFeed::SendOnce(const FunctionSpec& spec, uint32_t engine_class, const std::string& artifact_key) {
  named_.insert(spec.version_id);
  if (!known_.insert(spec.version_id).second) return true;
  ipc::ToEngine message = engine_class == 0 ? ToMessage(spec, artifact_key) : ToMessageAway(spec, engine_class);
  message.mutable_add_function()->set_counter_row(world_.rows->Assign(spec.function));
  world_.names->Remember(spec, known_);
  if (engine_class != 0) return world_.send(message, -1);
  if (world_.egress != nullptr) world_.egress->AddFunction(spec);
  return world_.send(message, spec.content.get());
}

void EngineFeed::Committed() {
  known_ = named_;
  held_ = named_;
}

void EngineFeed::Aborted() { known_ = held_; }

void EngineFeed::Clear() {
  known_.clear();
  named_.clear();
  held_.clear();
}

}  // namespace zts::supervisor
