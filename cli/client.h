// The controller as ztsctl sees it: plain calls and plain values. The one place here that speaks gRPC.
//
// Owner:    a command, one a run; `up` while it waits for its worker.
// Thread:   one at a time.
// Life:     observers and sinks are called inside the call they were given to.
// Limits:   kCallTimeout for short calls; a deploy gets its own wait plus kUploadTimeMax.
// Errors:   kUnavailable: nobody answers there, or the connection broke. kDenied: the token. Otherwise what the
// controller said.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cli/endpoint.h"
#include "cli/source_error.h"

namespace zts::cli {

// Calls that only read or write a few rows; a controller that takes longer has lost its disk.
inline constexpr Nanos kCallTimeout = 20 * kSecond;
// 64 MiB over a bad line.
inline constexpr Nanos kUploadTimeMax = 300 * kSecond;
inline constexpr Nanos kDefaultDeployWait = 60 * kSecond;

// Of a canary: a share of the requests in ten thousandths, and what keeps a client with one version.
struct Share {
  uint32_t share = 0;
  std::string sticky_by;  // "", "header", "cookie", "ip"
  std::string sticky_name;
};

struct DeploySpec {
  std::string function;
  std::string main_module;
  std::string digest;
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<std::string> routes;
  std::vector<std::string> allow_net;
  std::vector<std::string> secrets;  // names
  Nanos cpu_per_request = 0;  // 0: the platform's default; so for the next five
  Nanos wall_per_request = 0;
  Nanos startup_cpu = 0;
  uint64_t memory_bytes_max = 0;
  uint64_t nursery_bytes = 0;
  uint64_t request_garbage_bytes = 0;
  std::string jit;             // "disabled", "lazy", "eager"; empty: as the worker does
  uint32_t jit_threshold = 0;
  std::string isolation;       // "process"; empty: with all others
  Nanos wait = kDefaultDeployWait;  // for all workers
  std::string author;
  std::string message;
  std::optional<Share> canary;  // none: all requests
  bool require_all = false;     // taken back unless every worker serves it
  std::string source_map_digest;
  std::string snapshot;  // "auto", "always", "never"
};

// A change of a function whose versions are there already.
struct ChangeSpec {
  std::string function;
  std::string author;
  std::string message;
  Nanos wait = kDefaultDeployWait;
  bool require_all = false;
};

// A canary that goes up by itself. 0: no bound, or the controller's default.
struct PromotionSpec {
  Nanos p99_max = 0;
  double error_rate_max = 0;
  double cold_rate_max = 0;
  double factor = 0;
  std::vector<uint32_t> steps;
  Nanos step_time = 0;
  uint64_t samples_min = 0;
  Share sticky;
  // Of one that runs.
  uint32_t step = 0;
  std::string by;
};

struct ConfigEdit {
  std::vector<std::pair<std::string, std::string>> set_env;
  std::vector<std::string> unset_env;
  std::vector<std::string> add_routes;
  std::vector<std::string> remove_routes;
};

// Called while a deploy goes on.
class DeployObserver {
 public:
  virtual ~DeployObserver() = default;
  virtual void OnUploaded(uint64_t sent_bytes, uint64_t total_bytes) {}
  virtual void OnCompiled(Nanos took) {}
  // From here on the version survives whatever happens to the controller or to this call.
  virtual void OnStored(uint64_t version) {}
  virtual void OnProgress(uint32_t workers_ready, uint32_t workers_total) {}
};

struct DeployLive {
  uint64_t version = 0;
  uint64_t snapshot_bytes = 0;  // these three as FunctionVersion's
  uint64_t code_cache_bytes = 0;
  std::string start_reason;
  uint32_t workers_live = 0;
  uint32_t workers_total = 0;
  Nanos controller_took = 0;
  std::vector<std::string> urls;
  std::vector<std::string> laggards;
};

struct DeployRefused {
  std::string code;  // "invalid", "exhausted", "source", "rejected-by-worker", "internal", "timeout"
  std::string message;
  SourceError source;
  bool previous_kept = true;
};

// The call itself broke: what came of it is only known as far as the observer was told.
struct DeployBroken {
  Error error;
};

using DeployResult = std::variant<DeployLive, DeployRefused, DeployBroken>;

struct FunctionVersion {
  std::string function;
  uint64_t number = 0;
  std::string digest;
  uint64_t bundle_bytes = 0;
  uint64_t code_cache_bytes = 0;
  uint64_t source_map_bytes = 0;
  uint64_t snapshot_bytes = 0;  // 0: isolates begin from the code cache
  std::string start_reason;     // why they begin as they do
  Nanos created = 0;  // since 1970
  std::vector<std::string> routes;
  // 0: the platform's default.
  Nanos cpu_per_request = 0;
  Nanos wall_per_request = 0;
  Nanos startup_cpu = 0;
  uint64_t memory_bytes_max = 0;
  uint64_t nursery_bytes = 0;
  uint64_t request_garbage_bytes = 0;
  std::string jit;              // empty: as the worker does
  uint32_t jit_threshold = 0;
  std::string isolation;        // "process"; empty: with all others
  std::map<std::string, std::string> env;
  std::vector<std::string> secrets;  // the names it sees; none: it sees all of its function's
  std::string author;
  std::string message;
  uint64_t based_on = 0;  // the version whose code it shares; 0: its own
  bool active = false;
  std::string state;      // "active", "canary", "warm", "kept"; empty: the controller does not say
  uint32_t share = 0;     // of the requests, in ten thousandths
};

// What an isolate of a version begins from: "snapshot", "code cache" or "source".
std::string StartName(uint64_t snapshot_bytes, uint64_t code_cache_bytes);
// Its state; of a controller that does not say: "active", or "-".
std::string StateName(const FunctionVersion& version);
// Which engine runs a version: "jit lazy (500 calls), own process"; empty: the worker's default one.
std::string EngineText(const FunctionVersion& version);

struct HistoryEvent {
  Nanos at = 0;  // since 1970
  std::string what;
  uint64_t number = 0;
  uint32_t share = 0;
  std::string by;
  std::string note;
};

struct FunctionStory {
  std::vector<FunctionVersion> versions;  // newest first
  std::vector<HistoryEvent> history;      // oldest first
  std::optional<PromotionSpec> promotion;
};

struct WorkerInfo {
  std::string name;
  std::string http_address;
  uint32_t shards = 0;
  uint64_t catalog_version = 0;
  std::string artifact_key;
  std::string io_backend;
  Nanos connected = 0;  // since 1970
};

// What isolates hold, and what collections of garbage have cost since the workers' start.
struct MemoryFigures {
  uint64_t minor_collections = 0;
  uint64_t major_collections = 0;
  Nanos pause_inside = 0;   // in the middle of turns of JavaScript
  Nanos pause_outside = 0;  // between them
  uint64_t heap_used_bytes = 0;
  uint64_t heap_committed_bytes = 0;
  uint64_t external_bytes = 0;
  uint64_t limit_bytes = 0;  // of heaps and external memory together
};

// Of the last seconds, on one worker or all.
struct Figures {
  double requests_per_second = 0;
  double errors_per_second = 0;
  Nanos p50 = 0;  // 0: nothing was answered
  Nanos p99 = 0;
  uint64_t cold_starts = 0;
  uint64_t limits_hit = 0;
  Nanos window = 0;
  uint64_t in_flight = 0;
  uint64_t isolates = 0;
  uint64_t memory_bytes = 0;
  MemoryFigures memory;
};

struct FunctionReport {
  std::string function;
  Figures all;
  std::vector<std::pair<std::string, Figures>> workers;
};

// What V8 has made of a function's code (docs/observability.md).
struct JitDeoptimization {
  std::string reason;
  int line = 0;  // 0: unknown
  uint64_t count = 0;
};

struct JitFunction {
  std::string name;
  int line = 0;
  int column = 0;
  // In how many isolates its fastest code is of this tier: interpreter, baseline, maglev, turbofan.
  std::array<uint32_t, 4> tiers{};
  uint64_t code_bytes = 0;
  uint64_t samples = 0;  // a millisecond each
  std::vector<JitDeoptimization> deoptimizations;
};

struct JitVersion {
  uint64_t number = 0;
  uint32_t isolates = 0;  // 0: not loaded
  uint32_t watched = 0;   // of them, all the time
  std::vector<JitFunction> functions;  // in the order of the source
  uint32_t left_out = 0;
};

struct WorkerJit {
  std::string worker;
  std::string problem;  // empty: none
  Nanos watch = 0;
  std::vector<JitVersion> versions;
  uint32_t threads_silent = 0;
};

struct WorkerList {
  std::vector<WorkerInfo> list;
  uint64_t catalog_version = 0;  // the newest
  auto begin() const { return list.begin(); }
  auto end() const { return list.end(); }
  bool empty() const { return list.empty(); }
};

struct Deleted {
  uint32_t workers_done = 0;
  uint32_t workers_total = 0;
};

struct LogEntry {
  Nanos time = 0;  // since 1970, at the worker
  std::string function;
  uint64_t version = 0;
  std::string severity;
  std::string message;
  std::string request_id;
  std::string worker;
  uint64_t dropped = 0;  // records lost just before this one
};

// What a version was made of.
struct VersionSource {
  std::string main_module;
  bool is_map = false;  // else `text` is the module
  std::string text;
};

// Where a tail stands: what a later one needs to go on from there.
struct TailPlace {
  std::string source;
  uint64_t after = 0;
};

struct TailOptions {
  std::string function;  // empty: all
  std::string level_min;  // "warn"; empty: all
  uint64_t version = 0;
  std::string request_id;
  uint32_t backlog = 0;
  TailPlace place;
  // The controller is to say now and then that it is there; a tail that then hears nothing is kUnavailable.
  bool heartbeats = false;
  // Ends the tail, well, when nothing has come for this long; 0: never.
  Nanos idle_max = 0;
};

class Client {
 public:
  // Nothing is connected before the first call.
  explicit Client(const Endpoint& endpoint);
  ~Client();
  Client(const Client&) = delete;

