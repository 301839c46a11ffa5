// V8Isolate from the script to the shard: the module is compiled, evaluated, awaited, and its handler found.
#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "jsruntime/errors.h"
#include "jsruntime/hints.h"
#include "jsruntime/module_loader.h"
#include "jsruntime/ops/random.h"
#include "jsruntime/thread_stack.h"
#include "jsruntime/v8_isolate_parts.h"

namespace zts::js {

LoadReport V8Isolate::LoadFrom(ScriptPtr script, Bytes code_cache) {
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
      LoadModule(turn.context(), code_cache, &report);
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

void V8Isolate::LoadModule(v8::Local<v8::Context> context, Bytes code_cache, LoadReport* report) {
  const Nanos start = Now();
  v8::Local<v8::Module> module;
  const bool compiled = CompileModule(isolate_, context, script_, code_cache, report).ToLocal(&module);
  const Nanos middle = Now();
  report->compile = middle - start - report->artifact - report->imports;
  if (!compiled) return;
  module_.Reset(isolate_, module);
  v8::Local<v8::Promise> promise;
  if (EvaluateModule(isolate_, context, module, report).ToLocal(&promise)) {
    AwaitModule(context, promise, report);
    if (report->outcome.ok() && !TerminationSeen()) BindHandler(context, module->GetModuleNamespace(), report);
  }
  report->evaluate = Now() - middle + report->imports;
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
  // A collection within would tell a client on a thread that is not its own.
  realm_.client = nullptr;
  collections_.set_client(nullptr);
  if (module_.IsEmpty()) return "";
  const Turn turn(this);
  isolate_->SetStackLimit(ThreadStackLimit());
  const std::unique_ptr<v8::ScriptCompiler::CachedData> data(
      v8::ScriptCompiler::CreateCodeCache(module_.Get(isolate_)->GetUnboundModuleScript()));
  if (data == nullptr) return "";
  return std::string(reinterpret_cast<const char*>(data->data), data->length);
}

}  // namespace zts::js
