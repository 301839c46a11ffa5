// An ES module as the body of a strict function.
//
// V8 writes functions, maps, sets and classes into a snapshot that any process can read, and ES modules into one that only the process
// that made it can (docs/life_of_a_deploy.md). So what is to be written down runs in this form: lines and columns are those of the
// module, imported names are parameters, and what it returns has the module's exports as getters, which are live as a module's are.
// transform.js does it, with a parser of its own (acorn).
//
// Thread:   the calling one, which must not be in an isolate. Makes an isolate and disposes of it: a tenth of a second for a megabyte.
// Limits:   kBodySourceBytesMax, kBodyHeapBytesMax; beyond the latter V8 ends the process.
// Errors:   FunctionBody::refusal, for what cannot be said in this form: top-level await, import.meta, export *, comments as in HTML. A
//           module that V8 does not take as one is nobody's to transform: REQUIRES that it has compiled and linked.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace zts::js {

class Snapshot;

// A syntax tree is a hundred times its text.
inline constexpr size_t kBodySourceBytesMax = size_t{4} << 20;
inline constexpr size_t kBodyHeapBytesMax = size_t{768} << 20;

struct FunctionBody {
  // What a parameter is: a name that `module` exports, "*" for all of them; no module: nothing, the body's own variable.
  struct Parameter {
    std::string name;
    std::string module;
    std::string imported;
  };
  std::string text;                   // UTF-8; line 1 is the directive "use strict", the module's begins behind it
  std::vector<std::string> modules;   // to be loaded, in this order
  std::vector<Parameter> parameters;
  std::string refusal;                // when not empty, nothing else counts
};

FunctionBody MakeFunctionBody(const Snapshot& snapshot, std::string_view source);

}  // namespace zts::js
