// Checks one module and makes its code cache: what the compiler process does with a bundle.
//
// The module is compiled, linked and evaluated under the same flags and limits as in an engine, and its handler looked up, so
// that what would fail at the worker fails at deploy, with a place in the source.
//
// Thread:   the calling one; blocks for as long as the module's own code runs (the process has a CPU rlimit).
// Errors:   Compiled::outcome. V8 fatals end the process: the controller reads that from its exit.
// Needs:    a started Host.
#pragma once

#include <string>

#include "jsruntime/artifact_key.h"
#include "jsruntime/isolate.h"

namespace zts::js {

struct Compiled {
  Outcome outcome;
  std::string code_cache;  // produced after evaluation, with the functions that ran inside
  LoadReport report;
};

class Host;

Compiled Compile(Host& host, ScriptPtr script);

// ArtifactKey() of jsruntime/artifact_key.h says where the code cache is good.

}  // namespace zts::js
