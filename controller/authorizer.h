// Lets a call in when it shows the token: "authorization: Bearer TOKEN" metadata.
//
// Owner:    main(), one a process, shared by both services.
// Thread:   any.
// Errors:   UNAUTHENTICATED, with where to find the token.
// Source:   RFC 6750 2.1.
#pragma once

#include <grpcpp/server_context.h>

#include <string>

namespace zts::controller {

class Authorizer {
 public:
  explicit Authorizer(std::string token) : token_(std::move(token)) {}
  grpc::Status Check(const grpc::ServerContext& context) const;

 private:
  const std::string token_;
};

}  // namespace zts::controller
