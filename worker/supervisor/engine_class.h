// What makes versions of functions run in processes of their own: how V8 compiles is a setting of a process, and so is what shares its
// memory.
//
// Thread:   values.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace zts::supervisor {

struct EngineClass {
  // "disabled", "lazy", "eager", with calls before a function is optimised (0: the policy's own); empty: as the worker's default engine.
  std::string jit;
  uint32_t jit_threshold = 0;
  // The namespace whose functions are among themselves; empty: all others together.
  std::string group;

  auto operator<=>(const EngineClass&) const = default;
  bool is_default() const { return jit.empty() && group.empty(); }

  // For people: "default", "jit=disabled", "jit=lazy:500 namespace=acme".
  std::string Name() const {
    std::string name = jit.empty() ? "" : "jit=" + jit + (jit_threshold > 0 ? ":" + std::to_string(jit_threshold) : "");
    if (!group.empty()) name += (name.empty() ? "" : " ") + ("namespace=" + group);
    return name.empty() ? "default" : name;
  }
};

}  // namespace zts::supervisor
