// Every bound of the admin port, with its reason.
//
// Thread:   constants.
#pragma once

#include <cstddef>

#include "base/clock.h"

namespace zts::admin {

// A scraper, two probes and a person with curl; more wait in the kernel's backlog.
inline constexpr size_t kAdminConnectionsMax = 4;
// How many wait. The library asks for five; the next one's SYN is dropped then, and the probe takes the second until it is sent again.
inline constexpr int kAdminBacklog = 128;

// How long one read or write may make no progress. Short, because stopping a process waits for connections in use.
inline constexpr Nanos kAdminRequestTimeout = 1 * kSecond;
static_assert(kAdminRequestTimeout % kSecond == 0, "the HTTP library counts keep-alive in seconds");

}  // namespace zts::admin
