// What a function's own sources import of Node's that a function can import and hardly use: said at deploy, since the call that fails may
// be in a request much later. Packages import such modules by the dozen and do without them; of them nothing is said.
//
// Thread:   pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/source_error.h"

namespace zts::cli {

// A warning for each such module and source. `source_map`: with the sources in it; those below node_modules are packages'.
std::vector<SourceError> WarnOfNodeImports(const std::string& source_map);

// Of one source.
std::vector<SourceError> WarnOfNodeImports(std::string_view file, std::string_view source);

}  // namespace zts::cli
