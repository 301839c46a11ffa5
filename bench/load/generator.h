// Load on one HTTP/1.1 server over kept-alive connections: a closed loop, or an open one that omits nothing.
//
// Closed loop: each connection sends `depth` requests, waits for all their responses, sends the next. It tells what a server can do,
//   and flatters its latency: while the server stands still, nobody asks.
// Open loop: request n is due at start + n / rate, whatever the server does. Its latency counts from when it was due, so a stall is
//   felt by every request that was due in it (no coordinated omission). A due request waits for a free connection; what it then
//   takes by itself, from the send, is told beside as service time.
//
// Thread:   one; Run() blocks until the time is up and all is answered, or kDrainNs later.
// Limits:   connections by RLIMIT_NOFILE.
// Errors:   a response that is not as expected, a connection that ends under a request, a request without response at the end: each is
//           counted, and what got no response goes into the latencies with the time it has waited. A server that refuses
//           connections ends the run.
// Units:    nanoseconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "bench/load/latency_histogram.h"

namespace zts {

// A request as it goes out, and the body that must come back.
struct Target {
  std::string request;
  std::string body;
};

struct LoadOptions {
  uint16_t port = 0;
  std::vector<Target> targets;  // asked for in turns
  int connections = 64;
  int depth = 1;                // closed loop only
  double rate = 0;              // requests a second in all; 0: closed loop
  double seconds = 3;
};

struct LoadReport {
  LatencyHistogram latency;  // open loop: from when it was due; closed loop: from the send
  LatencyHistogram service;  // from the send
  // How late the generator itself was: from when a request was due and a connection free, until it was sent. Open loop only.
  LatencyHistogram lag;
  uint64_t good = 0;
  uint64_t wrong_status = 0;
  uint64_t wrong_body = 0;
  uint64_t lost = 0;        // under way when their connection ended
  uint64_t unanswered = 0;  // due or under way when the run was given up
  uint64_t reconnects = 0;
  uint64_t bytes = 0;       // received
  Nanos took = 0;           // from the start to the last response
};

// How long a run waits for responses past its time.
inline constexpr Nanos kDrainNs = 10 * kSecond;

Result<LoadReport> RunLoad(const LoadOptions& options);

}  // namespace zts
