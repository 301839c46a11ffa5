// What people write about canaries: shares, what clients are kept by, objectives.
//
// Thread:   pure functions.
// Errors:   kInvalid, with an example of how to write it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cli/client.h"

namespace zts::cli {

// "10%", "10", "0.5%": in ten thousandths. Finer than 0.01% is refused.
Result<uint32_t> ParseShare(std::string_view text);
// "10%": as short as it goes.
std::string FormatShare(uint32_t share);
// "header:NAME", "cookie:NAME", "ip", "none".
Status ParseSticky(std::string_view text, Share& share);
// "1,5,25,50,100".
Result<std::vector<uint32_t>> ParseSteps(std::string_view text);
// "p99<50ms,errors<1%,cold<5%": any of the three.
Status ParseSlo(std::string_view text, PromotionSpec& promotion);

}  // namespace zts::cli
