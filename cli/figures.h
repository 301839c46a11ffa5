// A function's figures as people and programs read them.
//
// Thread:   any.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "cli/client.h"

namespace zts::cli {

nlohmann::json JsonOf(const Figures& figures);
// "12.3", "1234": as many digits as say something.
std::string FormatRate(double per_second);
// Of answers; "-" when there was none.
std::string FormatLatency(Nanos latency);

}  // namespace zts::cli
