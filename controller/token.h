// The shared secret that clients and workers show with every call, and the file it lives in.
//
// Thread:   any.
// Errors:   LoadOrCreate: a file that others can read, or that holds no token, is refused with the command that mends it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace zts::controller {

// Reads the token, or makes the file (0600) with a new random one.
Result<std::string> LoadOrCreateToken(const std::string& path);

// In time that depends on neither content.
bool TokensEqual(std::string_view a, std::string_view b);

}  // namespace zts::controller
