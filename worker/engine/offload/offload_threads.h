// The offload threads of an engine, and who is run by which: started when a function is given to them, ended when they have had nothing
// for a while.
//
//   shard: pool --heavy--> ThreadWay --Take--> Placement: thread 2      keeper, four times a second: CPU clocks --Look--> moves
//                                    ==posts==> host(2)                        --> ThreadWay::OnMove, on the shard's thread
//
// The hosts are made at the start, with what a process that has shut itself in cannot make (their epoll descriptors); threads come and go,
// made by the keeper: a thread of its own, of lower priority than the shards and on other cores than theirs, where there are such,
// which the threads it makes inherit. No thread of JavaScript has a part in it, so one that hangs keeps nobody from being moved.
//
// The end has two steps, as a shard's: EndLoops, then, when no isolate is left to post anything (Warmup::Stop) and the shards are gone, the
// destructor.
//
// Owner:    Engine, exactly one.
// Thread:   Start, EndLoops, destructor: the engine's main. Others: any.
// Life:     what Options names outlives it; it outlives the shards.
// Limits:   OffloadThreadsOf, kOffloadLook, kOffloadRest.
// Errors:   Start fails when an Io cannot be made; the message names the cause.
#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "worker/engine/net/loop.h"
#include "worker/engine/offload/offload_host.h"
#include "worker/engine/offload/placement.h"
#include "worker/ipc/shared_counters.h"

namespace zts::offload {

class OffloadThreads {
 public:
  struct Options {
    std::vector<ipc::ShardCounters*> counters;  // one a thread: so many there are at most
    std::vector<uint32_t> cores;                // what they may run on; empty: no bound
    runtime::Warmup* warmup = nullptr;
    runtime::Watchdog* watchdog = nullptr;
    LogQueue* logs = nullptr;
    runtime::MemoryBudget* budget = nullptr;
    // kManual: no thread is made; the hosts are run, and Tend is called, by who has made this. For tests and simulation, with what follows.
    enum class Mode : uint8_t { kThreads, kManual } mode = Mode::kThreads;
    const Clock* clock = nullptr;                                 // of the loops; null: the system's
    const Clock* keeper_clock = nullptr;                          // null: the same
    std::function<Result<std::unique_ptr<net::Io>>()> make_io;    // null: epoll
    std::function<Nanos(uint32_t thread)> cpu;                    // used so far; null: the thread's CPU clock
  };
  static Result<std::unique_ptr<OffloadThreads>> Start(Options options);
  ~OffloadThreads();
  // Blocks until turns under way and loops have ended; the hosts stay.
  void EndLoops();

  // A shard that will send versions; its number. `on_move` posts to the shard: it is not to call back. Not called after Part.
  using OnMove = std::function<void(const Placement::Move&)>;
  uint32_t Join(OnMove on_move);
  void Part(uint32_t shard);

  // Of the shards' ways: which thread is to run a version from here on, and that it need no longer; and that a move has been made.
  Placement::Place Take(uint32_t shard, uint64_t version_id);
  void Give(uint64_t serial);
  void Left(uint32_t thread);

  uint32_t count() const { return static_cast<uint32_t>(seats_.size()); }
  OffloadHost* host(uint32_t thread) const { return seats_[thread]->host.get(); }
  // Runs the task on the thread. False: it is not running, and has nothing.
  bool PostIfRunning(uint32_t thread, std::function<void(OffloadHost&)> task);
  // Functions' requests go out by this socket from here on.
  void ConnectEgress(uint32_t thread, UniqueFd socket);

  // What the keeper does in each period: measures, moves, starts and ends threads.
  void Tend();

 private:
  // A thread's place, whether there is one or not.
  struct Seat {
    uint32_t index = 0;
    ipc::ShardCounters* counters = nullptr;
    std::unique_ptr<net::Loop> loop;
    std::unique_ptr<OffloadHost> host;
    std::thread thread;
    enum class State : uint8_t { kNone, kRunning, kEnded } state = State::kNone;  // kEnded: it is to be joined
    Nanos used_at = 0;       // when somebody last had a place here
    Nanos cpu_seen = 0;      // of this thread
    UniqueFd egress;         // for the thread to come
  };
  explicit OffloadThreads(Options options);
  Status MakeSeats();
  void Keep();
  void Run(Seat* seat);
  void TendLocked();
  // With no thread, it has something to do nevertheless.
  static bool HasLeft(const Seat& seat);
  void StartThread(Seat* seat);
  void EndThread(Seat* seat);
  void SetEnded(Seat* seat);
  void JoinEnded(Seat* seat);
  Nanos CpuSince(Seat* seat);
  void SetGauges(const Seat& seat);
  bool in_use() const;

  const Options options_;
  SystemClock system_clock_;
  const Clock* const clock_;
  const Clock* const keeper_clock_;
  std::vector<std::unique_ptr<Seat>> seats_;

  std::mutex mutex_;  // guards what follows, and the seats' states and counters
  std::condition_variable wake_;
  bool wanted_ = false;    // something for the keeper to do at once
  bool stopping_ = false;
  Placement placement_;
  std::vector<OnMove> shards_;
  Nanos looked_at_ = 0;
  std::thread keeper_;
};

}  // namespace zts::offload
