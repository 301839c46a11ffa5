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
  bool reads_environment = false;  // while it loads: a snapshot of it is for this environment alone
  std::string snapshot_refusal;  // why there can be no snapshot of the evaluated module; empty: Record may be tried
  LoadReport report;
  Nanos load_cpu = 0;  // of this thread; the report's times include waiting for a core
};

class Host;

Compiled Compile(Host& host, ScriptPtr script);

// Runs the module as the body of a function, in an isolate whose heap V8 can write down, and writes it down. V8 ends the process where it
// cannot, so this is for one that has nothing else to lose. REQUIRES: Compile found nothing wrong with it.
struct Recorded {
  LoadReport report;
  std::string snapshot;  // function_snapshot.h; empty where the load failed, or where there is a
  std::string refusal;   // why there can be none
};
Recorded Record(Host& host, const ScriptPtr& script);

// ArtifactKey() of jsruntime/artifact_key.h says where the code cache is good.

}  // namespace zts::js
