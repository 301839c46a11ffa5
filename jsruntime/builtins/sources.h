// The modules of this folder, bundled into one text each and part of the program.
//
// Life:     the program's. Texts are ASCII.
#pragma once

#include <span>
#include <string_view>

namespace zts::js {

struct BuiltinSource {
  std::string_view name;  // "buffer", "util/types"; "zts:NAME" is not for functions to import
  std::string_view text;  // the body of a function (native, internal, module, exports, require)
};

std::span<const BuiltinSource> BuiltinSources();

}  // namespace zts::js
