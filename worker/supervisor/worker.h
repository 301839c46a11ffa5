// The worker process: everything it owns, made in order, run until it is told to stop, ended in reverse.
//
// Owner:    main().
// Thread:   the main thread, with SIGTERM and SIGINT blocked in it and all that it makes.
// Errors:   Create names what is missing or in use. Run gives the process's exit code.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "admin/server.h"
#include "base/clock.h"
#include "base/result.h"
#include "worker/engine/net/listener.h"
#include "worker/supervisor/data_dir.h"
#include "worker/supervisor/egress_host.h"
#include "worker/supervisor/engines.h"
#include "worker/supervisor/function_windows.h"
#include "worker/supervisor/handover.h"
#include "worker/supervisor/log_queue.h"
#include "worker/supervisor/metrics.h"
#include "worker/supervisor/options.h"
#include "worker/supervisor/sync/applier.h"
#include "worker/supervisor/sync/controller_client.h"
#include "worker/supervisor/sync/disk_cache.h"
#include "worker/supervisor/sync/stats_message.h"
#include "worker/supervisor/ticker.h"

namespace zts::supervisor {

class Worker {
 public:
  static Result<std::unique_ptr<Worker>> Create(const WorkerOptions& options);
  ~Worker();

  int Run();

 private:
  explicit Worker(WorkerOptions options) : options_(std::move(options)) {}
  Status Open();
  Result<DataDir> OpenDataDir();
  // Waits a little for a port in use; no longer once it is told to stop.
  Result<net::ListenerSet> OpenPort();
  Status StartEngines();
  // The sockets of the worker whose place this one takes, or new ones.
  Result<net::ListenerSet> TakeListeners();
  Status MakeEgress();
  Status StartAdmin();
  Status TakeAdminPort();
  void OnTick();
  WorkerFigures Figures() const;
  admin::Health Readiness() const;
  Status WriteReadyFile() const;
  // What the start waits for next; run when something has happened. An error ends the worker.
  enum class Phase : uint8_t { kEngine, kCatalog, kServing };
  Status Advance();
  void LoadCatalog();
  Status TakeOver();
  Status Serve();
  Status OpenHandoverPort();
  void GiveUpPlace();
  int Drain();
  enum class Wake : uint8_t { kSignal, kEvent };
  Wake WaitForWake();
  void Notify();

  const WorkerOptions options_;
  SystemClock clock_;
  UniqueFd signals_;
  UniqueFd events_;
  std::atomic<bool> draining_{false};
  std::atomic<bool> started_{false};  // StartFromDisk has ended
  std::atomic<bool> replaced_{false};  // another worker has this one's place
  bool holding_ = false;               // no client: another worker is about to
  Phase phase_ = Phase::kEngine;

  std::unique_ptr<Predecessor> predecessor_;
  HandoverOffer offer_;  // of the predecessor
  std::unique_ptr<DataDir> data_dir_;
  std::string name_;
  std::string http_address_;
  uint32_t shards_ = 0;
  LogQueue logs_;
  std::unique_ptr<ipc::SharedCounters> counters_;
  std::unique_ptr<CounterRows> rows_;
  std::unique_ptr<FunctionWindows> windows_;
  std::unique_ptr<VersionRows> version_rows_;
  std::unique_ptr<DiskCache> cache_;
  std::unique_ptr<EgressHost> egress_;
  std::unique_ptr<Engines> engines_;
  std::unique_ptr<Applier> applier_;
  std::unique_ptr<ControllerClient> client_;
  std::shared_ptr<Metrics> metrics_;
  std::unique_ptr<admin::Server> admin_;
  std::unique_ptr<HandoverPort> handover_;
  std::thread start_thread_;
  std::thread relay_thread_;  // the predecessor's last log records
  std::unique_ptr<Ticker> ticker_;  // ends before what it ticks
};

}  // namespace zts::supervisor
