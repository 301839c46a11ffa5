// V8Isolate's side of function snapshots: the isolate that is written down, and the one that begins from what was.
#include <iterator>
#include <utility>

#include "base/check.h"
#include "jsruntime/builtin_modules.h"
#include "jsruntime/errors.h"
#include "jsruntime/function_body/function_body.h"
#include "jsruntime/function_snapshot.h"
#include "jsruntime/ops/builtin.h"
#include "jsruntime/ops/simdutf.h"
#include "jsruntime/ops/text.h"
#include "jsruntime/snapshot.h"
#include "jsruntime/v8_isolate_parts.h"

namespace zts::js {
namespace {

// Fills frozen.references, and .text where V8 can read it in place, a byte a unit.
void ListReferences(const Snapshot& snapshot, std::string_view text, std::vector<intptr_t>* references, std::unique_ptr<LazyText>* shared) {
  const std::vector<intptr_t>& base = snapshot.references();
  references->assign(base.begin(), std::prev(base.end()));
  for (const LazyFile& file : snapshot.lazy_files()) references->push_back(reinterpret_cast<intptr_t>(file.text));
  for (const intptr_t builtin : BuiltinTextReferences()) references->push_back(builtin);
  if (simdutf::validate_ascii(text.data(), text.size())) {
    *shared = std::make_unique<LazyText>(text);
    references->push_back(reinterpret_cast<intptr_t>(shared->get()));
  }
  references->push_back(0);
}

}  // namespace

V8Isolate::V8Isolate(const Snapshot& snapshot, const ScriptPtr& script, const FunctionSnapshot& from)
    : tasks_(std::make_shared<TaskQueue>()), delegate_(tasks_), frozen_(std::make_unique<Frozen>()) {
  const Nanos begin = Now();
  ListReferences(snapshot, from.text, &frozen_->references, &frozen_->text);
  artifact_time_ = Now() - begin;
  frozen_->blob = {from.blob.data(), static_cast<int>(from.blob.size())};
  Register(snapshot);
  Create(snapshot, {.nursery_bytes = NurseryBytesOf(script->limits)});
}

V8Isolate::V8Isolate(const Snapshot& snapshot, const ScriptPtr& script, const FunctionBody& body)
    : tasks_(std::make_shared<TaskQueue>()), delegate_(tasks_), frozen_(std::make_unique<Frozen>()) {
  ListReferences(snapshot, body.text, &frozen_->references, &frozen_->text);
  frozen_->body = &body;
  frozen_->base = &snapshot;
  Register(snapshot);
  Create(snapshot, {.nursery_bytes = NurseryBytesOf(script->limits)});
}

// --- an isolate that is written down ------------------------------------------------------------------------------------------------

void V8Isolate::LoadBody(v8::Local<v8::Context> context, LoadReport* report) {
  const Nanos start = Now();
  Caught caught(isolate_);
  v8::Local<v8::Function> function;
  v8::Local<v8::Value> exports;
  if (!CompileBody(context).ToLocal(&function) || !RunBody(context, function).ToLocal(&exports) || !exports->IsObject()) {
    if (!TerminationSeen() && !caught.HasTerminated()) report->outcome = OutcomeOf(isolate_, context, caught, OutcomeKind::kThrew);
    return;
  }
  frozen_->exports.Reset(isolate_, exports.As<v8::Object>());
  isolate_->PerformMicrotaskCheckpoint();
  if (!TerminationSeen()) BindHandler(context, exports, report);
  if (report->outcome.ok() && !TerminationSeen()) RunHookOfModule(context, exports.As<v8::Object>(), "beforeSnapshot", report);
  report->evaluate = Now() - start;
}

v8::MaybeLocal<v8::Function> V8Isolate::CompileBody(v8::Local<v8::Context> context) {
  const std::string& source = frozen_->body->text;
  v8::Local<v8::String> text;
  const auto made = frozen_->text != nullptr ? v8::String::NewExternalOneByte(isolate_, frozen_->text.get()) : Utf8String(isolate_, source);
  if (!made.ToLocal(&text)) return {};
  // The module's own lines begin behind that of the directive.
  const v8::ScriptOrigin origin(Text(isolate_, script_->main_module), -1);
  v8::ScriptCompiler::Source unit(text, origin);
  std::vector<v8::Local<v8::String>> names;
  for (const FunctionBody::Parameter& parameter : frozen_->body->parameters) names.push_back(Text(isolate_, parameter.name));
  return v8::ScriptCompiler::CompileFunction(context, &unit, names.size(), names.data());
}

v8::MaybeLocal<v8::Value> V8Isolate::RunBody(v8::Local<v8::Context> context, v8::Local<v8::Function> function) {
  for (const std::string& module : frozen_->body->modules) {
    if (Imported(context, module, "default").IsEmpty()) return {};
  }
  std::vector<v8::Local<v8::Value>> arguments;
  for (const FunctionBody::Parameter& parameter : frozen_->body->parameters) {
    v8::Local<v8::Value> value = v8::Undefined(isolate_);
    if (!parameter.module.empty() && !Imported(context, parameter.module, parameter.imported).ToLocal(&value)) return {};
    arguments.push_back(value);
  }
  return function->Call(context, v8::Undefined(isolate_), static_cast<int>(arguments.size()), arguments.data());
}

// As builtin_modules.h makes modules of them: "default" is all of the exports. No module is made: V8 could not write it down.
v8::MaybeLocal<v8::Value> V8Isolate::Imported(v8::Local<v8::Context> context, const std::string& module, const std::string& name) {
  v8::Local<v8::Value> specifier = Text(isolate_, module);
  v8::Local<v8::Value> exports;
  if (!realm_.require_builtin.Get(isolate_)->Call(context, v8::Undefined(isolate_), 1, &specifier).ToLocal(&exports)) return {};
  if (name == "default" || !exports->IsObject()) return exports;
  if (name != "*") return exports.As<v8::Object>()->Get(context, Text(isolate_, name));
  const v8::Local<v8::Value> call = frozen_->calls.Get(isolate_)->Get(context, Text(isolate_, "namespaceOf")).ToLocalChecked();
  ZTS_CHECK(call->IsFunction());
  return call.As<v8::Function>()->Call(context, v8::Undefined(isolate_), 1, &exports);
}

void V8Isolate::WatchLoad() {
  const Turn turn(this);
  Call(turn.context(), kWatchLoad, v8::Undefined(isolate_)).ToLocalChecked();
}

std::string V8Isolate::WhyNoSnapshot() {
  if (realm_.timers.started() > 0) return "it starts timers while it loads";
  if (realm_.objects.size() > 0) return "it holds keys, digests or ciphers when it has loaded";
  const Turn turn(this);
  if (!module_.IsEmpty()) {
    // Who renews what must differ says so by this export.
    v8::Local<v8::Value> hook;
    const auto exports = module_.Get(isolate_)->GetModuleNamespace().As<v8::Object>();
    if (exports->Get(turn.context(), Text(isolate_, "afterRestore")).ToLocal(&hook) && hook->IsFunction()) return "";
    if (draws_while_loading_ > 0) return "it draws random numbers while it loads, and each isolate is to have its own";
  }
  v8::Local<v8::Value> why;
  if (!Call(turn.context(), kWatched, v8::Undefined(isolate_)).ToLocal(&why)) return "its loading was ended";
  return why->IsString() ? ToUtf8(isolate_, why.As<v8::String>(), kErrorMessageBytesMax) : "";
}

std::string V8Isolate::TakeSnapshot(std::string* refusal) {
  ZTS_CHECK(frozen_ != nullptr && frozen_->recording() && !frozen_->exports.IsEmpty());
  if (!realm_.builtin_modules.empty()) {
    *refusal = "it calls import() while it loads";
    return "";
  }
  {
    const Turn turn(this);
    const v8::Local<v8::Context> context = turn.context();
    isolate_->SetContinuationPreservedEmbedderDataV2(v8::Undefined(isolate_));
    const v8::Local<v8::String> atomics = Text(isolate_, "Atomics");
    v8::Local<v8::Value> why;
    *refusal = "its context cannot be put in order";
    if (!Call(context, kSnapshotting, v8::Undefined(isolate_)).ToLocal(&why)) return "";
    if (why->IsString()) *refusal = ToUtf8(isolate_, why.As<v8::String>(), kErrorMessageBytesMax);
    if (why->IsString() ||
        !context->Global()->DefineOwnProperty(context, atomics, frozen_->atomics.Get(isolate_), v8::DontEnum).FromMaybe(false)) {
      return "";
    }
    frozen_->creator->SetDefaultContext(context);
    ZTS_CHECK(frozen_->creator->AddData(context, frozen_->calls.Get(isolate_)) == kSnapshotCalls);
    ZTS_CHECK(frozen_->creator->AddData(context, frozen_->exports.Get(isolate_)) == kSnapshotExports);
  }
  // No handle and no callback of ours may be left.
  isolate_->RemoveMessageListeners(OnUncaught);
  rejections_.Clear();
  for (v8::Global<v8::Function>& call : calls_) call.Reset();
  realm_.Clear();
  context_.Reset();
  for (auto* handle : {&frozen_->calls, &frozen_->exports}) handle->Reset();
  frozen_->atomics.Reset();
  usable_ = false;
  const v8::StartupData blob = frozen_->creator->CreateBlob(v8::SnapshotCreator::FunctionCodeHandling::kKeep);
  ZTS_CHECK(blob.data != nullptr);
  const std::unique_ptr<const char[]> owner(blob.data);
  *refusal = blob.CanBeRehashed() ? "" : "V8 can read it back in this process only: it holds a table that cannot be hashed anew";
  if (!refusal->empty()) return "";
  const std::string environment = realm_.has_read_environment ? EnvironmentKey(script_->env) : "";
  return EncodeFunctionSnapshot(*frozen_->base, {frozen_->body->text, {blob.data, static_cast<size_t>(blob.raw_size)}, environment});
}

// --- an isolate that begins from what was written -----------------------------------------------------------------------------------

void V8Isolate::Restore(v8::Local<v8::Context> context, LoadReport* report) {
  const Nanos start = Now();
  report->restored = true;
  v8::Local<v8::Object> exports;
  ZTS_CHECK(context->GetDataFromSnapshotOnce<v8::Object>(kSnapshotExports).ToLocal(&exports));
  if (Call(context, kRestored, v8::Undefined(isolate_)).IsEmpty()) return;  // terminated
  RunHookOfModule(context, exports, "afterRestore", report);
  if (report->outcome.ok() && !TerminationSeen()) BindHandler(context, exports, report);
  report->evaluate = Now() - start;
}

void V8Isolate::RunHookOfModule(v8::Local<v8::Context> context, v8::Local<v8::Object> exports, const char* name, LoadReport* report) {
  Caught caught(isolate_);
  v8::Local<v8::Value> hook, result;
  if (exports->Get(context, Text(isolate_, name)).ToLocal(&hook)) {
    if (!hook->IsFunction()) return;
    if (hook.As<v8::Function>()->Call(context, v8::Undefined(isolate_), 0, nullptr).ToLocal(&result)) {
      if (result->IsPromise()) AwaitModule(context, result.As<v8::Promise>(), report);
      return;
    }
  }
  if (!TerminationSeen() && !caught.HasTerminated()) report->outcome = OutcomeOf(isolate_, context, caught, OutcomeKind::kThrew);
}

}  // namespace zts::js
