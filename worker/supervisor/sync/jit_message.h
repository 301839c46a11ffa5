// What V8 has made of a function's code here, as the controller is told.
//
// Thread:   a pure function.
#pragma once

#include <cstdint>

#include "worker/supervisor/jit_survey.h"
#include "zts/v1/stats.pb.h"

namespace zts::supervisor {

v1::WorkerJit ToMessage(uint64_t id, const JitSurvey& survey);

}  // namespace zts::supervisor
