// One function version, as the router found it.
//
// Thread:   a value.
#pragma once

#include <cstdint>

#include "jsruntime/script.h"

namespace zts::runtime {

struct Target {
  js::ScriptPtr script;
  uint64_t version_id = 0;
  uint32_t counter_row = 0;
  uint32_t engine_class = 0;  // 0: run here; else the number of the engine class that runs it
};

// The same for the length of a call: taking a reference to a Script costs two locked instructions, which a warm request need not pay.
struct TargetRef {
  const js::ScriptPtr& script;
  uint64_t version_id;
  uint32_t counter_row;
  uint32_t engine_class;
  TargetRef(const js::ScriptPtr& script_ref, uint64_t version, uint32_t row, uint32_t number_of_class = 0)
      : script(script_ref), version_id(version), counter_row(row), engine_class(number_of_class) {}
  TargetRef(const Target& target)  // NOLINT: meant to convert
      : TargetRef(target.script, target.version_id, target.counter_row, target.engine_class) {}
};

}  // namespace zts::runtime
