#include "jsruntime/v8_isolate.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "jsruntime/errors.h"
#include "jsruntime/host.h"
#include "jsruntime/host_platform.h"
#include "jsruntime/module_loader.h"
#include "jsruntime/nursery_floor.h"
#include "jsruntime/ops/lazy.h"
#include "jsruntime/snapshot.h"
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

// Small enough for V8 to have it in the nursery, and large enough for the space beside it.
constexpr int kNurseryFillerBytes = 32 << 10;
constexpr int kLargeFillerBytes = 256 << 10;

// The same in all isolates.
size_t SpaceIndex(v8::Isolate* isolate, std::string_view name) {
  v8::HeapSpaceStatistics space;
  size_t found = 0;
  while (isolate->GetHeapSpaceStatistics(&space, found) && std::string_view(space.space_name()) != name) ++found;
  ZTS_CHECK(found < isolate->NumberOfHeapSpaces());
  return found;
}

}  // namespace

V8Isolate::V8Isolate(const Snapshot& snapshot, const IsolateOptions& options)
    : tasks_(std::make_shared<TaskQueue>()), delegate_(tasks_) {
  Register(snapshot);
  Create(snapshot, options);
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

void V8Isolate::Create(const Snapshot& snapshot, const IsolateOptions& options) {
  v8::Isolate::CreateParams params;
  const bool restored = frozen_ != nullptr && !frozen_->recording();
  params.snapshot_blob = restored ? &frozen_->blob : snapshot.data();
  params.external_references = (frozen_ == nullptr ? snapshot.references() : frozen_->references).data();
  params.allow_atomics_wait = false;
  params.fatal_error_callback = OnFatal;
  params.oom_error_callback = OnOutOfMemory;
  realm_.heap.Configure(&params, options.nursery_bytes);
  {
    const NurseryFloor floor(options.nursery_bytes);
    if (frozen_ != nullptr && frozen_->recording()) {
      frozen_->creator = std::make_unique<v8::SnapshotCreator>(isolate_, params);
    } else {
      v8::Isolate::Initialize(isolate_, params);
    }
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
  if (options.room_bytes > 0) MakeRoom(options.room_bytes);
  context_time_ = Now() - begin;
}

// V8 has no call for it. It takes a page from the kernel when those at hand have no room for an object: one is made that does not fit, and
// is garbage at once.
void V8Isolate::MakeRoom(size_t bytes) {
  ZTS_CHECK(bytes <= kSpareRoomBytes);
  static const size_t index = SpaceIndex(isolate_, "old_space");
  v8::HeapSpaceStatistics space;
  isolate_->GetHeapSpaceStatistics(&space, index);
  const size_t left = space.space_available_size();
  if (left >= bytes) return;
  const std::string filler(left + 1, ' ');
  const auto type = v8::NewStringType::kInternalized;
  if (v8::String::NewFromUtf8(isolate_, filler.data(), type, static_cast<int>(filler.size())).IsEmpty()) return;  // then there is less room
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
  realm_.heap.allocator().DropFreeBlocks();
  collections_.set_during(GcDuring::kTurn);
  FinishTurn(turn.context(), 0);
}

// Large objects have a space of their own, which may take as much: V8 collects both when either is full.
V8Isolate::NurserySpaces V8Isolate::ReadNursery() const {
  static const size_t small_index = SpaceIndex(isolate_, "new_space");
  static const size_t large_index = SpaceIndex(isolate_, "new_large_object_space");
  v8::HeapSpaceStatistics space;
  isolate_->GetHeapSpaceStatistics(&space, small_index);
  NurserySpaces spaces{.small_bytes = space.space_used_size(), .capacity_bytes = space.space_used_size() + space.space_available_size()};
  isolate_->GetHeapSpaceStatistics(&space, large_index);
  spaces.large_bytes = space.space_used_size();
  return spaces;
}

Nursery V8Isolate::nursery() const {
  const NurserySpaces spaces = ReadNursery();
  return {std::min(std::max(spaces.small_bytes, spaces.large_bytes), spaces.capacity_bytes), spaces.capacity_bytes};
}

// V8 has no call for it. It collects the nursery when that has no room: the fuller of its spaces is filled up with what is garbage at
// once, at the cost of writing so many bytes.
void V8Isolate::CollectNursery() {
  if (!usable_) return;
  static constexpr uint8_t kFiller[kNurseryFillerBytes] = {};
  const Turn turn(this);
  collections_.set_during(GcDuring::kTask);
  const uint64_t before = collections_.count();
  const NurserySpaces spaces = ReadNursery();
  const bool large = spaces.large_bytes > spaces.small_bytes;
  const auto filler = static_cast<size_t>(large ? kLargeFillerBytes : kNurseryFillerBytes);
  // One beyond the last that fits is what V8 has no room for.
  for (size_t left = spaces.capacity_bytes / filler + 2; collections_.count() == before && left > 0; --left) {
    const v8::HandleScope handles(isolate_);
    if (large) {
      v8::Array::New(isolate_, kLargeFillerBytes / static_cast<int>(sizeof(void*)));
    } else if (v8::String::NewFromOneByte(isolate_, kFiller, v8::NewStringType::kNormal, kNurseryFillerBytes).IsEmpty()) {
      break;
    }
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

namespace {

// Of the process, as its end is.
std::function<void(std::string_view reason)>& LastWords() {
  static auto& words = *new std::function<void(std::string_view reason)>;
  return words;
}

}  // namespace

void V8Isolate::SetLastWords(std::function<void(std::string_view reason)> words) { LastWords() = std::move(words); }

// What V8 cannot go on from: the process ends, with the name of the function for the supervisor and its log.
void V8Isolate::OnFatal(const char* location, const char* message) {
  v8::Isolate* isolate = v8::Isolate::TryGetCurrent();
  const Realm* realm = isolate == nullptr ? nullptr : Realm::From(isolate);
  const Script* script = realm == nullptr ? nullptr : realm->script;
  std::fprintf(stderr, "V8 cannot go on: %s: %s; function %s version %s\n", location == nullptr ? "?" : location,
               message == nullptr ? "?" : message, script == nullptr ? "-" : script->function.c_str(),
               script == nullptr ? "-" : script->version.c_str());
  std::fflush(stderr);
  if (LastWords()) LastWords()("V8 cannot go on: " + std::string(message == nullptr ? "no reason given" : message));
  _exit(kV8FatalExitCode);
}

void V8Isolate::OnOutOfMemory(const char* location, const v8::OOMDetails& details) {
  OnFatal(location, details.detail == nullptr ? "out of memory" : details.detail);
}

}  // namespace zts::js
