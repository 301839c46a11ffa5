#include "controller/validate.h"

#include <algorithm>
#include <functional>

#include "base/bytes.h"
#include "base/host_pattern.h"
#include "base/utf8.h"
#include "controller/limits.h"

namespace zts::controller {
namespace {

Error Exhausted(std::string message) { return {ErrorCode::kExhausted, std::move(message)}; }

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlnum(char c) { return IsLower(c) || IsDigit(c) || (c >= 'A' && c <= 'Z'); }

// For messages: control characters shown, long text cut.
std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text.substr(0, 80)) quoted += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return quoted + (text.size() > 80 ? "...'" : "'");
}

bool IsHostLabel(std::string_view label) {
  if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(), [](char c) { return IsAlnum(c) || c == '-' || c == '_'; });
}

bool IsNameLabel(std::string_view name) {
  const bool characters = std::all_of(name.begin(), name.end(), [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
  return !name.empty() && name.size() <= kFunctionNameBytesMax && characters && IsLower(name.front()) && name.back() != '-';
}

bool IsHostName(std::string_view host) {
  if (host.empty() || host.size() > kHostBytesMax) return false;
  for (size_t begin = 0; begin <= host.size();) {
    const size_t end = std::min(host.find('.', begin), host.size());
    if (!IsHostLabel(host.substr(begin, end - begin))) return false;
    begin = end + 1;
  }
  return true;
}

// A literal in brackets: hex groups and colons; the connecting side reads it exactly.
bool IsPathCharacter(char c) { return IsAlnum(c) || std::string_view("-._~!$&'()*+,;=:@").find(c) != std::string_view::npos; }

// Segments of plain characters: requests are matched byte by byte, so a path that could be written in two ways is refused.
Status ValidateRoutePath(std::string_view path, std::string_view text) {
  for (size_t begin = 1; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment.empty()) return Invalid("route " + Quoted(text) + " has an empty path segment ('//')");
    if (segment == "." || segment == "..") return Invalid("route " + Quoted(text) + " has a '.' or '..' segment");
    if (!std::all_of(segment.begin(), segment.end(), IsPathCharacter)) {
      return Invalid("route " + Quoted(text) + " has a character that a path cannot have as it is; no '%', '?', '#' or blanks");
    }
    begin = end + 1;
  }
  return {};
}

struct Range {
  const char* name;
  int64_t value;
  int64_t min;
  int64_t max;
};

std::string InMilliseconds(Nanos value) { return std::to_string(value / kMillisecond) + " ms"; }

std::string InKib(uint64_t bytes) { return std::to_string(bytes >> 10) + " KiB"; }

Status ValidateNursery(const VersionLimits& limits) {
  const uint64_t memory = limits.memory_bytes_max == 0 ? kMemoryBytesDefault : limits.memory_bytes_max;
  const uint64_t nursery = limits.nursery_bytes, garbage = limits.request_garbage_bytes;
  const uint64_t nursery_max = std::min(kNurseryBytesMax, memory / 8);
  if (nursery != 0 && (nursery < kNurseryBytesMin || nursery > nursery_max)) {
    return Invalid("the nursery must be between " + InKib(kNurseryBytesMin) + " and " + InKib(nursery_max) +
                   ", an eighth of the memory limit, or 0 for the default");
  }
  if (garbage == 0) return {};
  const uint64_t garbage_max = nursery != 0 ? nursery / kNurseryRequestsMin : nursery_max / kNurseryRequests;
  if (garbage >= kRequestGarbageBytesMin && garbage <= garbage_max) return {};
  const std::string why = nursery != 0 ? "half of the nursery" : "a fifth of the largest nursery, which is an eighth of the memory limit";
  return Invalid("the garbage of a request must be between " + InKib(kRequestGarbageBytesMin) + " and " + InKib(garbage_max) + ", " + why +
                 ", or 0 where it is not known");
}

Status ValidateLimits(const VersionLimits& limits) {
  const Range ranges[] = {
      {"CPU time a request", limits.cpu_per_request_ns, kCpuPerRequestMin, kCpuPerRequestMax},
      {"wall time a request", limits.wall_per_request_ns, kWallPerRequestMin, kWallPerRequestMax},
      {"startup CPU time", limits.startup_cpu_ns, kStartupCpuMin, kStartupCpuMax},
  };
  for (const Range& range : ranges) {
    if (range.value == 0 || (range.value >= range.min && range.value <= range.max)) continue;
    return Invalid("the limit of " + std::string(range.name) + " must be between " + InMilliseconds(range.min) + " and " +
                   InMilliseconds(range.max) + ", or 0 for the default");
  }
  const uint64_t memory = limits.memory_bytes_max;
  if (memory != 0 && (memory < kMemoryBytesMin || memory > kMemoryBytesMax)) {
    return Invalid("the memory limit must be between " + std::to_string(kMemoryBytesMin >> 20) + " MiB and " +
                   std::to_string(kMemoryBytesMax >> 20) + " MiB, or 0 for the default");
  }
  return ValidateNursery(limits);
}

bool IsEnvName(std::string_view name) {
  if (name.empty() || IsDigit(name.front())) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return IsAlnum(c) || c == '_'; });
}

