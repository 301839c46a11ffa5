// The compiler process: waits ready, takes one bundle, answers with its code cache or what is wrong with it, and exits.
// Others make a snapshot of one, or try one out.
//
// What it runs is a tenant's code. Before it looks at the job it gives up everything it does not need for it: no new
// descriptor (files, sockets), no new process or thread, bounded memory and CPU time, and no system call that V8 does without (seccomp).
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/bytes.h"
#include "base/clock.h"
#include "controller/compiler/exit_codes.h"
#include "controller/compiler/frame.h"
#include "controller/limits.h"
#include "jsruntime/compiler.h"
#include "jsruntime/host.h"
#include "jsruntime/sandbox.h"

namespace zts::controller {
namespace {

static_assert(kV8FatalExit == js::kV8FatalExitCode);

// What V8 reserves for the code of an isolate counts whole, used or not: that of the host's own isolate, and of the job's.
constexpr rlim_t kCodeRangeBytes = rlim_t{512} << 20;
// Beside the tenant's memory: also the host itself, the compiler's zones, and the headroom that the heap limit is raised by when it is
// reached. No more than that: built-ins of V8's that make a huge array do not see that they are to end, and are ended by this.
constexpr rlim_t kDataBytesBeside = 2 * kCodeRangeBytes + (rlim_t{128} << 20);
// Writing a snapshot down: the module as the body of a function, the parser that makes it, and the blob, twice. The module is known by
// then.
constexpr rlim_t kWritingBytes = rlim_t{256} << 20;
// The watchdog's period, and how far the isolate's own limit may be late before it acts.
constexpr Nanos kWatchPeriod = 5 * kMillisecond;

void SetLimit(__rlimit_resource which, rlim_t soft, rlim_t hard) {
  const rlimit limit{soft, hard};
  ::setrlimit(which, &limit);
}

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// Exactly one answer: the main thread's, or the watchdog's.
class Answer {
 public:
  explicit Answer(int fd) : fd_(fd) {}
  [[noreturn]] void Send(const CompileOutcome& outcome) {
    if (sent_.exchange(true)) {
      while (true) ::pause();  // the other one ends the process
    }
    const bool written = WriteAll(fd_, EncodeAnswer(outcome));
    // Not through exit handlers: the host is in the middle of its life, and everything there is to say is said.
    ::_exit(written ? 0 : kNoJobExit);
  }

 private:
  const int fd_;
  std::atomic<bool> sent_{false};
};

Result<ReceivedJob> ReadJob(int fd) {
  FrameReader reader(kBundleBytesMax + kSnapshotBytesMax + (size_t{1} << 20));
  char buffer[64 * 1024];
  while (!reader.done()) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Unavailable("nobody has a job any more");
    ZTS_RETURN_IF_ERROR(reader.Add({buffer, static_cast<size_t>(got)}));
  }
  return DecodeJob(reader.TakeHead(), reader.TakeBody());
}

js::ScriptPtr MakeScript(ReceivedJob received) {
  struct Storage {
    std::string source, snapshot;
  };
  auto storage = std::make_shared<Storage>(Storage{std::move(received.storage), std::move(received.snapshot_to_try)});
  auto script = std::make_shared<js::Script>();
  script->function = received.job.function;
  script->version = "deploy";
  script->main_module = received.job.main_module;
  script->source = storage->source;
  script->function_snapshot = AsBytes(storage->snapshot);
  script->env.assign(received.job.env.begin(), received.job.env.end());
  const VersionLimits& limits = received.job.limits;
  if (limits.startup_cpu_ns != 0) script->limits.startup_cpu = limits.startup_cpu_ns;
  if (limits.memory_bytes_max != 0) script->limits.memory_bytes_max = limits.memory_bytes_max;
  script->storage = std::move(storage);
  return script;
}

// What the process must have done once before it may not open files or make threads any more; and a proof that it works.
bool Prime(js::Host& host) {
  ReceivedJob job;
  job.job.function = "prime";
  job.job.main_module = "prime.js";
  job.storage = "export default () => new Response('ready');";
  const js::Compiled compiled = js::Compile(host, MakeScript(std::move(job)));
  if (!compiled.outcome.ok()) std::fprintf(stderr, "the compiler's own check failed: %s\n", compiled.outcome.message.c_str());
  return compiled.outcome.ok();
}

// Ends the process with an answer when the main thread has used up its CPU time. The CPU rlimit is the backstop: seconds, all threads.
class Watchdog {
 public:
  explicit Watchdog(Answer& answer) : answer_(answer) {
    ::pthread_getcpuclockid(::pthread_self(), &main_clock_);
    std::thread([this] { Watch(); }).detach();
  }
  void Arm(Nanos cpu, std::string file) {
    file_ = std::move(file);
    cpu_ = cpu;
    deadline_ = MainCpuNow() + cpu;
  }

 private:
  Nanos MainCpuNow() const {
    timespec now{};
    ::clock_gettime(main_clock_, &now);
    return now.tv_sec * kSecond + now.tv_nsec;
  }
  void Watch() {
    const timespec period{0, kWatchPeriod};
    while (true) {
      ::nanosleep(&period, nullptr);
      const Nanos deadline = deadline_;
      if (deadline == 0 || MainCpuNow() < deadline) continue;
      answer_.Send(SourceProblem{.kind = "startup-limit",
                                 .message = "the module used up its startup CPU time of " + std::to_string(cpu_ / kMillisecond) + " ms",
                                 .file = file_});
    }
  }

