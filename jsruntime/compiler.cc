#include "jsruntime/compiler.h"

#include <time.h>

#include <utility>

#include "jsruntime/function_body/function_body.h"
#include "jsruntime/host.h"
#include "jsruntime/v8_isolate.h"

namespace zts::js {
namespace {

Nanos ThreadCpuNow() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

}  // namespace

Compiled Compile(Host& host, ScriptPtr script) {
  V8Isolate isolate(host.snapshot());
  isolate.WatchLoad();
  Compiled compiled;
  const Nanos before = ThreadCpuNow();
  compiled.report = isolate.Load(std::move(script));
  compiled.load_cpu = ThreadCpuNow() - before;
  compiled.outcome = compiled.report.outcome;
  if (!compiled.outcome.ok()) return compiled;
  compiled.reads_environment = isolate.has_read_environment();
  compiled.snapshot_refusal = isolate.WhyNoSnapshot();
  compiled.code_cache = isolate.MakeCodeCache();
  return compiled;
}

Recorded Record(Host& host, const ScriptPtr& script) {
  Recorded recorded;
  const FunctionBody body = MakeFunctionBody(host.snapshot(), script->source);
  recorded.refusal = body.refusal;
  if (!recorded.refusal.empty()) return recorded;
  V8Isolate isolate(host.snapshot(), script, body);
  recorded.report = isolate.Load(script);
  if (!recorded.report.outcome.ok()) return recorded;
  recorded.refusal = isolate.WhyNoSnapshot();
  if (recorded.refusal.empty()) recorded.snapshot = isolate.TakeSnapshot(&recorded.refusal);
  return recorded;
}

}  // namespace zts::js