Status ValidateEnv(const std::map<std::string, std::string>& env) {
  if (env.size() > kEnvCountMax) return Exhausted("the environment has more than " + std::to_string(kEnvCountMax) + " variables");
  size_t bytes = 0;
  for (const auto& [name, value] : env) {
    if (!IsEnvName(name) || name.size() > kEnvNameBytesMax) {
      return Invalid("environment variable " + Quoted(name) +
                     " needs a name of letters, digits and '_', not starting with a digit, of at most " +
                     std::to_string(kEnvNameBytesMax) + " bytes");
    }
    if (value.find('\0') != std::string::npos) return Invalid("the value of environment variable " + name + " contains a NUL byte");
    bytes += name.size() + value.size();
  }
  if (bytes > kEnvBytesMax) {
    return Exhausted("the environment is " + std::to_string(bytes) + " bytes; at most " + std::to_string(kEnvBytesMax) +
                     " are allowed: keep data in the bundle or in a store");
  }
  return {};
}

// Brings them into order.
Status NormalizeSecrets(std::vector<std::string>& names, const std::map<std::string, std::string>& env) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.size() > kEnvCountMax) return Exhausted("more than " + std::to_string(kEnvCountMax) + " secrets are named");
  for (const std::string& name : names) {
    if (!IsEnvName(name) || name.size() > kEnvNameBytesMax) {
      return Invalid("secret " + Quoted(name) + " needs the name of one: letters, digits and '_', not starting with a digit, at most " +
                     std::to_string(kEnvNameBytesMax) + " bytes; 'ztsctl secret set' gives it its value");
    }
    if (env.count(name) != 0) return Invalid(Quoted(name) + " is named as a secret and given as a variable; leave one out");
  }
  return {};
}

Status ValidateAllowNet(const std::vector<std::string>& hosts) {
  if (hosts.size() > kAllowNetMax) return Exhausted("more than " + std::to_string(kAllowNetMax) + " allowed hosts");
  for (const std::string& entry : hosts) {
    auto pattern = HostPattern::Parse(entry);
    if (!pattern.ok()) return std::move(pattern).error();
  }
  return {};
}

Status NormalizeRoutes(std::vector<std::string>& routes) {
  if (routes.size() > kRoutesPerFunctionMax) {
    return Exhausted("more than " + std::to_string(kRoutesPerFunctionMax) + " routes");
  }
  for (std::string& route : routes) {
    ZTS_ASSIGN_OR_RETURN(route, NormalizeRoute(route));
  }
  std::sort(routes.begin(), routes.end());
  const auto twice = std::adjacent_find(routes.begin(), routes.end());
  if (twice != routes.end()) return Invalid("route " + Quoted(*twice) + " is given twice");
  return {};
}

}  // namespace

Status ValidateFunctionName(std::string_view name) {
  const size_t dot = std::min(name.find('.'), name.size());
  const std::string_view name_space = dot < name.size() ? name.substr(dot + 1) : "other";
  if (!IsNameLabel(name.substr(0, dot)) || !IsNameLabel(name_space)) {
    return Invalid("function name " + Quoted(name) + " must be 1 to " + std::to_string(kFunctionNameBytesMax) +
                   " lower-case letters, digits or '-', start with a letter and not end with '-'; with a namespace NAME.NAMESPACE");
  }
  // One function, one name.
  if (name_space == "default") {
    return Invalid("functions of the default namespace are called by their name alone: " + Quoted(name.substr(0, dot)));
  }
  return {};
}

Status ValidateMainModule(std::string_view name) {
  const bool printable =
      std::none_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (name.empty() || name.size() > kMainModuleBytesMax || !printable || !ValidateUtf8(name).ok()) {
    return Invalid("main module name " + Quoted(name) + " must be 1 to " + std::to_string(kMainModuleBytesMax) +
                   " bytes on one line, as in 'hello.js'");
  }
  return {};
}

Result<std::string> NormalizeRoute(std::string_view text) {
  if (text.empty() || text.size() > kRouteBytesMax) {
    return Invalid("route " + Quoted(text) + " must be 1 to " + std::to_string(kRouteBytesMax) + " bytes: HOST, HOST/PATH or /PATH");
  }
  const size_t slash = std::min(text.find('/'), text.size());
  std::string host(text.substr(0, slash));
  std::string_view path = slash < text.size() ? text.substr(slash) : "/";
  if (!host.empty() && !IsHostName(host)) {
    return Invalid("route " + Quoted(text) + ": " + Quoted(host) +
                   " is no host name; write HOST, HOST/PATH or /PATH, without scheme and port");
  }
  while (path.size() > 1 && path.ends_with('/') && !path.ends_with("//")) path.remove_suffix(1);
  ZTS_RETURN_IF_ERROR(ValidateRoutePath(path, text));
  std::transform(host.begin(), host.end(), host.begin(), ToLowerAscii);
  return host.append(path);
}

