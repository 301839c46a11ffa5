#include "controller/rpc_server.h"

#include <grpc/impl/codegen/grpc_types.h>
#include <grpc/support/log.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/server_builder.h>

#include <chrono>

#include "base/file.h"
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

// How soon a renewed certificate is used.
constexpr unsigned kTlsReloadSeconds = 1;
constexpr size_t kPemBytesMax = size_t{1} << 20;

Status CheckPem(const std::string& flag, const std::string& path) {
  auto text = ReadFile(path, kPemBytesMax);
  if (!text.ok()) return std::move(text).error().Under(flag);
  if (text->find("-----BEGIN ") == std::string::npos) return Invalid(flag + ": " + path + " is no PEM file");
  return {};
}

Result<std::shared_ptr<grpc::ServerCredentials>> CredentialsOf(const TlsFiles& tls) {
  if (tls.cert.empty() && tls.key.empty() && tls.ca.empty()) return grpc::InsecureServerCredentials();
  if (tls.cert.empty() || tls.key.empty()) return Invalid("TLS needs both --tls-cert and --tls-key");
  ZTS_RETURN_IF_ERROR(CheckPem("--tls-cert", tls.cert));
  ZTS_RETURN_IF_ERROR(CheckPem("--tls-key", tls.key));
  if (!tls.ca.empty()) ZTS_RETURN_IF_ERROR(CheckPem("--tls-ca", tls.ca));
  using grpc::experimental::FileWatcherCertificateProvider;
  grpc::experimental::TlsServerCredentialsOptions options(
      std::make_shared<FileWatcherCertificateProvider>(tls.key, tls.cert, tls.ca, kTlsReloadSeconds));
  options.watch_identity_key_cert_pairs();
  if (!tls.ca.empty()) {
    options.watch_root_certs();
    // Asked for and not required: people have tokens only. sync_service insists where workers come in.
    options.set_cert_request_type(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  auto credentials = grpc::experimental::TlsServerCredentials(options);
  if (credentials == nullptr) return Invalid("the TLS files cannot be used; see that --tls-key belongs to --tls-cert");
  return credentials;
}

int Milliseconds(Nanos value) { return static_cast<int>(value / kMillisecond); }

}  // namespace

Result<std::unique_ptr<RpcServer>> RpcServer::Start(const std::string& address, const TlsFiles& tls,
                                                    const std::vector<grpc::Service*>& services, const std::string& flag) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    return Invalid("'" + address + "' is no address; write HOST:PORT, as in 127.0.0.1:7070");
  }
  gpr_set_log_function(LogQuietly);
  ZTS_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ServerCredentials> credentials, CredentialsOf(tls));
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(address, credentials, &port);
  for (grpc::Service* service : services) builder.RegisterService(service);
  grpc::ResourceQuota quota;
  quota.SetMaxThreads(kRpcThreadsMax);
  // gRPC looks at a message's length when all of it is there: without this a peer that announces 4 GiB has them kept for it.
  quota.Resize(kRpcMemoryBytesMax);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(kReceiveBytesMax);
  builder.SetMaxSendMessageSize(kMessageBytesMax);
  // A window of a fixed size: the one that gRPC fits to the line grows by megabytes a call, for whoever fills it.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kUnreadBytesMax);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kCallsPerConnectionMax);
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
                       ": the address is in use, or is none of this machine's; choose another with " + flag);
  }
  return std::unique_ptr<RpcServer>(new RpcServer(std::move(server), address.substr(0, colon) + ":" + std::to_string(port)));
}

RpcServer::~RpcServer() {
  server_->Shutdown(std::chrono::system_clock::now() + kGrace);
  server_->Wait();
}

}  // namespace zts::controller
