#include "jsruntime/compiler.h"

#include <memory>
#include <utility>

#include "jsruntime/host.h"
#include "jsruntime/v8_isolate.h"

namespace zts::js {

Compiled Compile(Host& host, ScriptPtr script) {
  const std::unique_ptr<Isolate> isolate = host.NewIsolate();
  Compiled compiled;
  compiled.report = isolate->Load(std::move(script));
  compiled.outcome = compiled.report.outcome;
  // A Host makes no other kind.
  if (compiled.outcome.ok()) compiled.code_cache = static_cast<V8Isolate*>(isolate.get())->MakeCodeCache();
  return compiled;
}

}  // namespace zts::js
