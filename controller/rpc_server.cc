#include "controller/rpc_server.h"

#include <grpc/impl/codegen/grpc_types.h>
#include <grpc/support/log.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <chrono>

#include "base/log.h"
#include "controller/limits.h"

namespace zts::controller {
namespace {

// For answers that are being written; streams that stay open are cancelled after it.
constexpr auto kGrace = std::chrono::milliseconds(200);

// What arrives: chunks of 1 MiB and batches of logs.
constexpr int kReceiveBytesMax = 4 << 20;

// What gRPC has to say is for those who debug it; what an operator must know is said by us.
void LogQuietly(gpr_log_func_args* args) { ZTS_LOG(kDebug) << "grpc: " << args->message; }

int Milliseconds(Nanos value) { return static_cast<int>(value / kMillisecond); }

}  // namespace

Result<std::unique_ptr<RpcServer>> RpcServer::Start(const std::string& address, const std::vector<grpc::Service*>& services) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    return Invalid("'" + address + "' is no address; write HOST:PORT, as in 127.0.0.1:7070");
  }
  gpr_set_log_function(LogQuietly);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  for (grpc::Service* service : services) builder.RegisterService(service);
  grpc::ResourceQuota quota;
  quota.SetMaxThreads(kRpcThreadsMax);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(kReceiveBytesMax);
  builder.SetMaxSendMessageSize(kMessageBytesMax);
  // Otherwise two controllers could share a port, each with half of the workers.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(kKeepaliveInterval));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(kKeepaliveTimeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Peers ping as often as we do; without this the default of five minutes would end their connections.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, Milliseconds(kKeepaliveInterval / 2));
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return Unavailable("cannot listen on " + address +
                       ": the address is in use, or is none of this machine's; choose another with --listen");
  }
  return std::unique_ptr<RpcServer>(new RpcServer(std::move(server), address.substr(0, colon) + ":" + std::to_string(port)));
}

RpcServer::~RpcServer() {
  server_->Shutdown(std::chrono::system_clock::now() + kGrace);
  server_->Wait();
}

}  // namespace zts::controller