namespace {

Status ValidateEngine(const VersionConfig& config) {
  if (!config.jit.empty() && config.jit != "disabled" && config.jit != "lazy" && config.jit != "eager") {
    return Invalid("the JIT policy is disabled, lazy or eager, not " + Quoted(config.jit));
  }
  if (config.jit_threshold > kJitThresholdMax) {
    return Invalid("a JIT threshold is 1 to " + std::to_string(kJitThresholdMax) + " calls, or 0 for the policy's own");
  }
  if (config.jit_threshold > 0 && config.jit.empty()) return Invalid("a JIT threshold needs a JIT policy");
  if (config.jit_threshold > 0 && config.jit == "disabled") return Invalid("with the JIT policy disabled there is no threshold");
  if (!config.isolation.empty() && config.isolation != "process") {
    return Invalid("the isolation is process, or empty, not " + Quoted(config.isolation));
  }
  return {};
}

}  // namespace

Status ValidateConfig(VersionConfig& config) {
  ZTS_RETURN_IF_ERROR(ValidateEngine(config));
  ZTS_RETURN_IF_ERROR(ValidateLimits(config.limits));
  ZTS_RETURN_IF_ERROR(ValidateEnv(config.env));
  ZTS_RETURN_IF_ERROR(NormalizeRoutes(config.routes));
  ZTS_RETURN_IF_ERROR(NormalizeSecrets(config.secrets, config.env));
  return ValidateAllowNet(config.allow_net);
}

Status ValidateSticky(Sticky& sticky) {
  const bool named = sticky.by == Sticky::By::kHeader || sticky.by == Sticky::By::kCookie;
  if (!named) {
    if (!sticky.name.empty()) return Invalid("only a header or a cookie has a name: header:NAME or cookie:NAME");
    return {};
  }
  if (sticky.name.empty() || sticky.name.size() > kStickyNameBytesMax) {
    return Invalid("the header or cookie that keeps clients with a version needs a name of 1 to " + std::to_string(kStickyNameBytesMax) +
                   " bytes");
  }
  // RFC 9110 5.6.2 and RFC 6265 4.1.1: both are tokens.
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  for (const char c : sticky.name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && kMarks.find(c) == std::string_view::npos) return Invalid("'" + sticky.name + "' is no name of a header or cookie");
  }
  if (sticky.by == Sticky::By::kHeader) {
    for (char& c : sticky.name) c = ToLowerAscii(c);
  }
  return {};
}

Status ValidatePromotion(Promotion& promotion) {
  const std::vector<uint32_t>& steps = promotion.steps;
  if (steps.size() < 2 || steps.size() > kPromotionStepsMax) {
    return Invalid("a promotion has 2 to " + std::to_string(kPromotionStepsMax) + " steps");
  }
  const bool grow = std::adjacent_find(steps.begin(), steps.end(), std::greater_equal<>()) == steps.end();
  if (!grow || steps.front() == 0 || steps.back() != kWholeShare) {
    return Invalid("the steps of a promotion grow, from more than 0% to 100%");
  }
  if (promotion.step_time == 0) promotion.step_time = kStepTimeDefault;
  if (promotion.step_time < kStepTimeMin || promotion.step_time > kStepTimeMax) return Invalid("a step takes 1 s to 24 h");
  if (promotion.samples_min == 0) promotion.samples_min = kSamplesMinDefault;
  if (promotion.samples_min > kSamplesMinMax) return Invalid("a step needs at most " + std::to_string(kSamplesMinMax) + " requests");
  Slo& slo = promotion.slo;
  if (slo.factor == 0) slo.factor = Slo().factor;
  const auto is_rate = [](double rate) { return rate >= 0 && rate <= 1; };
  if (slo.p99_max < 0 || !is_rate(slo.error_rate_max) || !is_rate(slo.cold_rate_max) || !(slo.factor >= 1 && slo.factor <= 100)) {
    return Invalid("an objective is a time, or a rate from 0% to 100%, and the factor is from 1 to 100");
  }
  return {};
}

std::string OneLine(std::string_view text, size_t bytes_max) {
  std::string line(text.substr(0, bytes_max));
  // Not in the middle of a character.
  if (text.size() > bytes_max) {
    while (!line.empty() && (static_cast<unsigned char>(text[line.size()]) & 0xc0) == 0x80) line.pop_back();
  }
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

Status ValidateBundleSize(uint64_t bytes) {
  if (bytes == 0) return Invalid("the bundle is empty; it must be one ES module with a default export");
  if (bytes > kBundleBytesMax) {
    return Exhausted("the bundle is " + std::to_string(bytes) + " bytes; at most " + std::to_string(kBundleBytesMax) +
                     " are allowed: minify it, or leave out what is not needed");
  }
  return {};
}

}  // namespace zts::controller
