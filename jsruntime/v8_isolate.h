// The real Isolate: one V8 isolate with one context, made from the startup snapshot.
//
// V8's rule is one thread at a time. The isolate is entered for each turn and left after it, which is what carries it from the
// warm-up thread to its shard; the hand-over between threads is the engine's mailbox. v8::Locker is not used: nothing of V8's is
// held between turns that it would have to save.
//
//   Turn          enters, and leaves at the end
//   RunHandler    one call into web/dispatch.js; a response that is there is delivered at once
//   FinishTurn    microtasks, settled promises, rejections nobody handled, finished background work, the next timer
//
// v8_isolate_parts.h says which source holds what. What concerns the snapshot of a function (function_snapshot.h) is in
// v8_isolate_snapshot.cc: an isolate that is written down, and one that begins from what was written.
//
// Owner, Thread, Life, Errors: as jsruntime/isolate.h says.
// Limits:   HeapGuard, kTimersMax, kTopLevelAwaitMax.
#pragma once

#include <v8.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "jsruntime/gc_monitor.h"
#include "jsruntime/isolate.h"
#include "jsruntime/jit_watch.h"
#include "jsruntime/realm.h"
#include "jsruntime/rejections.h"
#include "jsruntime/task_queue.h"

namespace zts::js {

class ResponseReader;
class Snapshot;
struct FunctionBody;
struct FunctionSnapshot;

// Wall time that a module may spend in top-level awaits; its CPU time is the engine's to bound.
inline constexpr Nanos kTopLevelAwaitMax = 10 * kSecond;

class V8Isolate final : public Isolate {
 public:
  explicit V8Isolate(const Snapshot& snapshot, const IsolateOptions& options = {});
  // From the script's function snapshot. REQUIRES: loaded with this script.
  V8Isolate(const Snapshot& snapshot, const ScriptPtr& script, const FunctionSnapshot& from);
  // One whose heap can be written down: loads `body`, which outlives it, in the module's place. REQUIRES: loaded with this script.
  V8Isolate(const Snapshot& snapshot, const ScriptPtr& script, const FunctionBody& body);
  ~V8Isolate() override;
  // As IsolateFactory has it.
  static void SetLastWords(std::function<void(std::string_view reason)> words);

  LoadReport LoadFrom(ScriptPtr script, Bytes code_cache) override;
  void Attach(IsolateClient* client) override;
  void Enter() override;
  void Leave() override;
  void Dispatch(InvocationId id, const RequestView* request) override;
  void Abandon(InvocationId id) override;
  void BodyArrived(InvocationId id) override { RunHook(id, kArrived); }
  void ResumeResponse(InvocationId id) override { RunHook(id, kResume); }
  void PeerFinished(InvocationId id) override { RunHook(id, kPeerFinished); }
  void RunTimers(Nanos now) override;
  void RunTasks() override;
  void OnFetch(FetchId id, const FetchEvent& event) override;
  void Terminate(OutcomeKind why) override;
  void ClearTermination() override;
  bool usable() const override { return usable_; }
  bool draining() const override { return draining_; }
  size_t in_flight() const override { return realm_.invocations.size(); }
  MemoryUse memory() const override;
  void CollectGarbage() override;
  Nursery nursery() const override;
  void CollectNursery() override;
  void WatchJit() override;
  bool watches_jit() const override { return jit_.on(); }
  JitReport TakeJitReport() override;
  std::string MakeCodeCache() override;
  const ScriptPtr& script() const override { return script_; }

  // From here on Date and Math.random tell who asks them. For an isolate that is thrown away; before Load.
  void WatchLoad();
  // Why the loaded module cannot begin from a snapshot of itself, as far as can be seen from outside of V8's heap; empty: nothing is known.
  bool has_read_environment() const { return realm_.has_read_environment; }
  std::string WhyNoSnapshot();
  // REQUIRES: made with a body, and loaded well. The isolate is only good for destruction after it. Empty: *refusal says why. V8 may end
  // the process.
  std::string TakeSnapshot(std::string* refusal);

 private:
  class Turn;
  struct Frozen;
  // Functions of web/dispatch.js.
  enum CallIndex { kBind, kWatchLoad, kWatched, kRecording, kSnapshotting, kRestored, kDispatch, kUnpack,
                   kFollow, kTakeSettled, kFireTimer, kForgetTimer, kFetchEvent,
                   kUncaught, kUnhandledRejection, kRejectionHandled,
                   kSend, kCancel, kArrived, kResume, kPeerFinished, kGone, kCallCount };
  using Caught = v8::TryCatch;

  void Register(const Snapshot& snapshot);
  void Create(const Snapshot& snapshot, const IsolateOptions& options);
  void PrepareContext(v8::Local<v8::Context> context);
  void MakeRoom(size_t bytes);
  void PrepareWasm(v8::Local<v8::Context> context);
  void FindCalls(v8::Local<v8::Context> context);
  v8::MaybeLocal<v8::Value> Call(v8::Local<v8::Context> context, CallIndex index, v8::Local<v8::Value> first,
                                 v8::Local<v8::Value> second = {});

