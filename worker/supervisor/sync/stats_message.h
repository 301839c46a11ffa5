// Functions' figures of one step as the controller is told them.
//
// Thread:   any.
#pragma once

#include <vector>

#include "worker/supervisor/function_windows.h"
#include "zts/v1/stats.pb.h"

namespace zts::supervisor {

v1::WorkerStats ToMessage(const std::vector<FunctionStep>& steps, Nanos window);

}  // namespace zts::supervisor
