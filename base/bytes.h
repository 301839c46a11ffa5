// Spans of bytes, and integers read from text strictly.
//
// Thread:   pure functions.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace zts {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view AsText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The whole text as a number without sign, blanks, prefix or overflow; nothing else is a number.
template <typename Integer = uint64_t>
std::optional<Integer> ParseInteger(std::string_view text, int base = 10) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// FNV-1a, 64 bits: tells texts apart that nobody makes alike on purpose.
constexpr uint64_t HashOf(std::string_view text) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

// "64KiB", "256MiB", "1GiB", "4096": a size in bytes; none where the text is anything else or overflows.
std::optional<uint64_t> ParseByteSize(std::string_view text);

// "20s", "500ms", "100us", "2m": a duration in nanoseconds; none where the text is anything else or overflows.
std::optional<int64_t> ParseDurationNs(std::string_view text);

// ASCII only, as HTTP and host names want it; never the locale's idea.
constexpr char ToLowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

}  // namespace zts
