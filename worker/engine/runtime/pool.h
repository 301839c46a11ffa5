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
// A version whose turns take so much CPU time that they hold the others up (kHeavyTurn) goes away: to `elsewhere`, an offload
// thread, where a pool of the same kind runs it in an isolate of its own until it has behaved for a while. Its requests stay in this pool's
// table, with their time limits. What a turn takes is the watchdog's to find out, so a light function pays one addition a turn.
//
// A version of another class (Target::engine_class) has no isolate here at all: all of its requests go to that class's engine, where they
// are counted as in flight too. The wall limit stays here.
//
// Owner:    Shard, exactly one; OffloadHost, another.
// Thread:   the owner's, which may be another one after TakeThread; what the warm-up thread has made arrives through PoolHost::Post.
// Life:     PoolHost, Warmup and Watchdog outlive it; PoolHost outlives Warmup::Stop, since V8 may post for an isolate until then.
// Limits:   the memory budget and kWarmIsolatesMax (isolates on standby go first, then idle ones, least recently used first; with nothing
//           idle and the budget exhausted a cold function is refused), kStandbyIsolatesMax, kColdQueueMax,
//           kColdQueueTimeout, kInFlightPerIsolateMax, kOffloadQueueMax, kClassQueueMax.
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
#include "worker/engine/runtime/elsewhere.h"
#include "worker/engine/runtime/request_id.h"
#include "worker/engine/runtime/request_times.h"
#include "worker/engine/runtime/target.h"
#include "worker/ipc/shared_counters.h"

namespace zts::runtime {

class MemoryBudget;
class Warmup;
class Watchdog;

// What a cold start took, in the phases of ipc::ColdPhase, up to the answer. `handler`, `gc` and `total` are the request's own; the others
// were the same for all that waited.
struct ColdTimes {
  Nanos phases[ipc::kColdPhases] = {};
  ipc::ColdKind kind = {};
};
// A function with this variable set to "1" shows its clients the times of their cold starts.
inline constexpr std::string_view kServerTimingVariable = "ZTS_SERVER_TIMING";

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
  // Right before OnResponse to a request that has waited for an isolate, of a function that shows such times.
  virtual void OnColdAnswer(RequestId id, const ColdTimes& times) {}
  // RunDue is to be called at this time (0: at none). Called when it changes.
  virtual void OnWakeAt(Nanos when) = 0;
  // Of a pool with Role::kOffload: this version has behaved for as long as Expect said.
  virtual void OnCalm(uint64_t version_id) {}
  // The way out for functions' requests; null: there is none.
  virtual FetchGate* fetch_gate() { return nullptr; }
  // Any thread: runs the task on the shard's thread, soon.
  virtual void Post(std::function<void()> task) = 0;
  // The time of this pass of the loop.
  virtual Nanos now() const = 0;
  // The time itself, for what is measured within a pass.
  virtual Nanos clock_now() const = 0;
};

struct PoolOptions {
  // kOffload: requests are counted as in flight where they came from, and versions are watched for their calm.
  enum class Role : uint8_t { kShard, kOffload } role = Role::kShard;
  // Where heavy versions go; null: nowhere, they stay.
  Elsewhere* elsewhere = nullptr;
  // Where versions of other classes go, from their first request on and for ever. REQUIRES: there, where targets name a class.
  ElsewhereByClass* classes = nullptr;
  // What all pools' isolates may take together; null: no bound but kWarmIsolatesMax.
  MemoryBudget* budget = nullptr;
};

class Pool {
 public:
  // Its turns are watched by the calling thread's CPU clock.
  Pool(PoolHost* host, Warmup* warmup, Watchdog* watchdog, ipc::ShardCounters* counters, const PoolOptions& options = {});
  ~Pool();

  // The calling thread is the one that makes the turns from here on. REQUIRES: no isolate is here.
  void TakeThread();
  // Whose turn that thread is in; 0: nobody's. Any thread.
  uint64_t version_in_turn() const;

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

  // What `elsewhere` tells.
  ElsewhereEvents* elsewhere_events();
  // Sends a version away, or lets it come back once it is warm here. For tests; else the pool does so by itself.
  void MoveAway(uint64_t version_id);
  void ComeBack(uint64_t version_id);

  // Of the role kOffload. Makes the version warm, and tells its calm after this long without a heavy turn.
  void Expect(const Target& target, Nanos calm_time);
  // No new requests come: its isolate goes when nothing is in flight.
  void Release(uint64_t version_id);

  // What the gate has to tell of a request; `instance` is the owner's. Nothing happens where the isolate is gone.
  void OnFetch(uint64_t instance, js::FetchId id, const js::FetchEvent& event);

  // Timers of functions, queue time-outs, wall limits.
  void RunDue(Nanos now);
  // The end of a pass of the owner's loop: no isolate is stayed in while the thread waits. Between two of these the thread stays in the
  // isolate of the last request, as the next one is likely to be for the same function; where it is never called, in none.
  void EndPass();
  // To be called about once a second: garbage and memory figures of one isolate, gauges; a bounded piece of work.
  void Idle();

  // The isolate that new requests of the version go to here, to be looked into between turns; null: there is none. It is the pool's, and
  // may be gone after the next call.
  js::Isolate* IsolateOf(uint64_t version_id);

  // How long this version's turns have held the thread in all, since it is known here; 0: it is not.
  Nanos held(uint64_t version_id) const;

  // Of the request whose OnResponse or OnFailure is being called.
  const RequestTimes& times() const;
  // The turn that has run last: when it was over, and how long it took.
  Nanos turn_ended() const;
  Nanos last_turn() const;

  // Requests submitted and neither answered nor cancelled.
  size_t in_flight() const;
  // Versions that have an isolate ready.
  size_t warm() const;
  // Versions that are elsewhere, without those of other classes.
  size_t away() const;
  // Isolates of any state, retiring ones included.
  size_t isolates() const;

  struct Impl;  // pool.cc's affair

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace zts::runtime
