#include "cli/text.h"

#include <time.h>

#include <algorithm>
#include <cstdio>

namespace zts::cli {
namespace {

template <typename... Args>
std::string Printf(const char* format, Args... args) {
  char buffer[128];
  const int length = std::snprintf(buffer, sizeof buffer, format, args...);
  return std::string(buffer, std::min<size_t>(static_cast<size_t>(length), sizeof buffer - 1));
}

int MillisOf(Nanos wall) { return static_cast<int>(wall / kMillisecond % 1000); }

bool IsControl(unsigned char c) { return c < 0x20 || c == 0x7F; }

// U+0080..U+009F are control characters too; 0x9B alone starts an escape sequence on some terminals.
bool IsC1(std::string_view text, size_t at) {
  return static_cast<unsigned char>(text[at]) == 0xC2 && at + 1 < text.size() &&
         static_cast<unsigned char>(text[at + 1]) < 0xA0;
}

}  // namespace

std::string FormatBytes(uint64_t bytes) {
  if (bytes < 1024) return Printf("%llu B", static_cast<unsigned long long>(bytes));
  static constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  return Printf("%.1f %s", value, kUnits[unit]);
}

std::string FormatAge(Nanos age) {
  const int64_t seconds = age / kSecond;
  if (seconds < 1) return "just now";
  if (seconds < 120) return Printf("%llds", static_cast<long long>(seconds));
  if (seconds < 2 * 3600) return Printf("%lldm", static_cast<long long>(seconds / 60));
  if (seconds < 2 * 86400) return Printf("%lldh", static_cast<long long>(seconds / 3600));
  return Printf("%lldd", static_cast<long long>(seconds / 86400));
}

std::string FormatTimestamp(Nanos wall) {
  const time_t seconds = static_cast<time_t>(wall / kSecond);
  tm parts;
  gmtime_r(&seconds, &parts);
  char date[32];
  strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
  return Printf("%s.%03dZ", date, MillisOf(wall));
}

std::string FormatClock(Nanos wall) {
  const time_t seconds = static_cast<time_t>(wall / kSecond);
  tm parts;
  localtime_r(&seconds, &parts);
  return Printf("%02d:%02d:%02d.%03d", parts.tm_hour, parts.tm_min, parts.tm_sec, MillisOf(wall));
}

std::string FormatMilliseconds(Nanos duration) {
  const double ms = static_cast<double>(duration) / static_cast<double>(kMillisecond);
  return Printf(ms < 9.995 ? "%.2f" : ms < 99.95 ? "%.1f" : "%.0f", ms);
}

std::string Printable(std::string_view text, Newlines newlines) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\t' || (c == '\n' && newlines == Newlines::kKeep)) {
      out += text[i];
    } else if (c == '\n') {
      out += "\\n";
    } else if (IsControl(c)) {
      out += Printf("\\x%02x", c);
    } else if (IsC1(text, i)) {
      out += Printf("\\x%02x", static_cast<unsigned char>(text[++i]));
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string RenderTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace zts::cli
