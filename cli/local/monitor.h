// Keeps controller and worker running: starts both, waits until functions can be served, restarts what dies, ends both
// in order.
//
// Signals are taken synchronously: SIGINT, SIGTERM and SIGHUP end it, kReloadSignal has the worker's program started anew beside the
// running one, which hands its place over and drains; SIGCHLD wakes it. The process must have them blocked before its first thread
// starts (BlockSignals).
//
// Owner:    `ztsctl up`, exactly one a process.
// Thread:   the main thread.
// Limits:   kStartPatience until ready; kWorkerStopPatience and kControllerStopPatience at the end.
// Errors:   Start names the part that failed and shows the end of its log; whatever was started is ended.
#pragma once

#include <signal.h>

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cli/local/data_dir.h"
#include "cli/local/service.h"

namespace zts::cli {

inline constexpr Nanos kStartPatience = 30 * kSecond;
// A worker drains for up to 30 s before it cuts connections.
inline constexpr Nanos kWorkerStopPatience = 35 * kSecond;
inline constexpr Nanos kControllerStopPatience = 10 * kSecond;
inline constexpr int kReloadSignal = SIGUSR2;

struct MonitorOptions {
  std::string controller_program;
  std::string worker_program;
  std::string worker_name;
  std::string io;
  unsigned threads = 0;       // 0: the worker's choice
  std::string memory_budget;  // empty: likewise
  std::string jit;            // likewise
  unsigned jit_threshold = 0;  // 0: likewise
  Addresses addresses;  // port 0: the process picks one
  bool insecure = false;
};

class Monitor {
 public:
  // `say` gets one line at a time about what happens.
  Monitor(const DataDir& data, MonitorOptions options, std::function<void(const std::string&)> say);
  // Ends what still runs.
  ~Monitor();

  static void BlockSignals();

  // Returns once functions are served. The addresses are those in use from then on.
  Status Start();
  // Watches until a signal says to end; ends everything.
  void RunUntilSignal();

  const Addresses& addresses() const { return options_.addresses; }
  const Service& controller() const { return controller_; }
  const Service& worker() const { return worker_; }

 private:
  std::vector<std::string> ControllerCommand() const;
  std::vector<std::string> WorkerCommand() const;
  Status StartAndWait(Service& service, const std::vector<std::string>& argv, Nanos deadline);
  Status WaitConnected(Nanos deadline);
  void Adopt(Service& service, const nlohmann::json& ready);
  void Watch(Service& service);
  void Restart(Service& service);
  void Reload();
  Status ReplaceWorker();
  void WatchRetired();
  Nanos NextWake() const;
  void Stop();
  Error Failed(const Service& service, const std::string& what) const;
  void Remember() const;

  const DataDir& data_;
  MonitorOptions options_;
  std::function<void(const std::string&)> say_;
  SystemClock clock_;
  Service controller_;
  Service worker_;
  std::vector<Service> retired_;  // workers that have been replaced, until they have drained
  bool ending_ = false;
};

}  // namespace zts::cli
