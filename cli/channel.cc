#include "cli/channel.h"

#include <grpc/grpc.h>
#include <grpcpp/grpcpp.h>

#include <cstdlib>

#include "base/file.h"

namespace zts::cli {
namespace {

constexpr size_t kPemBytesMax = size_t{1} << 20;

ErrorCode CodeOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::UNAVAILABLE:
      return ErrorCode::kUnavailable;
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      return ErrorCode::kDenied;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::OUT_OF_RANGE:
      return ErrorCode::kInvalid;
    case grpc::StatusCode::NOT_FOUND:
      return ErrorCode::kNotFound;
    case grpc::StatusCode::ALREADY_EXISTS:
      return ErrorCode::kExists;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return ErrorCode::kExhausted;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return ErrorCode::kTimeout;
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::ABORTED:
      return ErrorCode::kAborted;
    case grpc::StatusCode::DATA_LOSS:
      return ErrorCode::kCorrupt;
    case grpc::StatusCode::UNIMPLEMENTED:
      return ErrorCode::kUnsupported;
    default:
      return ErrorCode::kInternal;
  }
}

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  // The controller is named by address: a proxy for the web is not on the way to it.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetMaxReceiveMessageSize(64 << 20);
  return arguments;
}

// gRPC reports every failed connection on stderr by itself; what matters reaches the user as an error with a next step.
void QuietGrpc() { ::setenv("GRPC_VERBOSITY", "NONE", 0); }

// The process ends with its command. Without this the last channel ends gRPC's threads first, one after the other, and waits for each.
void KeepGrpc() {
  static const bool kept = (grpc_init(), true);
  static_cast<void>(kept);
}

}  // namespace

std::shared_ptr<grpc::Channel> OpenChannel(const Endpoint& endpoint) {
  QuietGrpc();
  KeepGrpc();
  if (endpoint.ca_file.empty()) {
    return grpc::CreateCustomChannel(endpoint.address, grpc::InsecureChannelCredentials(), Arguments());
  }
  grpc::SslCredentialsOptions options;
  // A file that cannot be read trusts nobody: the call fails and says so.
  options.pem_root_certs = ReadFile(endpoint.ca_file, kPemBytesMax).ok() ? *ReadFile(endpoint.ca_file, kPemBytesMax) : "-";
  return grpc::CreateCustomChannel(endpoint.address, grpc::SslCredentials(options), Arguments());
}

std::chrono::system_clock::time_point TimeIn(Nanos duration) {
  return std::chrono::system_clock::now() + std::chrono::nanoseconds(duration);
}

void PrepareCall(const Endpoint& endpoint, grpc::ClientContext& context, Nanos timeout) {
  context.AddMetadata("authorization", "Bearer " + endpoint.token);
  if (timeout > 0) context.set_deadline(TimeIn(timeout));
}

Error CallError(const Endpoint& endpoint, const grpc::Status& status) {
  const ErrorCode code = CodeOf(status.error_code());
  const std::string& address = endpoint.address;
  const std::string& message = status.error_message();
  if (code == ErrorCode::kUnavailable) return {code, "the controller at " + address + " does not answer (" + message + ")"};
  if (code == ErrorCode::kTimeout) return {code, "the controller at " + address + " did not answer in time"};
  if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
    return {code, "the controller at " + address + " refused the token: " + message};
  }
  return {code, message.empty() ? "the controller failed without a reason (status " + std::to_string(status.error_code()) + ")"
                                : message};
}

}  // namespace zts::cli
