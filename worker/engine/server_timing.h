// A cold start as a response's Server-Timing field (W3C Server Timing, 3): where the time went that the client has waited, in milliseconds.
//
// Only for functions whose owner has asked for it (runtime::kServerTimingVariable): how long a module takes, and that a version is new on
// this worker, is nobody else's to know.
//
// Thread:   any.
#pragma once

#include <string>

#include "worker/engine/runtime/pool.h"

namespace zts {

// "server-timing: queue;dur=0.012, ...\r\n". The phases' names are those of zts_cold_start_seconds; `total` says what was found:
// an isolate (spare or fresh) and code (cached or source).
std::string ServerTimingLine(const runtime::ColdTimes& times);

}  // namespace zts
