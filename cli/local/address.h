// host:port as the command line has it, and whether something listens there already.
//
// Thread:   any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace zts::cli {

struct HostPort {
  std::string host;  // a numeric address; "[::1]" without its brackets
  uint16_t port = 0;
};

// "127.0.0.1:8080", "[::1]:0", "0.0.0.0:80". Names are refused: what is listened on is an address.
Result<HostPort> ParseAddress(std::string_view text);
std::string FormatAddress(const HostPort& address);

// Fails when the address cannot be bound. Needed because listeners that share their port would share it with a
// stranger, silently.
Status CheckFree(const std::string& address);

// What a browser on this machine opens: the loopback address where all addresses are listened on.
std::string ReachableAddress(const std::string& address);

}  // namespace zts::cli