  // --- Load ---
  void LoadModule(v8::Local<v8::Context> context, Bytes code_cache, LoadReport* report);
  void AwaitModule(v8::Local<v8::Context> context, v8::Local<v8::Promise> promise, LoadReport* report);
  void BindHandler(v8::Local<v8::Context> context, v8::Local<v8::Value> exports, LoadReport* report);
  void LoadBody(v8::Local<v8::Context> context, LoadReport* report);
  v8::MaybeLocal<v8::Function> CompileBody(v8::Local<v8::Context> context);
  v8::MaybeLocal<v8::Value> RunBody(v8::Local<v8::Context> context, v8::Local<v8::Function> function);
  v8::MaybeLocal<v8::Value> Imported(v8::Local<v8::Context> context, const std::string& module, const std::string& name);
  void Restore(v8::Local<v8::Context> context, LoadReport* report);
  // Runs an exported hook of the module, where it has it, to its end.
  void RunHookOfModule(v8::Local<v8::Context> context, v8::Local<v8::Object> exports, const char* name, LoadReport* report);
  void WaitForWork(Nanos until);

  // --- memory ---
  struct NurserySpaces {
    size_t small_bytes = 0;
    size_t large_bytes = 0;
    size_t capacity_bytes = 0;  // of either
  };
  NurserySpaces ReadNursery() const;

  // --- a turn ---
  void RunHandler(v8::Local<v8::Context> context, uint64_t serial);
  void OnPromise(v8::Local<v8::Context> context, uint64_t serial, v8::Local<v8::Promise> promise);
  void FinishTurn(v8::Local<v8::Context> context, uint64_t culprit);
  void FireTimers(v8::Local<v8::Context> context, Nanos now);
  // An exception that nobody caught: an "error" event of the function's, and a console record unless a listener prevents it.
  void ReportUncaught(v8::Local<v8::Context> context, v8::Local<v8::Value> error, const Outcome& outcome);
  void FireTimer(v8::Local<v8::Context> context, const TimerQueue::Due& due);
  void TakeSettled(v8::Local<v8::Context> context);
  void TellFetch(v8::Local<v8::Context> context, FetchId id, const FetchEvent& event);
  void CallFetchEvent(v8::Local<v8::Context> context, FetchId id, std::vector<v8::Local<v8::Value>>& items);
  bool OnSocket(FetchId id, Fetch* fetch, const FetchEvent& event);
  void RunMessage(FetchId id, Fetch* fetch, const FetchEvent* end);
  bool TellMessage(v8::Local<v8::Context> context, FetchId id, std::string_view bytes, bool ends, bool is_text, bool in_pieces);
  void TellOrphans(v8::Local<v8::Context> context);
  void AbandonFetches(uint64_t serial);
  void ReportRejections(v8::Local<v8::Context> context);
  void AnnounceTimers();

  // --- ends of invocations ---
  void Deliver(v8::Local<v8::Context> context, uint64_t serial, v8::Local<v8::Value> body);
  void DeliverStream(v8::Local<v8::Context> context, Invocation* invocation, ResponseReader* response,
                     v8::Local<v8::Value> stream);
  void RunHook(InvocationId id, CallIndex index);
  void CallHook(v8::Local<v8::Context> context, const Invocation& invocation, CallIndex index);
  void Fail(uint64_t serial, const Outcome& outcome);
  void FailThrown(v8::Local<v8::Context> context, uint64_t serial, const Outcome& outcome);
  void FinishBackground();
  void ForgetTimers(uint64_t serial);

  // --- limits ---
  bool TerminationSeen() const;
  OutcomeKind TakeTermination();
  void HandleTermination(uint64_t culprit);
  Outcome LimitOutcome(OutcomeKind why) const;

  static void OnPromiseReject(v8::PromiseRejectMessage message);
  static void OnUncaught(v8::Local<v8::Message> message, v8::Local<v8::Value> error);
  [[noreturn]] static void OnFatal(const char* location, const char* message);
  static void OnOutOfMemory(const char* location, const v8::OOMDetails& details);

  v8::Isolate* isolate_ = nullptr;
  std::shared_ptr<TaskQueue> tasks_;
  TaskQueueDelegate delegate_;
  Realm realm_;
  Rejections rejections_;
  GcMonitor collections_;
  JitWatch jit_;
  ScriptPtr script_;
  v8::Global<v8::Context> context_;
  v8::Global<v8::Module> module_;
  v8::Global<v8::Function> calls_[kCallCount];
  std::unique_ptr<Frozen> frozen_;  // where a snapshot of the function is made or come from
  uint64_t draws_while_loading_ = 0;
  double* block_ = nullptr;  // shared with web/dispatch.js
  std::shared_ptr<v8::BackingStore> block_store_;
  std::vector<HeaderField> response_fields_;
  Nanos announced_due_ = 0;
  Nanos context_time_ = 0;
  Nanos artifact_time_ = 0;  // of a function's snapshot
  bool stream_begun_ = false;  // since the last look at microtasks
  bool usable_ = true;
  bool draining_ = false;

  std::atomic<OutcomeKind> terminate_why_{OutcomeKind::kOk};  // kOk: nobody has asked
  std::mutex wait_mutex_;                                     // only for top-level awaits
  std::condition_variable wait_;
  bool wake_ = false;  // guarded by wait_mutex_
};

}  // namespace zts::js
