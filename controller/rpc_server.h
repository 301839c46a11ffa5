// A gRPC server with the bounds of limits.h: message sizes, threads, keepalive, and memory of its own for what arrives.
//
// Owner:    the controller, one a listening address.
// Thread:   Start and the destructor: one thread.
// Life:     the services outlive it.
// Errors:   Start fails when the address cannot be bound or a PEM file cannot be used, and names it.
#pragma once

#include <grpcpp/server.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace zts::controller {

// PEM files; all empty: plain text. They are looked at again every second, so that certificates are renewed without a restart.
struct TlsFiles {
  std::string cert;
  std::string key;
  std::string ca;  // what workers' certificates are signed by; empty: none are asked for
};

class RpcServer {
 public:
  // "127.0.0.1:0": port 0 picks one. `flag`: where the address is from, for errors.
  static Result<std::unique_ptr<RpcServer>> Start(const std::string& address, const TlsFiles& tls,
                                                  const std::vector<grpc::Service*>& services, const std::string& flag);
  // Ends all calls, at once after a short grace.
  ~RpcServer();
  const std::string& address() const { return address_; }

 private:
  RpcServer(std::unique_ptr<grpc::Server> server, std::string address) : server_(std::move(server)), address_(std::move(address)) {}
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace zts::controller
