#include "jsruntime/v8_isolate.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "base/check.h"
#include "jsruntime/errors.h"
#include "jsruntime/hints.h"
#include "jsruntime/host.h"
#include "jsruntime/host_platform.h"
#include "jsruntime/module_loader.h"
#include "jsruntime/ops/lazy.h"
#include "jsruntime/ops/random.h"
#include "jsruntime/ops/registry.h"
#include "jsruntime/ops/text.h"
#include "jsruntime/response_reader.h"
#include "jsruntime/snapshot.h"
#include "jsruntime/thread_stack.h"
#include "jsruntime/v8_isolate_parts.h"
#include "jsruntime/wasm_pages.h"

namespace zts::js {
namespace {

constexpr const char* kCallNames[] = {"bind", "watchLoad", "watched", "recording", "snapshotting", "restored", "dispatch", "unpack",
                                      "follow", "takeSettled", "fireTimer", "forgetTimer", "fetchEvent",
                                      "uncaught", "unhandledRejection", "rejectionHandled",
                                      "send", "cancel", "arrived", "resume", "peerFinished", "gone"};

// A function has one thread, so it does not get them. V8 puts them into every new context, whatever the snapshot says.
constexpr const char* kForThreads[] = {"SharedArrayBuffer", "Atomics"};

// The isolate data slot beside Realm::kSlot.
constexpr uint32_t kSelfSlot = 2;

// What stands where in the shared block, and what index 2 may be: as in web/dispatch.js.
enum BlockIndex { kStatus, kContentType, kResultKind, kSettled, kSettledSerial, kBlockDoubles = 8 };
enum ResultKind { kBody, kPromise, kError };

v8::Local<v8::Value> SerialValue(v8::Isolate* isolate, uint64_t serial) {
  return v8::Number::New(isolate, static_cast<double>(serial));
}

// Small enough for V8 to have it in the nursery.
constexpr int kNurseryFillerBytes = 32 << 10;

// V8's tasks and the engine's timers keep the same clock.
Nanos Now() { return SystemClock().Now(); }

}  // namespace

V8Isolate::V8Isolate(const Snapshot& snapshot, const IsolateOptions& options)
    : tasks_(std::make_shared<TaskQueue>()), delegate_(tasks_) {
  Register(snapshot);
  Create(snapshot.data(), options);
}

void V8Isolate::Register(const Snapshot& snapshot) {
  isolate_ = v8::Isolate::Allocate();
  isolate_->SetData(Realm::kSlot, &realm_);
  realm_.terminate_why = &terminate_why_;
  isolate_->SetData(kSelfSlot, this);
  realm_.lazy_files = snapshot.lazy_files();
  HostPlatform()->RegisterIsolate(isolate_, &delegate_);
  realm_.invocations.set_on_fetches_left([this](uint64_t serial) { AbandonFetches(serial); });
}

void V8Isolate::Create(const v8::StartupData* blob, const IsolateOptions& options) {
  v8::Isolate::CreateParams params;
  params.snapshot_blob = blob;
  params.external_references = frozen_ == nullptr ? ExternalReferences() : frozen_->references.data();
  params.allow_atomics_wait = false;
  params.fatal_error_callback = OnFatal;
  params.oom_error_callback = OnOutOfMemory;
  realm_.heap.Configure(&params, options.nursery_bytes);
  if (frozen_ != nullptr && frozen_->recording()) {
    frozen_->creator = std::make_unique<v8::SnapshotCreator>(isolate_, params);
  } else {
    v8::Isolate::Initialize(isolate_, params);
  }
  realm_.heap.Install(isolate_);
  collections_.Install(isolate_);
  isolate_->SetMicrotasksPolicy(v8::MicrotasksPolicy::kExplicit);
  isolate_->SetPromiseRejectCallback(OnPromiseReject);
  InstallModuleCallbacks(isolate_);

  const v8::Isolate::Scope scope(isolate_);
  const v8::HandleScope handles(isolate_);
  isolate_->AddMessageListener(OnUncaught);
  const Nanos begin = Now();
  const v8::Local<v8::Context> context = v8::Context::New(isolate_);
  context_.Reset(isolate_, context);
  const v8::Context::Scope context_scope(context);
  PrepareContext(context);
  context_time_ = Now() - begin;
}

void V8Isolate::PrepareContext(v8::Local<v8::Context> context) {
  const bool recording = frozen_ != nullptr && frozen_->recording();
  // V8 looks for it in every context that it makes from a snapshot: it comes back when this one is written down.
  if (recording) frozen_->atomics.Reset(isolate_, context->Global()->Get(context, Text(isolate_, "Atomics")).ToLocalChecked());
  for (const char* name : kForThreads) context->Global()->Delete(context, Text(isolate_, name)).Check();
  // Nor does V8 put WebAssembly into a context that is to be written down: calls.recording notices who asks for it.
  if (!recording) PrepareWasm(context);
  FindCalls(context);
  if (recording) Call(context, kRecording, v8::Undefined(isolate_)).ToLocalChecked();
}

// V8 puts its own object into every new context. Functions get it as web/webassembly.js has changed it, when they first read it.
void V8Isolate::PrepareWasm(v8::Local<v8::Context> context) {
  const v8::Local<v8::String> name = Text(isolate_, "WebAssembly");
  if (!WasmPages::installed()) return context->Global()->Delete(context, name).Check();
  const v8::Local<v8::Value> made = context->Global()->Get(context, name).ToLocalChecked();
  ZTS_CHECK(made->IsObject());
  realm_.web_assembly.Reset(isolate_, made.As<v8::Object>());
  ZTS_CHECK(MakeLazy(context, name));
}

void V8Isolate::FindCalls(v8::Local<v8::Context> context) {
  v8::Local<v8::Object> calls;
  ZTS_CHECK(context->GetDataFromSnapshotOnce<v8::Object>(kSnapshotCalls).ToLocal(&calls));
  if (frozen_ != nullptr && frozen_->recording()) frozen_->calls.Reset(isolate_, calls);
  for (int i = 0; i < kCallCount; ++i) {
    const v8::Local<v8::Value> function = calls->Get(context, Text(isolate_, kCallNames[i])).ToLocalChecked();
    ZTS_CHECK(function->IsFunction());
    calls_[i].Reset(isolate_, function.As<v8::Function>());
  }
  const v8::Local<v8::Value> require = calls->Get(context, Text(isolate_, "requireBuiltin")).ToLocalChecked();
  ZTS_CHECK(require->IsFunction());
  realm_.require_builtin.Reset(isolate_, require.As<v8::Function>());
  const v8::Local<v8::Value> block = calls->Get(context, Text(isolate_, "block")).ToLocalChecked();
  ZTS_CHECK(block->IsFloat64Array() && block.As<v8::Float64Array>()->Length() == kBlockDoubles);
  block_store_ = block.As<v8::Float64Array>()->Buffer()->GetBackingStore();
  block_ = static_cast<double*>(block_store_->Data());
}

V8Isolate::~V8Isolate() {
  tasks_->Close();
  jit_.Stop(isolate_);
  rejections_.Clear();
  realm_.invocations.DropHooks();
  for (v8::Global<v8::Function>& call : calls_) call.Reset();
  realm_.Clear();
  module_.Reset();
  context_.Reset();
  block_store_.reset();
  if (frozen_ != nullptr) frozen_->Release();
  HostPlatform()->DisposeIsolate(isolate_);
}

v8::MaybeLocal<v8::Value> V8Isolate::Call(v8::Local<v8::Context> context, CallIndex index, v8::Local<v8::Value> first,
                                          v8::Local<v8::Value> second) {
  v8::Local<v8::Value> arguments[] = {first, second};
  return calls_[index].Get(isolate_)->Call(context, v8::Undefined(isolate_), second.IsEmpty() ? 1 : 2, arguments);
}

// --- Load ---------------------------------------------------------------------------------------------------------------------------

LoadReport V8Isolate::Load(ScriptPtr script) {
  ZTS_CHECK(script_ == nullptr);
  script_ = std::move(script);
  realm_.script = script_.get();
  realm_.heap.SetLimit(script_->limits.memory_bytes_max);
  LoadReport report;
  report.context = context_time_;
  report.artifact = artifact_time_;
  {
    const Turn turn(this);
    isolate_->SetStackLimit(ThreadStackLimit());
    tasks_->SetNotify([this] {
      std::lock_guard lock(wait_mutex_);
      wake_ = true;
      wait_.notify_one();
    });
    Realm::EnterInvocation(isolate_, 0);
    const uint64_t draws = RandomDraws();
    if (frozen_ == nullptr) {
      LoadModule(turn.context(), &report);
    } else if (frozen_->recording()) {
      LoadBody(turn.context(), &report);
    } else {
      Restore(turn.context(), &report);
    }
    draws_while_loading_ = RandomDraws() - draws;
    if (TerminationSeen()) report.outcome = LimitOutcome(TakeTermination());
    if (report.outcome.ok()) ReportRejections(turn.context());
  }
  tasks_->SetNotify(nullptr);
  if (!report.outcome.ok()) {
    usable_ = false;
    if (const std::string_view hint = HintFor(report.outcome.message); !hint.empty()) report.outcome.message.append("; ").append(hint);
  }
  return report;
}

void V8Isolate::LoadModule(v8::Local<v8::Context> context, LoadReport* report) {
  const Nanos start = Now();
  v8::Local<v8::Module> module;
  const bool compiled = CompileModule(isolate_, context, script_, report).ToLocal(&module);
  const Nanos middle = Now();
  report->compile = middle - start - report->artifact;
  if (!compiled) return;
  module_.Reset(isolate_, module);
  v8::Local<v8::Promise> promise;
  if (EvaluateModule(isolate_, context, module, report).ToLocal(&promise)) {
    AwaitModule(context, promise, report);
    if (report->outcome.ok() && !TerminationSeen()) BindHandler(context, module->GetModuleNamespace(), report);
  }
  report->evaluate = Now() - middle;
}

void V8Isolate::AwaitModule(v8::Local<v8::Context> context, v8::Local<v8::Promise> promise, LoadReport* report) {
  const Nanos deadline = Now() + kTopLevelAwaitMax;
  for (;;) {
    isolate_->PerformMicrotaskCheckpoint();
    if (TerminationSeen() || promise->State() != v8::Promise::kPending) break;
    if (!rejections_.empty()) {
      ReportRejections(context);
      continue;  // its listeners may have settled what is waited for
    }
    const Nanos now = Now();
    const Nanos due = realm_.timers.next_due();
    if (now >= deadline) {
      report->outcome = LimitOutcome(OutcomeKind::kStartupLimit);
      report->outcome.message = "a top-level await took longer than " + std::to_string(kTopLevelAwaitMax / kSecond) + " s";
      return;
    }
    if (due == 0 && !tasks_->HasWork(now)) {
      report->outcome.kind = OutcomeKind::kThrew;
      report->outcome.message = "Error: a top-level await waits for something that never comes";
      report->outcome.file = script_->main_module;
      return;
    }
    WaitForWork(due == 0 ? now : std::min(due, deadline));
    if (TerminationSeen()) break;
    tasks_->Run(Now());
    FireTimers(context, Now());
  }
  if (TerminationSeen() || promise->State() != v8::Promise::kRejected) return;
  promise->MarkAsHandled();
  rejections_.Forget(isolate_, promise);
  report->outcome = OutcomeOf(isolate_, context, promise->Result(), OutcomeKind::kThrew);
}

void V8Isolate::WaitForWork(Nanos until) {
  std::unique_lock lock(wait_mutex_);
  const auto woken = [this] { return wake_ || terminate_why_.load() != OutcomeKind::kOk; };
  wait_.wait_for(lock, std::chrono::nanoseconds(std::max<Nanos>(until - Now(), 0)), woken);
  wake_ = false;
}

void V8Isolate::BindHandler(v8::Local<v8::Context> context, v8::Local<v8::Value> exports, LoadReport* report) {
  Caught caught(isolate_);
  const auto env = v8::Object::New(isolate_);
  for (const auto& [name, value] : script_->env) {
    if (env->CreateDataProperty(context, Text(isolate_, name), Text(isolate_, value)).IsNothing()) break;
  }
  v8::Local<v8::Value> problem;
  if (!Call(context, kBind, exports, env).ToLocal(&problem)) {
    if (!caught.HasTerminated()) report->outcome = OutcomeOf(isolate_, context, caught, OutcomeKind::kNoHandler);
    return;
  }
  if (!problem->IsString()) return;
  report->outcome.kind = OutcomeKind::kNoHandler;
  report->outcome.message = ToUtf8(isolate_, problem.As<v8::String>(), kErrorMessageBytesMax);
  report->outcome.file = script_->main_module;
}

void V8Isolate::Attach(IsolateClient* client) {
  ZTS_CHECK(script_ != nullptr);
  realm_.client = client;
  collections_.set_client(client);
  {
    const v8::Isolate::Scope scope(isolate_);
    isolate_->SetStackLimit(ThreadStackLimit());
  }
  for (const Realm::EarlyRecord& record : realm_.early_records) client->OnConsole(0, record.severity, record.message);
  realm_.early_records = {};
  tasks_->SetNotify([client] { client->OnTasksPosted(); });
  AnnounceTimers();
}

void V8Isolate::Enter() { isolate_->Enter(); }

void V8Isolate::Leave() { isolate_->Exit(); }

std::string V8Isolate::MakeCodeCache() {
  const Turn turn(this);
  ZTS_CHECK(!module_.IsEmpty());
  const std::unique_ptr<v8::ScriptCompiler::CachedData> data(
      v8::ScriptCompiler::CreateCodeCache(module_.Get(isolate_)->GetUnboundModuleScript()));
  if (data == nullptr) return "";
  return std::string(reinterpret_cast<const char*>(data->data), data->length);
}

// --- turns --------------------------------------------------------------------------------------------------------------------------

void V8Isolate::Dispatch(InvocationId id, const RequestView* request) {
  ZTS_CHECK(usable_ && !draining_);
  const uint64_t serial = realm_.invocations.Open(id, request).serial;
  const Turn turn(this);
  Realm::EnterInvocation(isolate_, serial);
  RunHandler(turn.context(), serial);
  FinishTurn(turn.context(), serial);
}

void V8Isolate::RunHandler(v8::Local<v8::Context> context, uint64_t serial) {
  Caught caught(isolate_);
  v8::Local<v8::Value> result;
  if (!Call(context, kDispatch, SerialValue(isolate_, serial)).ToLocal(&result)) {
    if (TerminationSeen() || caught.HasTerminated()) return;  // FinishTurn's
    return FailThrown(context, serial, OutcomeOf(isolate_, context, caught, OutcomeKind::kThrew));
  }
  if (static_cast<int>(block_[kResultKind]) == kBody) return Deliver(context, serial, result);
  if (result->IsPromise()) OnPromise(context, serial, result.As<v8::Promise>());
}

void V8Isolate::OnPromise(v8::Local<v8::Context> context, uint64_t serial, v8::Local<v8::Promise> promise) {
  if (promise->State() == v8::Promise::kPending) isolate_->PerformMicrotaskCheckpoint();
  if (TerminationSeen()) return;
  Caught caught(isolate_);
  v8::Local<v8::Value> result;
  switch (promise->State()) {
    case v8::Promise::kPending: {
      Invocation* invocation = realm_.invocations.Find(serial);
      if (invocation == nullptr) return;
      invocation->pending = true;
      if (Call(context, kFollow, promise, SerialValue(isolate_, serial)).ToLocal(&result)) return;
      break;
    }
    case v8::Promise::kRejected:
      promise->MarkAsHandled();
      rejections_.Forget(isolate_, promise);
      return FailThrown(context, serial, OutcomeOf(isolate_, context, promise->Result(), OutcomeKind::kThrew));
    case v8::Promise::kFulfilled:
      if (Call(context, kUnpack, promise->Result()).ToLocal(&result)) return Deliver(context, serial, result);
      break;
  }
  if (TerminationSeen() || caught.HasTerminated()) return;
  FailThrown(context, serial, OutcomeOf(isolate_, context, caught, OutcomeKind::kThrew));
}

void V8Isolate::FinishTurn(v8::Local<v8::Context> context, uint64_t culprit) {
  if (!realm_.fetches.orphans().empty()) TellOrphans(context);
  isolate_->PerformMicrotaskCheckpoint();
  while (!TerminationSeen() && block_[kSettled] > 0) {
    stream_begun_ = false;
    TakeSettled(context);
    if (stream_begun_) isolate_->PerformMicrotaskCheckpoint();
  }
  if (TerminationSeen()) HandleTermination(culprit);
  if (!rejections_.empty()) ReportRejections(context);
  if (!realm_.background_done.empty()) FinishBackground();
  AnnounceTimers();
}

void V8Isolate::TakeSettled(v8::Local<v8::Context> context) {
  const v8::HandleScope handles(isolate_);
  Caught caught(isolate_);
  v8::Local<v8::Value> value;
  const bool ok = Call(context, kTakeSettled, v8::Undefined(isolate_)).ToLocal(&value);
  const auto serial = static_cast<uint64_t>(block_[kSettledSerial]);
  if (TerminationSeen()) return;
  if (!ok) {
    FailThrown(context, serial, OutcomeOf(isolate_, context, caught, OutcomeKind::kThrew));
  } else if (static_cast<int>(block_[kResultKind]) == kError) {
    FailThrown(context, serial, OutcomeOf(isolate_, context, value, OutcomeKind::kThrew));
  } else {
    Deliver(context, serial, value);
  }
}

void V8Isolate::RunTimers(Nanos now) {
  if (!usable_) return;
  const Turn turn(this);
  FireTimers(turn.context(), now);
  FinishTurn(turn.context(), 0);
}

void V8Isolate::FireTimers(v8::Local<v8::Context> context, Nanos now) {
  while (usable_ && !TerminationSeen()) {
    const std::optional<TimerQueue::Due> due = realm_.timers.TakeDue(now);
    if (!due.has_value()) return;
    FireTimer(context, *due);
  }
}

void V8Isolate::ReportUncaught(v8::Local<v8::Context> context, v8::Local<v8::Value> error, const Outcome& outcome) {
  v8::Local<v8::Value> arguments[] = {error, Text(isolate_, "Uncaught " + outcome.message), Text(isolate_, outcome.file),
                                      v8::Integer::New(isolate_, outcome.line), v8::Integer::New(isolate_, outcome.column)};
  {
    Caught caught(isolate_);
    v8::Local<v8::Value> prevented;
    const v8::Local<v8::Function> uncaught = calls_[kUncaught].Get(isolate_);
    if (uncaught->Call(context, v8::Undefined(isolate_), 5, arguments).ToLocal(&prevented) && prevented->IsTrue()) return;
  }
  if (TerminationSeen()) return;
  realm_.Console(realm_.CurrentInvocation(isolate_), LogSeverity::kException, "Uncaught " + TextOf(outcome));
}

void V8Isolate::FireTimer(v8::Local<v8::Context> context, const TimerQueue::Due& due) {
  const v8::HandleScope handles(isolate_);
  Caught caught(isolate_);
  Realm::EnterInvocation(isolate_, due.serial);
  v8::Local<v8::Value> ignored;
  const bool ok = Call(context, kFireTimer, v8::Integer::NewFromUnsigned(isolate_, due.id)).ToLocal(&ignored);
  if (!ok && !TerminationSeen() && !caught.HasTerminated()) {
    const Outcome outcome = OutcomeOf(isolate_, context, caught, OutcomeKind::kThrew);
    ReportUncaught(context, caught.Exception(), outcome);
  }
  isolate_->PerformMicrotaskCheckpoint();
  if (TerminationSeen()) {
    if (realm_.client != nullptr) HandleTermination(due.serial);
    return;
  }
  Invocation* invocation = realm_.invocations.Find(due.serial);
  if (due.kind == TimerKind::kRepeating || invocation == nullptr) return;
  if (--invocation->background == 0 && invocation->answered) realm_.background_done.push_back(due.serial);
}

void V8Isolate::RunTasks() {
  if (!usable_) return;
  const Turn turn(this);
  Realm::EnterInvocation(isolate_, 0);
  collections_.set_during(GcDuring::kTask);
  tasks_->Run(Now());
  collections_.set_during(GcDuring::kTurn);
  FinishTurn(turn.context(), 0);
}

// --- outgoing requests ------------------------------------------------------------------------------------------------------

// A turn only for what somebody waits for: bytes that nobody has asked for yet lie where they are.
void V8Isolate::OnFetch(FetchId id, const FetchEvent& event) {
  Fetch* fetch = realm_.fetches.Find(id);
  if (fetch == nullptr || !usable_) return;
  if (event.kind == FetchEvent::Kind::kData) fetch->unread.append(event.bytes);
  const bool is_error = event.kind == FetchEvent::Kind::kError;
  const bool is_end = event.kind == FetchEvent::Kind::kEnd;
  const uint64_t serial = fetch->serial;
  const bool is_piece = event.kind == FetchEvent::Kind::kData || is_end;
  const bool awaited = is_piece && std::exchange(fetch->reading, false);
  if (is_end || is_error) realm_.FetchEnded(fetch);
  if (is_error || (is_end && fetch->unread.empty())) realm_.ForgetFetch(id);
  if (is_piece && !awaited) return;
  const Turn turn(this);
  Realm::EnterInvocation(isolate_, serial);
  TellFetch(turn.context(), id, event);
  FinishTurn(turn.context(), serial);
}

// [kind, ...]: head [0, status, statusText, url, redirected, name, value, ...]; readable [1]; error [2, code, message];
// writable [3, bytes]; rewind [4]. As web/fetch.js reads it.
void V8Isolate::TellFetch(v8::Local<v8::Context> context, FetchId id, const FetchEvent& event) {
  Caught caught(isolate_);
  std::vector<v8::Local<v8::Value>> items;
  const auto number = [&](double value) { items.push_back(v8::Number::New(isolate_, value)); };
  const auto latin1 = [&](std::string_view text) {
    v8::Local<v8::String> string;
    items.push_back(Latin1String(isolate_, text).ToLocal(&string) ? string : v8::String::Empty(isolate_));
  };
  switch (event.kind) {
    case FetchEvent::Kind::kHead:
      number(0);
      number(event.head->status);
      latin1(event.head->status_text);
      latin1(event.head->url);
      items.push_back(v8::Boolean::New(isolate_, event.head->redirected));
      for (const HeaderField& field : event.head->headers) {
        latin1(field.name);
        latin1(field.value);
      }
      break;
    case FetchEvent::Kind::kData:
    case FetchEvent::Kind::kEnd: number(1); break;
    case FetchEvent::Kind::kError:
      number(2);
      latin1(FetchResultName(event.result));
      items.push_back(Text(isolate_, event.bytes));
      break;
    case FetchEvent::Kind::kWritable:
      number(3);
      number(event.credit);
      break;
    case FetchEvent::Kind::kRewind: number(4); break;
  }
  v8::Local<v8::Value> ignored;
  const auto list = v8::Array::New(isolate_, items.data(), items.size());
  if (Call(context, kFetchEvent, v8::Number::New(isolate_, static_cast<double>(id)), list).ToLocal(&ignored)) return;
  if (TerminationSeen() || caught.HasTerminated()) return;  // FinishTurn's
  const Outcome outcome = OutcomeOf(isolate_, context, caught, OutcomeKind::kThrew);
  realm_.Console(realm_.CurrentInvocation(isolate_), LogSeverity::kException, "Uncaught " + TextOf(outcome));
}

// The requests of an invocation that is over. Somebody else may wait for them (a promise that two requests share), so JavaScript is told:
// in this turn or in one of its own.
void V8Isolate::AbandonFetches(uint64_t serial) {
  FetchDoor* door = realm_.client == nullptr ? nullptr : realm_.client->fetch_door();
  realm_.fetches.Abandon(serial, door);
  if (usable_ && realm_.client != nullptr) realm_.client->OnTasksPosted();
}

void V8Isolate::TellOrphans(v8::Local<v8::Context> context) {
  const std::vector<FetchId> orphans = std::exchange(realm_.fetches.orphans(), {});
  for (const FetchId id : orphans) {
    const v8::HandleScope handles(isolate_);
    if (!usable_ || TerminationSeen()) return;
    TellFetch(context, id,
              {.kind = FetchEvent::Kind::kError,
               .bytes = "the invocation that made this request is over; what goes on after the response belongs into ctx.waitUntil()",
               .result = FetchResult::kCanceled});
  }
}

void V8Isolate::AnnounceTimers() {
  const Nanos due = usable_ ? realm_.timers.next_due() : 0;
  if (due == announced_due_ || realm_.client == nullptr) return;
  announced_due_ = due;
  realm_.client->OnTimerDue(due);
}

void V8Isolate::ReportRejections(v8::Local<v8::Context> context) {
  rejections_.ReportHandled(isolate_, [&](v8::Local<v8::Promise> promise) {
    Caught caught(isolate_);
    if (Call(context, kRejectionHandled, promise, promise->Result()).IsEmpty()) return;  // terminated
  });
  rejections_.Report(isolate_, [&](uint64_t serial, v8::Local<v8::Promise> promise) {
    Realm::EnterInvocation(isolate_, serial);
    {
      Caught caught(isolate_);
      v8::Local<v8::Value> prevented;
      if (Call(context, kUnhandledRejection, promise, promise->Result()).ToLocal(&prevented) && prevented->IsTrue()) return;
    }
    if (TerminationSeen()) return;
    const Outcome outcome = OutcomeOf(isolate_, context, promise->Result(), OutcomeKind::kThrew);
    const Invocation* invocation = realm_.invocations.Find(serial);
    realm_.Console(invocation == nullptr ? 0 : invocation->id, LogSeverity::kException,
                   "Uncaught (in promise) " + TextOf(outcome));
  });
}

// --- ends of invocations ------------------------------------------------------------------------------------------------------------

void V8Isolate::Deliver(v8::Local<v8::Context> context, uint64_t serial, v8::Local<v8::Value> body) {
  Invocation* invocation = realm_.invocations.Find(serial);
  if (invocation == nullptr || invocation->answered) return;  // abandoned meanwhile
  ResponseReader response(isolate_, static_cast<int>(block_[kStatus]),
                          static_cast<ContentType>(static_cast<int>(block_[kContentType])), realm_.response_head, body,
                          &response_fields_);
  if (response.streams()) return DeliverStream(context, invocation, &response, body);
  const InvocationId id = invocation->id;
  if (invocation->background == 0) {
    realm_.invocations.Close(*invocation);
  } else {
    invocation->answered = true;
    Realm::KeepRequest(*invocation);
  }
  realm_.client->OnResponse(id, response);
}

// The head goes out at once; web/body_stream.js reads the stream from here on.
void V8Isolate::DeliverStream(v8::Local<v8::Context> context, Invocation* invocation, ResponseReader* response,
                              v8::Local<v8::Value> stream) {
  const InvocationId id = invocation->id;
  const uint64_t serial = invocation->serial;
  Caught caught(isolate_);
  invocation->answered = true;
  stream_begun_ = true;
  if (invocation->request->method == "HEAD") {
    response->Omit();
    (void)Call(context, kCancel, stream);
    if (TerminationSeen()) {
      invocation->answered = false;  // FinishTurn answers
      return;
    }
    invocation = realm_.invocations.Find(serial);
    if (invocation->background == 0) {
      realm_.invocations.Close(*invocation);
    } else {
      Realm::KeepRequest(*invocation);
    }
    return realm_.client->OnResponse(id, *response);
  }
  invocation->streaming = true;
  realm_.client->OnResponse(id, *response);
  if (!Call(context, kSend, SerialValue(isolate_, serial), stream).IsEmpty() || TerminationSeen() || caught.HasTerminated()) return;
  const Outcome outcome = OutcomeOf(isolate_, context, caught, OutcomeKind::kThrew);
  realm_.Console(id, LogSeverity::kException, "Uncaught " + TextOf(outcome));
  realm_.EndResponse(serial, outcome);
}

void V8Isolate::FailThrown(v8::Local<v8::Context> context, uint64_t serial, const Outcome& outcome) {
  const Invocation* invocation = realm_.invocations.Find(serial);
  if (invocation == nullptr) return;
  realm_.Console(invocation->id, LogSeverity::kException, "Uncaught " + TextOf(outcome));
  Fail(serial, outcome);
}

void V8Isolate::Fail(uint64_t serial, const Outcome& outcome) {
  Invocation* invocation = realm_.invocations.Find(serial);
  if (invocation == nullptr) return;
  const InvocationId id = invocation->id;
  const bool answered = invocation->answered;
  const bool streaming = invocation->streaming;
  const bool abandoned = invocation->abandoned;
  if (!answered && outcome.kind == OutcomeKind::kThrew && invocation->background > 0) {
    // The answer is an error, and what ctx.waitUntil and timers wait for goes on.
    invocation->answered = true;
    Realm::KeepRequest(*invocation);
    return realm_.client->OnFailure(id, outcome);
  }
  if (invocation->background > 0 && usable_) ForgetTimers(serial);
  invocation = realm_.invocations.Find(serial);
  realm_.invocations.Close(*invocation);
  if (abandoned) return;
  if (streaming) return realm_.client->OnResponseEnd(id, outcome);
  if (answered) return realm_.client->OnBackgroundDone(id);
  realm_.client->OnFailure(id, outcome);
}

void V8Isolate::FinishBackground() {
  const std::vector<uint64_t> done = std::exchange(realm_.background_done, {});
  for (const uint64_t serial : done) {
    Invocation* invocation = realm_.invocations.Find(serial);
    if (invocation == nullptr || invocation->background > 0 || invocation->streaming) continue;
    const InvocationId id = invocation->id;
    const bool abandoned = invocation->abandoned;
    realm_.invocations.Close(*invocation);
    if (!abandoned) realm_.client->OnBackgroundDone(id);
  }
}

void V8Isolate::ForgetTimers(uint64_t serial) {
  const std::vector<uint32_t> ids = realm_.timers.StopAll(serial);
  if (ids.empty()) return;
  const Turn turn(this);
  Caught caught(isolate_);
  for (const uint32_t id : ids) {
    if (Call(turn.context(), kForgetTimer, v8::Integer::NewFromUnsigned(isolate_, id)).IsEmpty()) return;
  }
}

void V8Isolate::Abandon(InvocationId id) {
  Invocation* invocation = realm_.invocations.FindById(id);
  if (invocation == nullptr || invocation->abandoned) return;
  const uint64_t serial = invocation->serial;
  const bool had_begun = invocation->answered;
  invocation->abandoned = true;
  invocation->answered = true;
  invocation->streaming = false;
  if (usable_ && invocation->hooks != nullptr) {
    const Turn turn(this);
    Realm::EnterInvocation(isolate_, serial);
    CallHook(turn.context(), *invocation, kGone);
    FinishTurn(turn.context(), serial);
    invocation = realm_.invocations.Find(serial);
    if (invocation == nullptr) return;
  }
  if (had_begun && invocation->promised > 0 && usable_) return Realm::KeepRequest(*invocation);
  if (invocation->background > 0 && usable_) {
    ForgetTimers(serial);
    AnnounceTimers();
  }
  realm_.invocations.Close(*realm_.invocations.Find(serial));
}

// A turn that tells web/body_stream.js something about one invocation.
void V8Isolate::RunHook(InvocationId id, CallIndex index) {
  const Invocation* invocation = realm_.invocations.FindHooked(id);
  if (invocation == nullptr || !usable_) return;
  const uint64_t serial = invocation->serial;
  const Turn turn(this);
  Realm::EnterInvocation(isolate_, serial);
  CallHook(turn.context(), *invocation, index);
  FinishTurn(turn.context(), serial);
}

void V8Isolate::CallHook(v8::Local<v8::Context> context, const Invocation& invocation, CallIndex index) {
  const bool wakes = index == kArrived || index == kGone;
  if (wakes && invocation.request->stream != nullptr) invocation.request->stream->StopWaiting();
  Caught caught(isolate_);
  const InvocationId id = invocation.id;
  const v8::Local<v8::Object> hooks = static_cast<Hooks*>(invocation.hooks.get())->object.Get(isolate_);
  if (!Call(context, index, hooks).IsEmpty() || TerminationSeen() || caught.HasTerminated()) return;
  realm_.Console(id, LogSeverity::kException,
                 "Uncaught " + TextOf(OutcomeOf(isolate_, context, caught, OutcomeKind::kThrew)));
}

// --- limits -------------------------------------------------------------------------------------------------------------------------

void V8Isolate::Terminate(OutcomeKind why) {
  {
    std::lock_guard lock(wait_mutex_);
    terminate_why_.store(why);
    wait_.notify_one();
  }
  isolate_->TerminateExecution();
}

void V8Isolate::ClearTermination() {
  terminate_why_.store(OutcomeKind::kOk);
  isolate_->CancelTerminateExecution();
}

bool V8Isolate::TerminationSeen() const {
  return terminate_why_.load(std::memory_order_relaxed) != OutcomeKind::kOk || realm_.heap.exceeded();
}

OutcomeKind V8Isolate::TakeTermination() {
  const OutcomeKind why = terminate_why_.exchange(OutcomeKind::kOk);
  isolate_->CancelTerminateExecution();
  return realm_.heap.exceeded() ? OutcomeKind::kMemoryLimit : why;
}

void V8Isolate::HandleTermination(uint64_t culprit) {
  if (!usable_) return;
  const OutcomeKind why = TakeTermination();
  if (why == OutcomeKind::kCpuLimit) {
    draining_ = true;
    return Fail(culprit, LimitOutcome(why));
  }
  usable_ = false;
  Fail(culprit, LimitOutcome(why));
  for (const uint64_t serial : realm_.invocations.Serials()) Fail(serial, LimitOutcome(OutcomeKind::kRecycled));
}

Outcome V8Isolate::LimitOutcome(OutcomeKind why) const {
  const Limits& limits = script_->limits;
  const auto millis = [](Nanos time) { return std::to_string(time / kMillisecond) + " ms"; };
  Outcome outcome;
  outcome.kind = why;
  switch (why) {
    case OutcomeKind::kCpuLimit:
      outcome.message = "the request used more CPU time than the function's limit of " + millis(limits.cpu_per_request);
      break;
    case OutcomeKind::kWallLimit:
      outcome.message = "the request took longer than the function's limit of " + millis(limits.wall_per_request);
      break;
    case OutcomeKind::kStartupLimit:
      outcome.message = "loading the module used more CPU time than its limit of " + millis(limits.startup_cpu);
      break;
    case OutcomeKind::kMemoryLimit:
      outcome.message = "the function used more memory than its limit of " +
                        std::to_string(limits.memory_bytes_max >> 20) + " MiB";
      break;
    case OutcomeKind::kRecycled:
      outcome.message = "another request of the same isolate took it down; this one may be tried again";
      break;
    default:
      outcome.message = "the request was ended";
  }
  return outcome;
}

MemoryUse V8Isolate::memory() const {
  v8::HeapStatistics statistics;
  isolate_->GetHeapStatistics(&statistics);
  MemoryUse use;
  use.heap_used_bytes = statistics.used_heap_size();
  use.heap_committed_bytes = statistics.total_physical_size();
  use.external_bytes = realm_.heap.allocator().used();
  return use;
}

void V8Isolate::CollectGarbage() {
  if (!usable_) return;
  const Turn turn(this);
  collections_.set_during(GcDuring::kIdle);
  isolate_->LowMemoryNotification();
  collections_.set_during(GcDuring::kTurn);
  FinishTurn(turn.context(), 0);
}

Nursery V8Isolate::nursery() const {
  static const size_t index = [this] {
    v8::HeapSpaceStatistics space;
    size_t found = 0;
    while (isolate_->GetHeapSpaceStatistics(&space, found) && std::string_view(space.space_name()) != "new_space") ++found;
    ZTS_CHECK(found < isolate_->NumberOfHeapSpaces());
    return found;
  }();
  v8::HeapSpaceStatistics space;
  isolate_->GetHeapSpaceStatistics(&space, index);
  return {space.space_used_size(), space.space_used_size() + space.space_available_size()};
}

// V8 has no call for it. It collects the nursery when that has no room: the rest is filled with what is garbage at once, at the cost of
// writing so many bytes.
void V8Isolate::CollectNursery() {
  if (!usable_) return;
  static constexpr uint8_t kFiller[kNurseryFillerBytes] = {};
  const Turn turn(this);
  collections_.set_during(GcDuring::kTask);
  const uint64_t before = collections_.count();
  for (size_t left = nursery().capacity_bytes + kNurseryFillerBytes; collections_.count() == before && left >= kNurseryFillerBytes;
       left -= kNurseryFillerBytes) {
    const v8::HandleScope handles(isolate_);
    if (v8::String::NewFromOneByte(isolate_, kFiller, v8::NewStringType::kNormal, kNurseryFillerBytes).IsEmpty()) break;
  }
  collections_.set_during(GcDuring::kTurn);
  FinishTurn(turn.context(), 0);
}

void V8Isolate::WatchJit() {
  if (!usable_) return;
  const Turn turn(this);
  jit_.Start(isolate_);
}

JitReport V8Isolate::TakeJitReport() {
  if (!usable_ || script_ == nullptr) return {};
  const Turn turn(this);
  return jit_.Take(isolate_, *script_);
}

// --- V8's callbacks -----------------------------------------------------------------------------------------------------------------

void V8Isolate::OnPromiseReject(v8::PromiseRejectMessage message) {
  static_cast<V8Isolate*>(v8::Isolate::GetCurrent()->GetData(kSelfSlot))->rejections_.On(message);
}

void V8Isolate::OnUncaught(v8::Local<v8::Message> message, v8::Local<v8::Value> error) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  Realm* realm = Realm::From(isolate);
  if (realm == nullptr || isolate->IsExecutionTerminating()) return;
  const Outcome outcome = OutcomeOf(isolate, isolate->GetCurrentContext(), error, OutcomeKind::kThrew);
  static_cast<V8Isolate*>(isolate->GetData(kSelfSlot))->ReportUncaught(isolate->GetCurrentContext(), error, outcome);
}

// What V8 cannot go on from: the process ends, with the name of the function for the supervisor's log.
void V8Isolate::OnFatal(const char* location, const char* message) {
  v8::Isolate* isolate = v8::Isolate::TryGetCurrent();
  const Realm* realm = isolate == nullptr ? nullptr : Realm::From(isolate);
  const Script* script = realm == nullptr ? nullptr : realm->script;
  std::fprintf(stderr, "V8 cannot go on: %s: %s; function %s version %s\n", location == nullptr ? "?" : location,
               message == nullptr ? "?" : message, script == nullptr ? "-" : script->function.c_str(),
               script == nullptr ? "-" : script->version.c_str());
  std::fflush(stderr);
  _exit(kV8FatalExitCode);
}

void V8Isolate::OnOutOfMemory(const char* location, const v8::OOMDetails& details) {
  OnFatal(location, details.detail == nullptr ? "out of memory" : details.detail);
}

}  // namespace zts::js
