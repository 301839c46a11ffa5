// An offload host on its thread: named, of lower priority than the shards, not pinned, with its own Io and loop.
//
// It has no core of its own: it takes what the shards leave, on whichever core that is. The end has two steps, as a shard's: EndLoop, then,
// when no isolate is left to post anything (Warmup::Stop) and its shard is gone, the destructor.
//
// Owner:    Engine, one a shard.
// Thread:   the engine's main.
// Life:     what Options names outlives it; it outlives its shard.
// Errors:   Start fails when the Io cannot be made; the message names the cause.
#pragma once

#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "worker/engine/net/io.h"
#include "worker/engine/offload/offload_host.h"

namespace zts::offload {

class OffloadThread {
 public:
  struct Options {
    uint32_t index = 0;
    std::vector<uint32_t> cores;  // what it may run on; empty: no bound
    net::IoBackend io = net::IoBackend::kAuto;
    runtime::Warmup* warmup = nullptr;
    runtime::Watchdog* watchdog = nullptr;
    ipc::ShardCounters* counters = nullptr;
    LogQueue* logs = nullptr;
    runtime::MemoryBudget* budget = nullptr;
  };
  static Result<std::unique_ptr<OffloadThread>> Start(const Options& options);
  ~OffloadThread();

  OffloadHost* host() const { return host_; }
  // Blocks until the turn under way and the loop have ended; the host stays.
  void EndLoop();

 private:
  explicit OffloadThread(const Options& options) : options_(options) {}
  void Run();

  const Options options_;
  SystemClock clock_;
  OffloadHost* host_ = nullptr;  // on the thread's stack; from started_ until release_
  std::promise<Status> started_;
  std::promise<void> loop_ended_;
  std::promise<void> release_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace zts::offload
