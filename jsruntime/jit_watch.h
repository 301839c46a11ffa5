// Asks V8 what it has made of one script's functions, and watches for a while what it throws away.
//
// Nothing is switched on before somebody asks. Take lets V8 list its code once: milliseconds for a large module. A watch is V8's sampling
// profiler: a thread that interrupts the isolate's a thousand times a second, and a few percent of its time; it ends with Take.
//
// Owner:    V8Isolate.
// Thread:   the isolate's, with the isolate entered.
// Limits:   one watch at a time; kSamplesMax.
#pragma once

#include <v8-profiler.h>
#include <v8.h>

#include <memory>

#include "jsruntime/jit_report.h"
#include "jsruntime/script.h"

namespace zts::js {

// A minute of them; after that no more are taken.
inline constexpr unsigned kSamplesMax = 60'000;

class JitWatch {
 public:
  void Start(v8::Isolate* isolate);
  bool on() const { return profiler_ != nullptr; }
  // Ends a watch that nobody took; before V8's isolate goes.
  void Stop(v8::Isolate* isolate);
  JitReport Take(v8::Isolate* isolate, const Script& script);

 private:
  v8::CpuProfiler* profiler_ = nullptr;
  v8::ProfilerId id_ = 0;
};

}  // namespace zts::js
