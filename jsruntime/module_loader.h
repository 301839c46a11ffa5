// One ES module from a Script's source: compiled with a code cache, linked, evaluated.
//
// Source that is ASCII is not copied into the heap: all isolates of a version read the same bytes.
//
// Owner:    used by V8Isolate::Load; no state.
// Thread:   the isolate's, inside a HandleScope and Context::Scope.
// Errors:   report->outcome: kSyntax with the place for what does not compile or link. An empty handle also where the execution was
//           terminated; then the outcome is left to the caller.
#pragma once

#include <v8.h>

#include <string>

#include "jsruntime/isolate.h"

namespace zts::js {

// `code_cache` is read within the call; empty: none.
v8::MaybeLocal<v8::Module> CompileModule(v8::Isolate* isolate, v8::Local<v8::Context> context, const ScriptPtr& script,
                                         Bytes code_cache, LoadReport* report);
// Starts the evaluation. The promise settles when top-level awaits are done.
v8::MaybeLocal<v8::Promise> EvaluateModule(v8::Isolate* isolate, v8::Local<v8::Context> context,
                                           v8::Local<v8::Module> module, LoadReport* report);

// What import() and import.meta mean here.
void InstallModuleCallbacks(v8::Isolate* isolate);

}  // namespace zts::js
