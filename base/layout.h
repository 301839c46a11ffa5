// Where the parts of an installation are: programs, addons, the snapshot, found from the place of the running binary.
//
// Looked for, in this order: $ZTS_LIBEXEC, the binary's own folder, ../libexec/zts beside it (an installed tree), and the build tree.
//
// Thread:   any.
// Errors:   names the file and every place looked at.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace zts {

// The absolute path of "zts-worker", "engine.node", "web.snapshot", ...
Result<std::string> FindInstalled(std::string_view name);

}  // namespace zts
