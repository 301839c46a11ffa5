// Compiles each bundle in a compiler process of its own, a few at a time; one process waits ready, so that starting one is not part
// of a deploy.
//
// A module whose evaluation takes long is evaluated once more, in a second process, for a snapshot of what it has become; a third begins
// from that, as an engine would. Whatever goes wrong there, the deploy goes on with the code cache and says why.
//
// Owner:    main(), one a process.
// Thread:   Compile: any; blocks. Start and Stop: one thread.
// Limits:   kSnapshotFromEvaluation, kSnapshotBytesMax, kSnapshotCpuMax, kCompilersMax, kCompilersWarm, kCompileQueueMax,
//           kCompilerStartTimeout, kCompileWallSlack, kCompilerAnswerBytesMax.
// Errors:   Compile: kExhausted when the queue is full, kAborted after Stop, kInternal when compiler processes cannot start: the message
//           has their last words. How a process ended while it held a job is the tenant's doing, and a SourceProblem.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "controller/compiler/child.h"
#include "controller/compiler/compiler.h"
#include "controller/limits.h"

namespace zts::controller {

class ProcessCompiler final : public Compiler {
 public:
  struct Options {
    std::vector<std::string> command;  // argv of a compiler process
    Nanos start_timeout = kCompilerStartTimeout;
    Nanos wall_slack = kCompileWallSlack;
    size_t answer_bytes_max = kCompilerAnswerBytesMax;
  };
  explicit ProcessCompiler(Options options);
  ~ProcessCompiler() override { Stop(); }

  Result<CompileOutcome> Compile(const CompileJob& job) override;
  // Fails what waits, kills what runs.
  void Stop() override;

 private:
  struct Task {
    const CompileJob* job;
    Result<CompileOutcome> result = Error{};
    bool done = false;
  };
  using ChildPtr = std::shared_ptr<CompilerChild>;

  void Work();
  Result<CompileOutcome> RunOne(const CompileJob& job);
  void AddSnapshot(const CompileJob& job, CompiledBundle& compiled);
  // In processes of their own, of which nothing but the snapshot is lost when V8 ends them. The error says why there is none.
  Result<std::string> MakeSnapshot(CompileJob job);
  Result<CompileOutcome> RunProcess(const CompileJob& job);
  Result<ChildPtr> StartChild();
  // A process that is ready; the warm one if it is alive.
  Result<ChildPtr> TakeReady();
  void KeepWarm();
  Result<CompileOutcome> Explain(const CompileJob& job, CompilerChild::Exchanged exchanged, Nanos wall_limit) const;

  const Options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task*> queue_;
  bool stopped_ = false;
  ChildPtr warm_;
  std::vector<ChildPtr> running_;
  std::vector<std::thread> threads_;
};

}  // namespace zts::controller
