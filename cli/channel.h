// How ztsctl reaches a controller: the connection, the token with each call, and errors for people.
//
// Thread:   any.
// Errors:   a call that failed becomes an Error whose message names the controller.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <chrono>
#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "cli/endpoint.h"

namespace zts::cli {

// Nothing is connected before the first call.
std::shared_ptr<grpc::Channel> OpenChannel(const Endpoint& endpoint);

std::chrono::system_clock::time_point TimeIn(Nanos duration);
// The token, and a deadline where `timeout` is not 0.
void PrepareCall(const Endpoint& endpoint, grpc::ClientContext& context, Nanos timeout);
Error CallError(const Endpoint& endpoint, const grpc::Status& status);

}  // namespace zts::cli
