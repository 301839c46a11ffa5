// The isolates of one shard: who answers a request, who is warm, who waits, who goes.
//
// One isolate a function version and shard answers many requests at once. A version without one is cold: its first request takes a
// spare from the warm-up thread, which loads it there and hands it over; requests that come meanwhile wait in a bounded queue.
// An isolate that is lost (memory limit) or draining (CPU limit) is replaced the same way. A version whose module fails to load is
// tried again by the next request after a pause that doubles; until then requests get the failure itself.
//
// The CPU limit is one turn's: a request of several turns may use it in each, bounded by its wall limit. The wall limit of a streamed
// response lasts until its function has given all of it; that of a request whose body streams begins anew with each piece that it
// has waited for, since that is its peer's time, which the engine bounds.
//
// Owner:    Shard, exactly one.
// Thread:   the shard's; what the warm-up thread has made arrives through PoolHost::Post.
// Life:     PoolHost, Warmup and Watchdog outlive it; PoolHost outlives Warmup::Stop, since V8 may post for an isolate until then.
// Limits:   kWarmIsolatesMax (those on standby go first, then idle ones, least recently used first), kStandbyIsolatesMax, kColdQueueMax,
//           kColdQueueTimeout, kInFlightPerIsolateMax.
// Errors:   a request that cannot be served ends in OnFailure with kOverloaded or the load's own outcome.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/slot_map.h"
#include "jsruntime/isolate.h"
#include "worker/engine/runtime/fetch_gate.h"
#include "worker/engine/runtime/request_id.h"
#include "worker/ipc/shared_counters.h"

namespace zts::runtime {

class Warmup;
class Watchdog;

// One function version, as the router found it.
struct Target {
  js::ScriptPtr script;
  uint64_t version_id = 0;
  uint32_t counter_row = 0;
};

// The same for the length of a call: taking a reference to a Script costs two locked instructions, which a warm request need not pay.
struct TargetRef {
  const js::ScriptPtr& script;
  uint64_t version_id;
  uint32_t counter_row;
  TargetRef(const js::ScriptPtr& script_ref, uint64_t version, uint32_t row)
      : script(script_ref), version_id(version), counter_row(row) {}
  TargetRef(const Target& target) : TargetRef(target.script, target.version_id, target.counter_row) {}  // NOLINT: meant to convert
};

// What the pool needs of its shard.
class PoolHost {
 public:
  virtual ~PoolHost() = default;
  // On the shard's thread, inside Submit or later. Exactly one for each submitted request that is not cancelled.
  virtual void OnResponse(RequestId id, const js::ResponseView& response) = 0;
  virtual void OnFailure(RequestId id, const js::Outcome& outcome) = 0;
  // What follows a streamed response, as js::IsolateClient says.
  virtual js::IsolateClient::Taken OnChunk(RequestId id, std::string_view bytes) = 0;
  virtual void OnResponseEnd(RequestId id, const js::Outcome& outcome) = 0;
  virtual void OnConsole(uint64_t version_id, std::string_view request_id, js::LogSeverity severity,
                         std::string_view message) = 0;
  // The request waits for an isolate that is being made; inside Submit.
  virtual void OnCold(RequestId id) {}
  // RunDue is to be called at this time (0: at none). Called when it changes.
  virtual void OnWakeAt(Nanos when) = 0;
  // The way out for functions' requests; null: there is none.
  virtual FetchGate* fetch_gate() { return nullptr; }
  // Any thread: runs the task on the shard's thread, soon.
  virtual void Post(std::function<void()> task) = 0;
  // The time of this pass of the loop.
  virtual Nanos now() const = 0;
  // The time itself, for what is measured within a pass.
  virtual Nanos clock_now() const = 0;
};

class Pool {
 public:
  // On the shard's thread: its turns are watched by that thread's CPU clock.
  Pool(PoolHost* host, Warmup* warmup, Watchdog* watchdog, ipc::ShardCounters* counters);
  ~Pool();

  // `request` and its views live as js::RequestView says, until the answer or Cancel. Not to be called from inside OnResponse or
  // OnFailure: they may be running in the middle of another request's turn.
  Ticket Submit(RequestId id, TargetRef target, const js::RequestView* request);
  // Nobody waits any more, for the answer or the rest of it: request.signal is aborted, streams are cancelled. Of a request answered whole
  // only its body's reader is forgotten. Not from inside a call to PoolHost.
  void Cancel(Ticket ticket);
  // Turns of a request that streams, as js::Isolate says. Not from inside a call to PoolHost.
  void BodyArrived(Ticket ticket);
  void ResumeResponse(Ticket ticket);
  void PeerFinished(Ticket ticket);

  // Makes the version warm here; `done` gets the load's outcome (kOk at once when it is warm already).
  void Prepare(const Target& target, std::function<void(const js::Outcome&)> done);
  // Versions that are in neither of these sorted lists take no new requests: their isolates go when nothing is in flight. Those on standby
  // keep the isolate they have, as long as there is room (kStandbyIsolatesMax); one that is lost is not made again.
  void Retain(const std::vector<uint64_t>& version_ids, const std::vector<uint64_t>& standby = {});

  // What the gate has to tell of a request; `instance` is the owner's. Nothing happens where the isolate is gone.
  void OnFetch(uint64_t instance, js::FetchId id, const js::FetchEvent& event);

  // Timers of functions, queue time-outs, wall limits.
  void RunDue(Nanos now);
  // To be called about once a second: garbage and memory figures of one isolate, gauges; a bounded piece of work.
  void Idle();

  // Requests submitted and neither answered nor cancelled.
  size_t in_flight() const;
  // Versions that have an isolate ready.
  size_t warm() const;
  // Isolates of any state, retiring ones included.
  size_t isolates() const;

  struct Impl;  // pool.cc's affair

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace zts::runtime
