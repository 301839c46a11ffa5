// The engines of a worker, one a class, as one: a catalog is divided among them, made ready everywhere, and switched in an order in which
// no request is forwarded to an engine that does not know its version.
//
//   Prepare   the classes that the catalog names have engines; each that gets other versions than it has prepares them, then the default
//             one. Where nothing is to be warm (a start from the disk), engines of new classes are not waited for
//   Commit    the default engine switches first: classes' engines answer for what they have prepared. Then they switch too
//   after it  a class without versions has no engine, once what was on its way to it has come (kClassLeaveTime)
//
// The engine of the default class has the listeners and forwards what is other classes' (worker/engine/classes/README.md), by sockets that
// are made here whenever one of the two ends is a new one. A class's engine that dies takes its own functions' requests along and no
// others, and is started again by the same policy as every engine. A version that it goes without from then on (quarantine) the default
// engine leaves out too, as it does with its own. A change that gives such a version requests that it did not get (a rollback to it, a
// promotion) lets it try again: who has made the change may know better, and what is said to serve is not to be a function that is not
// there.
//
// Owner:    Engines, or a test.
// Thread:   one; what processes have to tell reaches it through Options::post.
// Life:     what Options names outlives it.
// Limits:   kEngineClassesMax; a version of one class more is refused, or left out where it is served already (a worker that starts with
//           another policy than before). The memory budget is divided evenly between the engines in use.
// Errors:   as EngineHost's, of whichever engine it is.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "worker/supervisor/engine_class.h"
#include "worker/supervisor/engine_host.h"

namespace zts::supervisor {

// Of one class besides the default one.
struct ClassStatus {
  uint32_t number = 0;
  std::string name;
  EngineStatus engine;
};

class EngineSet {
 public:
  struct Options {
    EngineHost::Setup setup;   // of the default class, with its listeners and the whole memory budget
    EngineClass own;           // what the default engine's policy is, as a deploy would say it
    const Clock* clock;
    const ipc::SharedCounters* counters;
    CounterRows* rows;
    VersionRows* version_rows;
    EgressPort* egress = nullptr;
    std::function<std::unique_ptr<EngineLauncher>(const EngineClass&)> make_launcher;
    // The counters have room for so many blocks from here on.
    std::function<void(uint32_t blocks)> grow_counters;
    // Any thread: runs the task on the set's thread, in order.
    std::function<void(std::function<void()>)> post;
    std::function<void(std::vector<LogRecord>)> on_logs;
    std::function<void()> on_status;
  };
  explicit EngineSet(Options options);
  ~EngineSet();

  void Start();

  // See EngineHost.
  void Prepare(CatalogSpec catalog, std::vector<uint64_t> warm, EngineHost::PrepareDone done);
  void Commit(EngineHost::CommitDone done);
  void AskJit(const std::string& function, Nanos watch, JitSurveys::Done done);
  void ShareListeners(bool shared);
  // The default engine first: what it forwards needs the others. All are gone when status() is kStopped.
  void Drain(Nanos timeout);
  void Kill();
  void OnEgressUp();
  void OnTime();
  // When OnTime is due; 0: never.
  Nanos NextDeadline() const;

  // The default engine's; kDraining until none is left.
  EngineStatus status() const;
  std::vector<ClassStatus> classes() const;

 private:
  class Unit;
  using Units = std::map<uint32_t, std::unique_ptr<Unit>>;  // by the class's number

  EngineClass ClassOf(const FunctionSpec& spec) const;
  std::optional<uint32_t> NumberOf(const FunctionSpec& spec) const;
  Unit* Find(const EngineClass& of);
  Unit* Add(const EngineClass& of);
  CatalogSpec PartOf(const CatalogSpec& catalog, const EngineClass& of) const;
  std::vector<Problem> AddClasses(const CatalogSpec& catalog, const std::vector<uint64_t>& warm);
  std::string TooMany(const EngineClass& wanted) const;
  void OnPartPrepared(Unit* unit, Result<std::vector<Problem>> result);
  void PrepareDefault();
  void FinishPrepare(Result<std::vector<Problem>> result);
  void CommitParts();
  void FinishCommit();
  void ForgetParts();
  void LeaveUnused();
  void EraseStopped();
  void DivideMemory();
  void EndChange();
  void LookAtLeftOut(Unit* unit);
  void CatchUp();
  void OnServing(Unit* unit);
  void Connect(Unit* unit);
  void DrainClasses(Nanos timeout);

  const Options options_;
  std::unique_ptr<Unit> default_;
  Units units_;
  CatalogSpec committed_;
  // One at a time, as the host's.
  struct Change {
    Change() {}  // clang 14 takes an implicit one for none here: the initializers below are read at the end of the outer class
    CatalogSpec catalog;
    std::vector<uint64_t> warm;
    EngineHost::PrepareDone prepare_done;
    EngineHost::CommitDone commit_done;
    size_t parts_left = 0;
    std::vector<Problem> problems;
    std::optional<Error> error;
  };
  std::optional<Change> change_;
  bool default_behind_ = false;  // a class goes without a version that the default engine still leads to
  bool stopping_ = false;
  bool killed_ = false;
};

}  // namespace zts::supervisor
