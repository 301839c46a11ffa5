#include "base/host_pattern.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.h"

namespace zts {
namespace {

constexpr size_t kNameBytesMax = 253;  // RFC 1035 2.3.4
constexpr size_t kLabelBytesMax = 63;
constexpr std::string_view kForm = "; write HOST, ADDRESS or ADDRESS/BITS, with :PORT or without, IPv6 in brackets";

bool IsLabel(std::string_view label) {
  const auto fits = [](char c) {
    const char lower = ToLowerAscii(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !label.empty() && label.size() <= kLabelBytesMax && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), fits);
}

// RFC 1123 2.1, and underscores, which resolvers take. What is all digits at its end would be an address (WHATWG URL 3.5).
bool IsHostName(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax) return false;
  std::string_view last;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('.', begin), name.size());
    last = name.substr(begin, end - begin);
    if (!IsLabel(last)) return false;
    begin = end + 1;
  }
  return !std::all_of(last.begin(), last.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Error Wrong(std::string_view text, std::string_view why) {
  return Invalid("allowed host '" + std::string(text.substr(0, 80)) + "' " + std::string(why) + std::string(kForm));
}

}  // namespace

IpAddress IpAddress::V4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  return {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}};
}

Result<IpAddress> IpAddress::Parse(std::string_view text) {
  const std::string copy(text);
  // inet_pton would read up to it and never see what follows.
  if (copy.find('\0') != std::string::npos) return Invalid("an address has no byte 0 in it");
  IpAddress address;
  in_addr v4;
  if (::inet_pton(AF_INET, copy.c_str(), &v4) == 1) {
    std::array<uint8_t, 4> bytes;
    std::memcpy(bytes.data(), &v4, sizeof v4);
    return V4(bytes[0], bytes[1], bytes[2], bytes[3]);
  }
  if (::inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
  return Invalid("'" + copy.substr(0, 80) + "' is no address");
}

bool IpAddress::is_v4() const {
  constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(kMapped.begin(), kMapped.end(), bytes.begin());
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN] = {};
  if (is_v4()) {
    ::inet_ntop(AF_INET, bytes.data() + 12, text, sizeof text);
  } else {
    ::inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  }
  return text;
}

bool IpAddress::InNetwork(const IpAddress& network, int bits) const {
  const size_t whole = static_cast<size_t>(bits / 8);
  if (!std::equal(bytes.begin(), bytes.begin() + whole, network.bytes.begin())) return false;
  const int rest = bits % 8;
  return rest == 0 || (bytes[whole] ^ network.bytes[whole]) >> (8 - rest) == 0;
}

Result<HostPattern> HostPattern::Parse(std::string_view text) {
  HostPattern pattern;
  std::string_view host = text;
  std::string_view rest;
  const bool bracketed = text.starts_with('[');
  if (bracketed) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return Wrong(text, "has no closing bracket");
    host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
  } else {
    const size_t end = std::min(text.find_first_of("/:"), text.size());
    host = text.substr(0, end);
    rest = text.substr(end);
  }
  std::string_view bits;
  const bool is_network = rest.starts_with('/');
  if (is_network) {
    const size_t end = std::min(rest.find(':'), rest.size());
    bits = rest.substr(1, end - 1);
    rest = rest.substr(end);
  }
  if (!rest.empty()) {
    const auto port = rest.front() == ':' ? ParseInteger<uint16_t>(rest.substr(1)) : std::nullopt;
    if (!port || *port == 0) return Wrong(text, "has no valid port");
    pattern.port_ = *port;
  }
  const auto address = IpAddress::Parse(host);
  if (!address.ok()) {
    if (is_network || bracketed || !IsHostName(host)) return Wrong(text, "is no host name, address or network");
    pattern.name_ = host;
    std::transform(pattern.name_.begin(), pattern.name_.end(), pattern.name_.begin(), ToLowerAscii);
    return pattern;
  }
  if (bracketed == (host.find(':') == std::string_view::npos)) return Wrong(text, "has brackets where they do not belong");
  const int all = bracketed ? 128 : 32;
  pattern.network_ = *address;
  const auto length = is_network ? ParseInteger<uint16_t>(bits) : std::optional<uint16_t>(all);
  if (!length || *length > all) return Wrong(text, "has no valid prefix length");
  pattern.bits_ = 128 - all + *length;
  return pattern;
}

bool HostPattern::Matches(std::string_view host, const IpAddress& address, uint16_t port) const {
  if (port_ != 0 && port_ != port) return false;
  return name_.empty() ? address.InNetwork(network_, bits_) : name_ == host;
}

}  // namespace zts
