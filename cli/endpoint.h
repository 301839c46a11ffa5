// Which controller to talk to, and with which token.
//
// In this order: --data-dir given on the command line; ZTS_CONTROLLER with ZTS_TOKEN; ZTS_DATA_DIR; ./.zts.
//
// Thread:   any. Reads small files.
// Errors:   each says how to name a controller. Plain text to another machine is refused unless ZTS_INSECURE is set.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"

namespace zts::cli {

using GetEnv = std::function<std::optional<std::string>(const char* name)>;

struct Endpoint {
  std::string address;   // "127.0.0.1:43211"
  std::string token;
  std::string data_dir;  // empty when the environment named the controller
  std::string ca_file;   // what its certificate is signed by (ZTS_CA); empty: plain text
};

// The folder that --data-dir, ZTS_DATA_DIR or the default names; absolute.
std::string DataDirectory(const std::string& flag, const GetEnv& env);

Result<Endpoint> FindController(const std::string& data_dir_flag, const GetEnv& env);

// What to do about a controller that does not answer.
std::string UnreachableHint(const std::string& data_dir);

}  // namespace zts::cli
