#include "controller/compiler/process_compiler.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>

#include "base/log.h"
#include "controller/compiler/exit_codes.h"
#include "controller/compiler/frame.h"

namespace zts::controller {
namespace {

std::string LastLine(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  const size_t at = text.rfind('\n');
  return std::string(at == std::string_view::npos ? text : text.substr(at + 1));
}

std::string WithLastWords(std::string text, const CompilerChild::Exchanged& exchanged) {
  const std::string words = LastLine(exchanged.stderr_tail);
  return words.empty() ? text : text + ": " + words;
}

// Why a process did not even become ready.
Error StartError(const CompilerChild::Exchanged& exchanged) {
  if (exchanged.end == CompilerChild::End::kTimeout) {
    return {ErrorCode::kUnavailable, WithLastWords("the compiler process did not start in time; is the machine overloaded?", exchanged)};
  }
  return Internal(WithLastWords("the compiler process did not start (" + DescribeStatus(exchanged.status) + ")", exchanged));
}

Nanos StartupCpuOf(const CompileJob& job) {
  return job.limits.startup_cpu_ns != 0 ? job.limits.startup_cpu_ns : kStartupCpuDefault;
}

std::string Millis(Nanos time) { return std::to_string(time / kMillisecond) + " ms"; }

Error Stopped() { return {ErrorCode::kAborted, "the controller is stopping; deploy again when it is back"}; }

}  // namespace

ProcessCompiler::ProcessCompiler(Options options) : options_(std::move(options)) {
  // A child that dies while its job is written is an ordinary event, and no reason to end this process.
  ::signal(SIGPIPE, SIG_IGN);
  for (size_t i = 0; i < kCompilersMax; ++i) threads_.emplace_back([this] { Work(); });
}

void ProcessCompiler::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    for (const ChildPtr& child : running_) child->Kill();
    for (Task* task : queue_) {
      task->result = Stopped();
      task->done = true;
    }
    queue_.clear();
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  warm_.reset();
}

Result<CompileOutcome> ProcessCompiler::Compile(const CompileJob& job) {
  std::unique_lock lock(mutex_);
  if (stopped_) return Stopped();
  if (queue_.size() >= kCompileQueueMax) {
    return Error{ErrorCode::kExhausted, std::to_string(queue_.size()) + " bundles wait for the compiler already; try again in a moment"};
  }
  Task task{.job = &job};
  queue_.push_back(&task);
  changed_.notify_all();
  changed_.wait(lock, [&] { return task.done; });
  return std::move(task.result);
}

void ProcessCompiler::Work() {
  KeepWarm();
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopped_ || !queue_.empty(); });
    if (stopped_) return;
    Task* task = queue_.front();
    queue_.pop_front();
    lock.unlock();
    Result<CompileOutcome> result = RunOne(*task->job);
    lock.lock();
    task->result = std::move(result);
    task->done = true;
    changed_.notify_all();
    lock.unlock();
    // Only after the answer: starting the next one takes a core for a moment.
    KeepWarm();
    lock.lock();
  }
}

Result<ProcessCompiler::ChildPtr> ProcessCompiler::StartChild() {
  ZTS_ASSIGN_OR_RETURN(std::unique_ptr<CompilerChild> child, CompilerChild::Start(options_.command));
  return ChildPtr(std::move(child));
}

void ProcessCompiler::KeepWarm() {
  static_assert(kCompilersWarm == 1, "warm_ is one");
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || warm_ != nullptr) return;
  }
  auto child = StartChild();
  if (!child.ok()) {
    // The next deploy tries again, and tells its client.
    ZTS_LOG(kWarning) << child.error().message;
    return;
  }
  const std::lock_guard lock(mutex_);
  if (warm_ == nullptr && !stopped_) warm_ = *std::move(child);
}

Result<ProcessCompiler::ChildPtr> ProcessCompiler::TakeReady() {
  ChildPtr child;
  {
    const std::lock_guard lock(mutex_);
    child = std::move(warm_);
    warm_.reset();
    if (child != nullptr) running_.push_back(child);
  }
  for (int attempt = 0; attempt < 2; ++attempt) {
    const bool was_warm = child != nullptr;
    if (!was_warm) {
      ZTS_ASSIGN_OR_RETURN(child, StartChild());
      const std::lock_guard lock(mutex_);
      if (stopped_) return Stopped();
      running_.push_back(child);
    }
    const auto ready = child->AwaitReady(options_.start_timeout);
    if (ready.end == CompilerChild::End::kAnswered) return child;
    const std::lock_guard lock(mutex_);
    std::erase(running_, child);
    child.reset();
    if (stopped_) return Stopped();
    if (!was_warm) return StartError(ready);
    // It died while it waited (the kernel was short of memory, somebody killed it): one that is started for this job tells.
    ZTS_LOG(kWarning) << "the waiting compiler process is gone (" << DescribeStatus(ready.status) << ")";
  }
  return Internal("no compiler process could be started");
}