  DeployResult Deploy(const DeploySpec& spec, std::string_view bundle, std::string_view source_map, DeployObserver& observer);
  Result<std::vector<FunctionVersion>> ListFunctions();
  Result<FunctionStory> Story(const std::string& function);
  // `to` 0: the version before the active one; with a canary, that one loses its share.
  DeployResult Rollback(const ChangeSpec& change, uint64_t to);
  // `number` 0, here and below: the canary.
  DeployResult Promote(const ChangeSpec& change, uint64_t number);
  DeployResult SetShare(const ChangeSpec& change, uint64_t number, const Share& share);
  DeployResult PromoteByItself(const ChangeSpec& change, uint64_t number, const PromotionSpec& promotion);
  DeployResult StopPromotion(const ChangeSpec& change);
  DeployResult Configure(const ChangeSpec& change, const ConfigEdit& edit);
  Result<Deleted> Delete(const std::string& function);
  // The busiest first; `function` empty: all that are busy or have an isolate.
  Result<std::vector<FunctionReport>> Stats(const std::string& function);
  // One entry a connected worker. Takes as long as the watch.
  Result<std::vector<WorkerJit>> Jit(const std::string& function, Nanos watch);
  Result<WorkerList> ListWorkers(Nanos timeout = kCallTimeout);
  // What stack traces of a version are read with.
  Result<VersionSource> Source(const std::string& function, uint64_t number);
  class TailSink {
   public:
    virtual ~TailSink() = default;
    // Once, when the controller has answered.
    virtual void OnConnected() {}
    virtual void OnRecord(const LogEntry& entry) = 0;
    // Records that were lost with none after them yet.
    virtual void OnDropped(uint64_t count) {}
    // The controller does not hold all that has come since the place any more.
    virtual void OnGap() {}
    // From here on a tail would go on.
    virtual void OnPlace(const TailPlace& place) {}
  };
  // Ends well only for idle_max.
  Status TailLogs(const TailOptions& options, TailSink& sink);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zts::cli
