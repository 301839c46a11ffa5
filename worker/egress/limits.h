// Every bound of the egress process, with its reason. What crosses one is refused, and the function is told why.
//
// Thread:   constants.
#pragma once

#include <cstddef>

#include "base/clock.h"

namespace zts::egress {

// Requests under way of one shard: as many as twenty invocations may have at once; each costs some 50 KiB here.
inline constexpr size_t kStreamsPerShardMax = 1024;

// A name that resolves and a host that answers do so within two tries of TCP's (1 + 2 + 4 s).
inline constexpr Nanos kConnectTimeout = 10 * kSecond;
// Nothing sent and nothing received for this long, while neither side waits for the function.
inline constexpr Nanos kIdleTimeout = 120 * kSecond;
// All hops together. The invocation's wall limit ends it long before; this is for work in the background.
inline constexpr Nanos kTotalTimeout = 900 * kSecond;
// Fetch standard, HTTP-redirect fetch, step 7.
inline constexpr int kRedirectsMax = 20;

// Connections to one host and in all: a popular host serves all functions of the machine, and must not take all there are.
inline constexpr long kConnectionsPerHostMax = 256;
inline constexpr long kConnectionsMax = 2048;
// Kept for the next request, and no longer than servers usually keep theirs.
inline constexpr long kIdleConnectionsMax = 256;
inline constexpr Nanos kIdleConnectionAge = 60 * kSecond;

inline constexpr size_t kResponseFieldsMax = 200;
// libcurl reads this much at once; what it expands to is taken in whole.
inline constexpr long kReadBytes = 16 * 1024;
// Of one response, decompressed and not yet taken by the shard: a read of gzip expands to 16 MiB at most. What expands further (brotli
// can) is no document.
inline constexpr size_t kPendingBytesMax = size_t{32} << 20;
// Of the body of a redirect, which nobody reads: more costs the connection.
inline constexpr size_t kRedirectBodyBytesMax = 64 * 1024;

// WebSockets of all shards, and those to one host: they are open for long, each with some 50 KiB here and a descriptor.
inline constexpr size_t kWebSocketsMax = 1024;
inline constexpr size_t kWebSocketsPerHostMax = 256;
// From the first look for the host's address to the server's answer.
inline constexpr Nanos kUpgradeTimeout = 30 * kSecond;
// A peer that has sent nothing for so long is pinged, and gone when nothing comes in the same time again.
inline constexpr Nanos kSilenceMax = 30 * kSecond;
// For the server's close frame behind ours, and for the end of its connection behind both (RFC 6455 7.1.1).
inline constexpr Nanos kCloseTimeout = 10 * kSecond;
inline constexpr Nanos kLingerTimeout = 2 * kSecond;
// Of what is to be sent to a server, beside what the shard's window bounds: answers to pings. More, and nothing is read from it.
inline constexpr size_t kControlBytesMax = 64 * 1024;

// Refusals are logged, but not faster than this.
inline constexpr Nanos kRefusalLogPeriod = kSecond;

}  // namespace zts::egress
