// What one thread tells of its functions' code, for the supervisor.
//
// Thread:   a pure function.
#pragma once

#include <cstdint>
#include <vector>

#include "worker/engine/jit_survey.h"
#include "worker/ipc/engine.pb.h"

namespace zts {

ipc::FromEngine ToMessage(uint64_t id, uint32_t thread, const std::vector<VersionJit>& versions);

}  // namespace zts