Result<CompileOutcome> ProcessCompiler::RunProcess(const CompileJob& job) {
  ZTS_ASSIGN_OR_RETURN(const ChildPtr child, TakeReady());
  const Nanos wall_limit = StartupCpuOf(job) + options_.wall_slack;
  auto exchanged = child->Exchange(EncodeJob(job), options_.answer_bytes_max, wall_limit);
  {
    const std::lock_guard lock(mutex_);
    std::erase(running_, child);
    if (stopped_) return Stopped();
  }
  if (exchanged.end == CompilerChild::End::kAnswered) return DecodeAnswer(std::move(exchanged.head), std::move(exchanged.body));
  return Explain(job, std::move(exchanged), wall_limit);
}

Result<CompileOutcome> ProcessCompiler::RunOne(const CompileJob& job) {
  Result<CompileOutcome> outcome = RunProcess(job);
  if (!outcome.ok()) return outcome;
  if (auto* compiled = std::get_if<CompiledBundle>(&*outcome)) AddSnapshot(job, *compiled);
  return outcome;
}

void ProcessCompiler::AddSnapshot(const CompileJob& job, CompiledBundle& compiled) {
  const std::string took = "its evaluation takes " + Millis(compiled.evaluate_ns);
  if (job.snapshot == SnapshotPolicy::kNever) {
    compiled.start_reason = "no snapshot is wanted";
    return;
  }
  if (job.snapshot == SnapshotPolicy::kAuto && compiled.evaluate_ns < kSnapshotFromEvaluation) {
    compiled.start_reason = took + ", a snapshot pays from " + Millis(kSnapshotFromEvaluation) + " on";
    return;
  }
  if (!compiled.snapshot_refusal.empty()) {
    compiled.start_reason = took + ", but " + compiled.snapshot_refusal;
    return;
  }
  auto snapshot = MakeSnapshot(job);
  constexpr const char* kForThisEnvironment =
      "; with other variables or secrets than at this deploy it starts from its code cache, since it reads them while it loads";
  const std::string made = took + (compiled.reads_environment ? kForThisEnvironment : "");
  compiled.start_reason = snapshot.ok() ? made : took + ", but " + snapshot.error().message;
  if (snapshot.ok()) compiled.snapshot = *std::move(snapshot);
}

Result<std::string> ProcessCompiler::MakeSnapshot(CompileJob job) {
  const auto answer = [this](const CompileJob& wanted) -> Result<std::string> {
    ZTS_ASSIGN_OR_RETURN(CompileOutcome outcome, RunProcess(wanted));
    if (auto* made = std::get_if<CompiledBundle>(&outcome)) return std::move(made->code_cache);
    const SourceProblem& problem = std::get<SourceProblem>(outcome);
    return Invalid(problem.kind == "no-snapshot" ? problem.message : "no snapshot could be made: " + problem.message);
  };
  job.product = CompileJob::Product::kSnapshot;
  ZTS_ASSIGN_OR_RETURN(std::string snapshot, answer(job));
  if (snapshot.size() > kSnapshotBytesMax) {
    return Invalid("its snapshot would be larger than " + std::to_string(kSnapshotBytesMax >> 20) + " MiB");
  }
  job.product = CompileJob::Product::kTrial;
  job.snapshot_to_try = snapshot;
  auto tried = answer(job);
  if (!tried.ok()) return std::move(tried).error().Under("another process cannot begin from its snapshot");
  return snapshot;
}

Result<CompileOutcome> ProcessCompiler::Explain(const CompileJob& job, CompilerChild::Exchanged exchanged, Nanos wall_limit) const {
  SourceProblem problem;
  problem.file = job.main_module;
  const int status = exchanged.status;
  if (exchanged.end == CompilerChild::End::kTimeout) {
    problem.kind = "startup-limit";
    problem.message = "the module was not evaluated within " + std::to_string(wall_limit / kSecond) +
                      " s; does it wait for something at its top level?";
  } else if (exchanged.end == CompilerChild::End::kGarbage) {
    problem.kind = "crash";
    problem.message = "the compiler's answer could not be used: " + exchanged.error.message;
  } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) {
    problem.kind = "startup-limit";
    problem.message = "the module used up its startup CPU time of " + std::to_string(StartupCpuOf(job) / kMillisecond) + " ms";
  } else if (WIFEXITED(status) && WEXITSTATUS(status) == kV8FatalExit) {
    problem.kind = "memory-limit";
    problem.message = WithLastWords("V8 could not go on while it evaluated the module", exchanged);
  } else if (WIFEXITED(status) && WEXITSTATUS(status) == kNoJobExit) {
    return Internal(WithLastWords("the compiler process did not take its job", exchanged));
  } else {
    problem.kind = "crash";
    problem.message =
        WithLastWords("the compiler process ended by " + DescribeStatus(status) + " while it evaluated the module", exchanged);
  }
  return CompileOutcome(std::move(problem));
}

}  // namespace zts::controller
