// The one place where it is decided who may call what: each call of each service runs inside Run.
//
// A call without a valid token learns nothing: one answer, whatever was asked. A call that its token's role or scopes do not allow is told
// so before anything is looked up, so that what is out of reach cannot be told from what is not there. Changes and refusals go to the
// audit trail with what came of them.
//
// Owner:    Controller, one a process, shared by all services.
// Thread:   any.
// Life:     tokens and audit outlive it; it outlives every call.
// Errors:   UNAUTHENTICATED: no valid token. PERMISSION_DENIED: a valid one that may not.
// Source:   RFC 6750 2.1 ("authorization: Bearer TOKEN" metadata).
#pragma once

#include <grpcpp/server_context.h>

#include <functional>
#include <mutex>
#include <set>
#include <string>

#include "controller/tenancy/audit_log.h"
#include "controller/tenancy/roles.h"
#include "controller/tenancy/token_book.h"

namespace zts::controller {

using tenancy::Call;

// A call that was let in.
class AdmittedCall {
 public:
  AdmittedCall(tenancy::TokenPtr token, Call call, std::string target) : token_(std::move(token)), call_(call),
      target_(std::move(target)) {}

  std::string actor() const { return tenancy::ActorName(*token_); }
  bool Covers(std::string_view function) const { return tenancy::ScopesCover(token_->scopes, function); }
  // Whether some function of that namespace could be within reach.
  bool CoversSomeOf(std::string_view name_space) const;
  // Names the function that the call turns out to be about; fails when the token does not reach it.
  grpc::Status Aim(const std::string& function);
  // For the audit trail: what the call was about when that is no function, more about it, and what came of it when the status does not say.
  void set_target(std::string target) { target_ = std::move(target); }
  void set_detail(std::string detail) { detail_ = std::move(detail); }
  void set_result(std::string result) { result_ = std::move(result); }

 private:
  friend class Authorizer;
  const tenancy::TokenPtr token_;
  const Call call_;
  std::string target_;
  std::string detail_;
  std::string result_;
};

class Authorizer {
 public:
  Authorizer(const tenancy::TokenBook& tokens, tenancy::AuditLog& audit) : tokens_(tokens), audit_(audit) {}

  // `function`: what the call is about, empty when it is about none, or about many and asks Covers for each.
  grpc::Status Run(grpc::ServerContext& context, Call call, const std::string& function,
                   const std::function<grpc::Status(AdmittedCall&)>& body);

  // Whether the call shows a valid token; told to whoever shows none, before anything it sends is read.
  grpc::Status CheckToken(const grpc::ServerContext& context, Call call);

  // Cancels the open calls whose token is no longer valid; called after a revocation, and now and then for those that expire.
  void EndInvalid();

 private:
  struct OpenCall {
    grpc::ServerContext* context;
    const tenancy::Token* token;
    bool operator<(const OpenCall& other) const { return context < other.context; }
  };
  grpc::Status Admit(const grpc::ServerContext& context, Call call, const std::string& function, tenancy::TokenPtr& token);
  void Record(const grpc::ServerContext& context, const AdmittedCall& call, const grpc::Status& status);

  const tenancy::TokenBook& tokens_;
  tenancy::AuditLog& audit_;
  std::mutex mutex_;
  std::set<OpenCall> open_;
};

}  // namespace zts::controller
