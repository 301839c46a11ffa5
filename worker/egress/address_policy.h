// Which addresses a function may connect to: public ones, and what its owner has allowed.
//
// Looked at after name resolution, for each connection and each use of a pooled one: a name that points somewhere else a moment
// later gains nothing.
//
// Thread:   values, pure functions.
// Sources:  the IANA special-purpose registries (RFC 6890, as of 2025); RFC 4291 2.5.5, RFC 6052 2.1, RFC 3056 2 for addresses that carry
//           an IPv4 one, which are judged by it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_pattern.h"

namespace zts::egress {

// Why an address is not public: "loopback", "private", "link-local", ...; empty for a public one.
std::string_view SpecialPurpose(const IpAddress& address);

class Policy {
 public:
  // Public addresses only.
  Policy() = default;
  explicit Policy(std::vector<HostPattern> allowed) : allowed_(std::move(allowed)) {}

  // Empty: allowed. Otherwise why not: a kind of SpecialPurpose. `host` as HostPattern::Matches wants it.
  std::string_view Refusal(std::string_view host, const IpAddress& address, uint16_t port) const;

 private:
  std::vector<HostPattern> allowed_;
};

// Ports of other protocols, which no fetch goes to (Fetch standard, "bad port").
bool IsBadPort(uint16_t port);

}  // namespace zts::egress