  Answer& answer_;
  clockid_t main_clock_{};
  std::string file_;
  std::atomic<Nanos> cpu_{0};
  std::atomic<Nanos> deadline_{0};  // set last
};

void GiveUpEverything(const js::Limits& limits, Nanos startup_cpu, CompileJob::Product product) {
  const rlim_t data = limits.memory_bytes_max + kDataBytesBeside + (product == CompileJob::Product::kSnapshot ? kWritingBytes : 0);
  SetLimit(RLIMIT_DATA, data, data);
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto used_seconds = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
  const auto startup_seconds = static_cast<rlim_t>(startup_cpu / kSecond);
  const rlim_t cpu = used_seconds + 2 * startup_seconds + 3;
  SetLimit(RLIMIT_CPU, cpu, cpu + 1);
}

SourceProblem ProblemOf(js::Outcome outcome) {
  return SourceProblem{std::string(js::OutcomeName(outcome.kind)), std::move(outcome.message), std::move(outcome.file), outcome.line,
                       outcome.column, std::move(outcome.source_line), std::move(outcome.stack)};
}

CompileOutcome MakeCodeCache(js::Host& host, const js::ScriptPtr& script) {
  js::Compiled compiled = js::Compile(host, script);
  if (!compiled.outcome.ok()) return ProblemOf(std::move(compiled.outcome));
  return CompiledBundle{.code_cache = std::move(compiled.code_cache),
                        .artifact_key = js::ArtifactKey(),
                        .evaluate_ns = std::min(compiled.report.evaluate, compiled.load_cpu),
                        .reads_environment = compiled.reads_environment,
                        .snapshot_refusal = std::move(compiled.snapshot_refusal)};
}

SourceProblem NoSnapshot(std::string why) { return {.kind = "no-snapshot", .message = std::move(why)}; }

CompileOutcome MakeSnapshot(js::Host& host, const js::ScriptPtr& script) {
  js::Recorded recorded = js::Record(host, script);
  if (!recorded.refusal.empty()) return NoSnapshot(std::move(recorded.refusal));
  if (!recorded.report.outcome.ok()) return ProblemOf(std::move(recorded.report.outcome));
  return CompiledBundle{.code_cache = std::move(recorded.snapshot), .artifact_key = js::ArtifactKey()};
}

// What V8 makes of it is found out here, where the process may end of it, and not in an engine.
CompileOutcome TrySnapshot(js::Host& host, const js::ScriptPtr& script) {
  const auto isolate = host.RestoreIsolate(script);
  if (isolate == nullptr) return NoSnapshot("it was made by another build");
  if (js::LoadReport report = isolate->Load(script); !report.outcome.ok()) return ProblemOf(std::move(report.outcome));
  // Moves what is in it and looks at every object.
  isolate->CollectGarbage();
  return CompiledBundle{.artifact_key = js::ArtifactKey()};
}

CompileOutcome Work(js::Host& host, const js::ScriptPtr& script, CompileJob::Product product) {
  switch (product) {
    case CompileJob::Product::kCodeCache: return MakeCodeCache(host, script);
    case CompileJob::Product::kSnapshot: return MakeSnapshot(host, script);
    case CompileJob::Product::kTrial: return TrySnapshot(host, script);
  }
  return NoSnapshot("nobody knows what is wanted");
}

int Main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: compiler.node PATH-OF-WEB-SNAPSHOT (started by zts-controller)\n");
    return 2;
  }
  // Whatever prints to stdout goes to stderr: the answer has its descriptor to itself.
  const int out = ::dup(1);
  ::dup2(2, 1);
  Answer answer(out);
  Watchdog watchdog(answer);
  auto host = js::Host::Start({argv[1]});
  if (!host.ok()) {
    std::fprintf(stderr, "%s\n", host.error().message.c_str());
    return 1;
  }
  if (!Prime(**host)) return 1;
  SetLimit(RLIMIT_NPROC, 0, 0);
  SetLimit(RLIMIT_NOFILE, 0, 0);
  // The limits do not bind a privileged user, and say nothing of other system calls; the filter does.
  if (const Status shut = js::EnterSandbox(js::SandboxProfile::kCompile); !shut.ok()) {
    std::fprintf(stderr, "no seccomp filter, the compiler goes on without: %s\n", shut.error().message.c_str());
  }
  if (!WriteAll(out, "R")) return 1;
  auto received = ReadJob(0);
  if (!received.ok()) {
    std::fprintf(stderr, "%s\n", received.error().message.c_str());
    ::_exit(received.error().code == ErrorCode::kUnavailable ? 0 : kNoJobExit);
  }
  const CompileJob::Product product = received->job.product;
  const js::ScriptPtr script = MakeScript(*std::move(received));
  const Nanos cpu = script->limits.startup_cpu + (product == CompileJob::Product::kCodeCache ? 0 : kSnapshotCpuMax);
  GiveUpEverything(script->limits, cpu, product);
  watchdog.Arm(cpu, script->main_module);
  answer.Send(Work(**host, script, product));
}

}  // namespace
}  // namespace zts::controller

ZTS_HOST_MAIN(zts::controller::Main);
