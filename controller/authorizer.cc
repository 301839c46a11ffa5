#include "controller/authorizer.h"

#include <string_view>

#include "base/bytes.h"

namespace zts::controller {
namespace {

// The token a call shows; empty when it shows none.
std::string_view ShownToken(const grpc::ServerContext& context) {
  constexpr std::string_view kScheme = "bearer ";
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find("authorization");
  if (found == metadata.end()) return {};
  const std::string_view value(found->second.data(), found->second.size());
  const bool bearer = value.size() > kScheme.size() && EqualsIgnoreCase(value.substr(0, kScheme.size()), kScheme);
  return bearer ? value.substr(kScheme.size()) : std::string_view();
}

grpc::Status NoToken() {
  return {grpc::StatusCode::UNAUTHENTICATED, "a valid token is needed; an admin makes one with 'ztsctl token create'"};
}

grpc::Status OutOfReach(const tenancy::Token& token, Call call) {
  return {grpc::StatusCode::PERMISSION_DENIED,
          "this token may not " + std::string(tenancy::RuleOf(call).action) + " there: its scopes do not cover that function (" +
              tenancy::ActorName(token) + ")"};
}

std::string ResultOf(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::OK: return "ok";
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED: return "denied";
    case grpc::StatusCode::INVALID_ARGUMENT: return "invalid";
    case grpc::StatusCode::NOT_FOUND: return "not_found";
    case grpc::StatusCode::ALREADY_EXISTS: return "exists";
    case grpc::StatusCode::RESOURCE_EXHAUSTED: return "exhausted";
    case grpc::StatusCode::CANCELLED: return "cancelled";
    default: return "failed";
  }
}

}  // namespace

grpc::Status AdmittedCall::Aim(const std::string& function) {
  target_ = function;
  return Covers(function) ? grpc::Status::OK : OutOfReach(*token_, call_);
}

bool AdmittedCall::CoversSomeOf(std::string_view name_space) const {
  if (token_->scopes.empty()) return true;
  for (const std::string& scope : token_->scopes) {
    if (tenancy::ScopeCovers(scope.substr(0, scope.find('/')), "any." + std::string(name_space))) return true;
  }
  return false;
}

grpc::Status Authorizer::CheckToken(const grpc::ServerContext& context, Call call) {
  if (tokens_.Find(ShownToken(context)) != nullptr) return grpc::Status::OK;
  audit_.AddStranger(context.peer(), std::string(tenancy::RuleOf(call).action));
  return NoToken();
}

grpc::Status Authorizer::Admit(const grpc::ServerContext& context, Call call, const std::string& function, tenancy::TokenPtr& token) {
  token = tokens_.Find(ShownToken(context));
  if (token == nullptr) return NoToken();
  if (!tenancy::MayCall(token->role, call)) {
    return {grpc::StatusCode::PERMISSION_DENIED, "this token may not " + std::string(tenancy::RuleOf(call).action) + ": its role is " +
                                                     std::string(tenancy::RoleName(token->role)) + " (" + tenancy::ActorName(*token) + ")"};
  }
  if (!function.empty() && !tenancy::ScopesCover(token->scopes, function)) return OutOfReach(*token, call);
  return grpc::Status::OK;
}

void Authorizer::Record(const grpc::ServerContext& context, const AdmittedCall& call, const grpc::Status& status) {
  const tenancy::CallRule& rule = tenancy::RuleOf(call.call_);
  const bool refused = status.error_code() == grpc::StatusCode::PERMISSION_DENIED;
  if (rule.audit != tenancy::CallRule::Audit::kChange && !refused) return;
  tenancy::AuditEvent event{.actor = call.actor(), .action = std::string(rule.action), .target = call.target_, .peer = context.peer(),
                            .result = call.result_.empty() ? ResultOf(status) : call.result_, .detail = call.detail_};
  if (event.detail.empty()) event.detail = status.error_message();
  audit_.Add(std::move(event));
}

grpc::Status Authorizer::Run(grpc::ServerContext& context, Call call, const std::string& function,
                             const std::function<grpc::Status(AdmittedCall&)>& body) {
  tenancy::TokenPtr token;
  const grpc::Status admitted = Admit(context, call, function, token);
  if (token == nullptr) {
    audit_.AddStranger(context.peer(), std::string(tenancy::RuleOf(call).action));
    return admitted;
  }
  AdmittedCall record(token, call, function);
  if (!admitted.ok()) {
    Record(context, record, admitted);
    return admitted;
  }
  const OpenCall open{&context, token.get()};
  {
    const std::lock_guard lock(mutex_);
    open_.insert(open);
  }
  // Revoked between the look and the entry in the list: nobody would end it.
  if (!tokens_.IsValid(*token)) context.TryCancel();
  const grpc::Status status = body(record);
  {
    const std::lock_guard lock(mutex_);
    open_.erase(open);
  }
  Record(context, record, status);
  return status;
}

void Authorizer::EndInvalid() {
  const std::lock_guard lock(mutex_);
  for (const OpenCall& call : open_) {
    if (!tokens_.IsValid(*call.token)) call.context->TryCancel();
  }
}

}  // namespace zts::controller
