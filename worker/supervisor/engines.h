// The engines of this worker on their own thread: feeds EngineSet its events, and gives the rest of the worker calls that may wait.
//
// The listeners of the default class stay open over its engine's restarts.
//
// Owner:    main(), one.
// Thread:   any, except where said; ShareListeners not during or after Drain.
//           The thread inside starts the engine processes and lives until Stop.
// Life:     counters and rows outlive it. on_logs is called on the inner thread until Stop has returned.
// Errors:   kAborted: the worker is stopping.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "worker/supervisor/engine_set.h"

namespace zts::supervisor {

// What a deploy needs of the engines; tests put a fake in their place.
class CatalogSink {
 public:
  virtual ~CatalogSink() = default;
  // See EngineSet. Wait for the answer; one thread at a time.
  virtual Result<std::vector<Problem>> Prepare(CatalogSpec catalog, std::vector<uint64_t> warm) = 0;
  virtual Status Commit() = 0;
  // The key that code caches must have; empty until the first engine is ready.
  virtual std::string ArtifactKey() const = 0;
};

class Engines final : public CatalogSink {
 public:
  struct Options {
    EngineHost::Setup setup;           // without listeners
    std::vector<UniqueFd> listeners;   // one a shard
    bool listeners_shared = false;     // with another worker's engine, until KeepListeners
    EngineClass own;                   // of the default engine, as a deploy would say it
    std::function<std::unique_ptr<EngineLauncher>(const EngineClass&)> make_launcher;
    const Clock* clock;
    ipc::SharedCounters* counters;     // with room for kEngineClassesMax classes besides
    CounterRows* rows;
    VersionRows* version_rows;
    EgressPort* egress = nullptr;      // outlives it; null: functions make no requests
    std::function<void(std::vector<LogRecord>)> on_logs;
    // Something of the status has changed; on the inner thread.
    std::function<void()> on_status;
  };
  explicit Engines(Options options);
  ~Engines() override;

  Result<std::vector<Problem>> Prepare(CatalogSpec catalog, std::vector<uint64_t> warm) override;
  Status Commit() override;
  std::string ArtifactKey() const override;

  // See EngineSet; `done` is called on the inner thread, or never where the worker ends first.
  void AskJit(std::string function, Nanos watch, JitSurveys::Done done);

  // Duplicates of the listening sockets, for another worker to accept from at the same time; and the end of that.
  Result<std::vector<UniqueFd>> ShareListeners();
  void KeepListeners();

  // The egress process is a new one.
  void OnEgressUp();
  // Begins to drain and returns; status().state becomes kStopped.
  void Drain(Nanos timeout);
  void Kill();

  EngineStatus status() const;
  std::vector<ClassStatus> classes() const;

 private:
  using Task = std::function<void()>;
  // Tasks of an engine wait for room here; an engine that floods is slowed down, not buffered.
  static constexpr size_t kTasksMax = 1024;

  EngineSet::Options SetOptions();
  void OnStatus();
  enum class Room : uint8_t { kWaitFor, kTake };
  void Post(Task task, Room room);
  void Run();
  bool TakeTasks(std::deque<Task>* tasks);

  Options options_;
  EngineSet set_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable room_;
  std::deque<Task> tasks_;
  EngineStatus status_;
  std::vector<ClassStatus> classes_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace zts::supervisor
