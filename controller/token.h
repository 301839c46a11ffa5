// The first token: an administrator's, in a file of its own, so that nothing has to be configured to begin with.
//
// Thread:   any.
// Errors:   LoadOrCreate: a file that others can read, or that holds no token, is refused with the command that mends it.
#pragma once

#include <string>

#include "base/result.h"

namespace zts::controller {

// Reads the token, or makes the file (0600) with a new random one.
Result<std::string> LoadOrCreateToken(const std::string& path);

}  // namespace zts::controller
