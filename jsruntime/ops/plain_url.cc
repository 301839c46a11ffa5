#include "jsruntime/ops/plain_url.h"

#include <array>
#include <cstdint>

namespace zts::js {
namespace {

enum CharClass : uint8_t {
  kHost = 1,   // stands for itself in a domain: lower-case letters, digits, hyphen, dot
  kPath = 2,   // neither escaped nor a delimiter in a path (URL standard 1.3, path percent-encode set); no '.', no '%'
  kQuery = 4,  // likewise in the query of a special URL
  kHash = 8,   // likewise in a fragment
};

constexpr std::array<uint8_t, 256> MakeClasses() {
  std::array<uint8_t, 256> classes{};
  for (int c = 0x21; c < 0x7f; ++c) {
    const char ch = static_cast<char>(c);
    uint8_t bits = 0;
    if ((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '-' || ch == '.') bits |= kHost;
    if (std::string_view("\"#<>?`{}^\\.%").find(ch) == std::string_view::npos) bits |= kPath;
    if (std::string_view("\"#<>'").find(ch) == std::string_view::npos) bits |= kQuery;
    if (std::string_view("\"<>`").find(ch) == std::string_view::npos) bits |= kHash;
    classes[static_cast<size_t>(c)] = bits;
  }
  return classes;
}
constexpr std::array<uint8_t, 256> kClasses = MakeClasses();

constexpr bool Is(char c, CharClass wanted) { return (kClasses[static_cast<uint8_t>(c)] & wanted) != 0; }
constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }

size_t SkipWhile(std::string_view text, size_t at, CharClass wanted) {
  while (at < text.size() && Is(text[at], wanted)) ++at;
  return at;
}

// "192.168.0.1": four decimal numbers as the standard's serializer writes them.
bool IsPlainIpv4(std::string_view host) {
  size_t at = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && (at >= host.size() || host[at++] != '.')) return false;
    const size_t first = at;
    uint32_t value = 0;
    while (at < host.size() && IsDigit(host[at]) && at - first < 3) value = value * 10 + static_cast<uint32_t>(host[at++] - '0');
    if (at == first || value > 255 || (host[first] == '0' && at - first > 1)) return false;
  }
  return at == host.size();
}

// A domain that needs neither IDNA nor the IPv4 parser: no punycode, no empty label, last label not started by a digit
// (or a plain IPv4 address).
bool IsPlainDomain(std::string_view host) {
  if (host.empty() || host.front() == '.' || host.back() == '.') return false;
  if (host.find("..") != host.npos || host.find("xn--") != host.npos) return false;
  const size_t last_dot = host.rfind('.');
  return !IsDigit(host[last_dot == host.npos ? 0 : last_dot + 1]) || IsPlainIpv4(host);
}

// The end of the path that starts at `at`, or 0 where it has a dot segment (or could have one) to resolve.
size_t PathEnd(std::string_view text, size_t at) {
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (Is(c, kPath)) continue;
    if (c == '.') {
      if (text[at - 1] == '/') return 0;
    } else if (c == '%') {
      if (at + 2 < text.size() && text[at + 1] == '2' && (text[at + 2] | 0x20) == 'e') return 0;
    } else {
      return c == '?' || c == '#' ? at : 0;
    }
  }
  return at;
}

// Reads ":8080" at `*at`; false where the canonical form would write it differently or leave it out.
bool ReadPort(std::string_view text, uint32_t default_port, size_t* at, uint32_t* port) {
  size_t i = *at + 1;
  const size_t first = i;
  uint32_t value = 0;
  for (; i < text.size() && IsDigit(text[i]) && i - first < 5; ++i) value = value * 10 + static_cast<uint32_t>(text[i] - '0');
  if (i == first || text[first] == '0' || value > 65535 || value == default_port) return false;
  *at = i;
  *port = value;
  return true;
}

}  // namespace

bool ParsePlainUrl(std::string_view input, ada_url_components* parts) {
  uint32_t default_port = 80;
  size_t at = 7;
  if (input.substr(0, 7) != "http://") {
    if (input.substr(0, 8) != "https://") return false;
    at = 8;
    default_port = 443;
  }
  const size_t host_start = at;
  at = SkipWhile(input, at, kHost);
  const size_t host_end = at;
  if (at == input.size() || !IsPlainDomain(input.substr(host_start, host_end - host_start))) return false;
  uint32_t port = kAdaOmitted;
  if (input[at] == ':' && !ReadPort(input, default_port, &at, &port)) return false;
  if (at == input.size() || input[at] != '/') return false;

  const size_t path_start = at;
  at = PathEnd(input, at);
  if (at == 0) return false;
  uint32_t search = kAdaOmitted;
  if (at < input.size() && input[at] == '?') {
    search = static_cast<uint32_t>(at);
    at = SkipWhile(input, at + 1, kQuery);
  }
  uint32_t hash = kAdaOmitted;
  if (at < input.size() && input[at] == '#') {
    hash = static_cast<uint32_t>(at);
    at = SkipWhile(input, at + 1, kHash);
  }
  if (at != input.size()) return false;

  // ada counts the two slashes as part of what precedes the user name, and none of it as the protocol.
  const auto host = static_cast<uint32_t>(host_start);
  *parts = {host - 2, host, host, static_cast<uint32_t>(host_end), port, static_cast<uint32_t>(path_start), search, hash};
  return true;
}

}  // namespace zts::js
