// What a scrape of this worker gives: the engines' shared counters and the supervisor's own state, read at that moment.
//
// Owner:    main(), one, shared with the admin server.
// Thread:   AppendText: any; it locks nothing that serves requests.
// Life:     what the sources point at outlives it.
#pragma once

#include <functional>
#include <string>

#include "admin/text_source.h"
#include "worker/ipc/shared_counters.h"
#include "worker/supervisor/counter_rows.h"
#include "worker/supervisor/engine_host.h"
#include "worker/supervisor/engine_set.h"
#include "worker/supervisor/function_windows.h"
#include "worker/supervisor/version_rows.h"

namespace zts::supervisor {

// The supervisor's own figures at one moment.
struct WorkerFigures {
  EngineStatus engine;
  std::vector<ClassStatus> classes;  // besides the default one
  EgressStatus egress;
  bool ready = false;
  bool controller_connected = false;
  uint64_t controller_connects = 0;
  uint64_t controller_failures = 0;
  uint64_t log_records_dropped = 0;
  // Of the counters' blocks, the first are the shards' and behind them the offload threads'; then come classes' likewise.
  uint32_t shards = UINT32_MAX;
  uint32_t offload_threads = 0;
};

class Metrics final : public admin::TextSource {
 public:
  Metrics(const ipc::SharedCounters* counters, const CounterRows* rows, const VersionRows* version_rows, const FunctionWindows* windows,
          std::function<WorkerFigures()> figures);
  void AppendText(std::string* out) const override;

 private:
  const ipc::SharedCounters* counters_;
  const CounterRows* rows_;
  const VersionRows* version_rows_;
  const FunctionWindows* windows_;
  std::function<WorkerFigures()> figures_;
};

}  // namespace zts::supervisor
