#include "cli/share.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/bytes.h"

namespace zts::cli {
namespace {

constexpr uint32_t kWhole = 10'000;
constexpr double kWholePercent = 100;

std::vector<std::string_view> SplitAtCommas(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

Error BadObjective(std::string_view text) {
  return Invalid("'" + std::string(text) + "' is no objective; write them as p99<50ms,errors<1%,cold<5%");
}

}  // namespace

Result<uint32_t> ParseShare(std::string_view text) {
  const Error bad = Invalid("'" + std::string(text) + "' is no share of the requests; write 10% or 0.5%, at most 100%");
  std::string number(text);
  if (!number.empty() && number.back() == '%') number.pop_back();
  if (number.empty() || number.find_first_not_of("0123456789.") != std::string::npos) return bad;
  char* end = nullptr;
  const double percent = std::strtod(number.c_str(), &end);
  const double parts = percent / kWholePercent * kWhole;
  if (*end != '\0' || percent > kWholePercent || std::abs(parts - std::round(parts)) > 1e-6) return bad;
  return static_cast<uint32_t>(std::lround(parts));
}

std::string FormatShare(uint32_t share) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g%%", share * kWholePercent / kWhole);
  return text;
}

Status ParseSticky(std::string_view text, Share& share) {
  const size_t colon = text.find(':');
  const std::string_view by = text.substr(0, colon);
  const std::string_view name = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  const bool named = by == "header" || by == "cookie";
  if (text.empty() || text == "none") return {};
  if ((!named && text != "ip") || (named && name.empty())) {
    return Invalid("--sticky " + std::string(text) + ": write header:NAME, cookie:NAME, ip or none");
  }
  share.sticky_by = by;
  share.sticky_name = name;
  return {};
}

Result<std::vector<uint32_t>> ParseSteps(std::string_view text) {
  std::vector<uint32_t> steps;
  for (const std::string_view part : SplitAtCommas(text)) {
    ZTS_ASSIGN_OR_RETURN(const uint32_t share, ParseShare(part));
    const bool grows = share > 0 && (steps.empty() || share > steps.back());
    if (!grows) return Invalid("--steps " + std::string(text) + ": write growing shares, as 1,5,25,50,100");
    steps.push_back(share);
  }
  if (steps.size() < 2 || steps.back() != kWhole) return Invalid("--steps " + std::string(text) + ": the last of two or more steps is 100");
  return steps;
}

Status ParseSlo(std::string_view text, PromotionSpec& promotion) {
  for (const std::string_view part : SplitAtCommas(text)) {
    const size_t sign = part.find('<');
    if (sign == std::string_view::npos) return BadObjective(part);
    const std::string_view what = part.substr(0, sign), bound = part.substr(sign + 1);
    if (what == "p99") {
      const auto time = ParseDurationNs(bound);
      if (!time || *time <= 0) return BadObjective(part);
      promotion.p99_max = *time;
    } else if (what == "errors" || what == "cold") {
      const auto share = ParseShare(bound);
      if (!share.ok() || *share == 0) return BadObjective(part);
      (what == "errors" ? promotion.error_rate_max : promotion.cold_rate_max) = static_cast<double>(*share) / kWhole;
    } else {
      return BadObjective(part);
    }
  }
  return {};
}

}  // namespace zts::cli
