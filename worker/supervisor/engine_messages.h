// What an engine is told of functions, as messages.
//
// Thread:   pure functions.
#pragma once

#include <string>

#include "worker/ipc/engine.pb.h"
#include "worker/supervisor/function_spec.h"

namespace zts::supervisor {

// The engine's code caches are those with this key; a version with another one is sent without. The counter row is the caller's to set.
ipc::ToEngine ToMessage(const FunctionSpec& spec, const std::string& artifact_key);
// Of a version that the engine of this class runs: where it leads and how long it may take. The descriptor stays away too.
ipc::ToEngine ToMessageAway(const FunctionSpec& spec, uint32_t engine_class);
// Without rows.
ipc::Split ToMessage(const SplitSpec& split);

}  // namespace zts::supervisor
