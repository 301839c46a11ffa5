#include "base/bytes.h"

#include <limits>

namespace zts {
namespace {

struct Unit {
  std::string_view suffix;
  uint64_t factor;
};

// The longest suffix that ends the text wins, so "ms" is tried before "s".
template <size_t N>
std::optional<uint64_t> ParseWithUnit(std::string_view text, const Unit (&units)[N]) {
  for (const Unit& unit : units) {
    if (!text.ends_with(unit.suffix)) continue;
    const auto number = ParseInteger<uint64_t>(text.substr(0, text.size() - unit.suffix.size()));
    if (!number || *number > std::numeric_limits<uint64_t>::max() / unit.factor) return std::nullopt;
    return *number * unit.factor;
  }
  return std::nullopt;
}

}  // namespace

std::optional<uint64_t> ParseByteSize(std::string_view text) {
  static constexpr Unit kUnits[] = {
      {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}, {"B", 1}, {"", 1}};
  return ParseWithUnit(text, kUnits);
}

std::optional<int64_t> ParseDurationNs(std::string_view text) {
  static constexpr Unit kUnits[] = {
      {"ns", 1}, {"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000},
      {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};
  const auto value = ParseWithUnit(text, kUnits);
  if (!value || *value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
  return static_cast<int64_t>(*value);
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (ToLowerAscii(a[i]) != ToLowerAscii(b[i])) return false;
  }
  return true;
}

}  // namespace zts
