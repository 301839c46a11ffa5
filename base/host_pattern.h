// One entry of an allow-list of hosts, as an owner writes it: HOST, ADDRESS or CIDR, each with or without a port.
//
//   "db.internal", "db.internal:5432", "127.0.0.1", "10.0.0.0/8", "10.0.0.0/8:443", "[::1]", "[fd00::]/8:443"
//
// A name matches by itself, whatever it resolves to; an address or a network matches the address that is connected to.
//
// Thread:   a value.
// Errors:   Parse says how to write it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace zts {

// An address of either family; IPv4 as IPv4-mapped IPv6, so that there is one form to compare.
struct IpAddress {
  std::array<uint8_t, 16> bytes{};

  static IpAddress V4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
  // "127.0.0.1", "::1"; no brackets, no zone.
  static Result<IpAddress> Parse(std::string_view text);
  bool is_v4() const;
  std::string ToString() const;
  // Whether the first `bits` of the 128 are equal.
  bool InNetwork(const IpAddress& network, int bits) const;
  bool operator==(const IpAddress&) const = default;
};

class HostPattern {
 public:
  static Result<HostPattern> Parse(std::string_view text);

  // `host` as in a URL: lower-case, without brackets and final dot. `address` is what it resolved to.
  bool Matches(std::string_view host, const IpAddress& address, uint16_t port) const;

 private:
  std::string name_;   // empty: a network
  IpAddress network_;
  int bits_ = 0;       // of 128
  uint16_t port_ = 0;  // 0: any
};

}  // namespace zts
