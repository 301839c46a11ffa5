// A shard on its thread: pinned, named, with its own Io and loop.
//
// The end has two steps, because isolates may post to their shard until the warm-up has destroyed them: EndLoop for all shards,
// Warmup::Stop, then the destructors.
//
// Owner:    Engine, one a core.
// Thread:   the engine's main; Post: any.
// Life:     what Options names outlives it.
// Errors:   Start fails when the Io cannot be made; the message names the cause.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "worker/engine/connection_balance.h"
#include "worker/engine/net/io.h"
#include "worker/engine/shard.h"

namespace zts {

class ShardThread {
 public:
  struct Options {
    uint32_t index = 0;
    net::IoBackend io = net::IoBackend::kAuto;
    std::optional<uint32_t> cpu;  // none: not pinned
    std::vector<uint32_t> cores;  // what one that is not pinned may run on; empty: no bound
    UniqueFd listener;
    runtime::Warmup* warmup = nullptr;
    runtime::Watchdog* watchdog = nullptr;
    ipc::ShardCounters* counters = nullptr;
    LogQueue* logs = nullptr;
    offload::OffloadThreads* offload = nullptr;
    runtime::MemoryBudget* budget = nullptr;
    ConnectionBalance* balance = nullptr;  // and `tell`: as Shard::Options says
    std::function<void(uint32_t shard, std::function<void(Shard&)> task)> tell;
    uint64_t request_seed = 0;
  };
  static Result<std::unique_ptr<ShardThread>> Start(Options options);
  ~ShardThread();

  // Runs on the shard's thread, soon.
  void Post(std::function<void(Shard&)> task);
  // What its Io turned out to be.
  const net::IoFeatures& io_features() const { return features_; }
  // Blocks until the loop has ended; the shard stays.
  void EndLoop();

 private:
  explicit ShardThread(Options options);
  void Run();

  Options options_;
  SystemClock clock_;
  net::IoFeatures features_;
  net::Loop* loop_ = nullptr;    // on the thread's stack, as is the shard; from started_ until release_
  Shard* shard_ = nullptr;
  std::promise<Status> started_;
  std::promise<void> loop_ended_;
  std::promise<void> release_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace zts
