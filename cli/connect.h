// Finds the controller for a verb.
//
// Thread:   one.
#pragma once

#include <functional>

#include "cli/client.h"
#include "cli/commands.h"

namespace zts::cli {

// Calls `use` with a client of the controller; that there is none to be found is reported here.
inline ExitCode WithClient(Context& context, const std::function<ExitCode(Client&, const Endpoint&)>& use) {
  const Result<Endpoint> endpoint = FindController(context.data_dir_flag, context.env);
  if (!endpoint.ok()) {
    return context.console.Fail(FailureOf(endpoint.error(), DataDirectory(context.data_dir_flag, context.env)));
  }
  Client client(*endpoint);
  return use(client, *endpoint);
}

}  // namespace zts::cli
