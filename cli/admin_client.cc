#include "cli/admin_client.h"

#include <grpcpp/grpcpp.h>

#include "base/sha256.h"
#include "cli/channel.h"
#include "zts/v1/admin.grpc.pb.h"

namespace zts::cli {
namespace {

// Short calls read or write a few rows.
constexpr Nanos kShortCall = 20 * kSecond;

TokenInfo InfoOf(const v1::Token& from) {
  return {from.id(),         from.name(),       from.role(),      {from.scopes().begin(), from.scopes().end()},
          from.created_ns(), from.expires_ns(), from.created_by()};
}

Error Broken() { return {ErrorCode::kCorrupt, "the backup is not what the controller sent; try again"}; }

}  // namespace

struct AdminClient::Impl {
  Endpoint endpoint;
  std::unique_ptr<v1::Admin::Stub> stub;

  template <typename Request, typename Response>
  Status Call(grpc::Status (v1::Admin::Stub::*method)(grpc::ClientContext*, const Request&, Response*), const Request& request,
              Response& response) {
    grpc::ClientContext context;
    PrepareCall(endpoint, context, kShortCall);
    const grpc::Status status = ((*stub).*method)(&context, request, &response);
    if (!status.ok()) return CallError(endpoint, status);
    return {};
  }
};

AdminClient::AdminClient(const Endpoint& endpoint) : impl_(std::make_unique<Impl>()) {
  impl_->endpoint = endpoint;
  impl_->stub = v1::Admin::NewStub(OpenChannel(endpoint));
}

AdminClient::~AdminClient() = default;

Result<CreatedToken> AdminClient::CreateToken(const TokenWish& wish) {
  v1::CreateTokenRequest request;
  request.set_name(wish.name);
  request.set_role(wish.role);
  for (const std::string& scope : wish.scopes) request.add_scopes(scope);
  request.set_lifetime_ns(wish.lifetime);
  v1::CreateTokenResponse response;
  ZTS_RETURN_IF_ERROR(impl_->Call(&v1::Admin::Stub::CreateToken, request, response));
  return CreatedToken{InfoOf(response.token()), response.secret()};
}

Result<std::vector<TokenInfo>> AdminClient::ListTokens() {
  v1::ListTokensResponse response;
  ZTS_RETURN_IF_ERROR(impl_->Call(&v1::Admin::Stub::ListTokens, v1::ListTokensRequest(), response));
  std::vector<TokenInfo> tokens;
  for (const auto& token : response.tokens()) tokens.push_back(InfoOf(token));
  return tokens;
}

Status AdminClient::RevokeToken(const std::string& id) {
  v1::RevokeTokenRequest request;
  request.set_id(id);
  v1::RevokeTokenResponse response;
  return impl_->Call(&v1::Admin::Stub::RevokeToken, request, response);
}

Status AdminClient::PutNamespace(const std::string& name, const Quotas& quotas, Put put) {
  v1::PutNamespaceRequest request;
  request.set_name(name);
  request.set_create(put == Put::kCreate);
  request.mutable_quotas()->set_functions_max(quotas.functions_max);
  request.mutable_quotas()->set_versions_max(quotas.versions_max);
  request.mutable_quotas()->set_stored_bytes_max(quotas.stored_bytes_max);
  request.mutable_quotas()->set_deploys_per_minute(quotas.deploys_per_minute);
  v1::PutNamespaceResponse response;
  return impl_->Call(&v1::Admin::Stub::PutNamespace, request, response);
}

Result<std::vector<NamespaceInfo>> AdminClient::ListNamespaces() {
  v1::ListNamespacesResponse response;
  ZTS_RETURN_IF_ERROR(impl_->Call(&v1::Admin::Stub::ListNamespaces, v1::ListNamespacesRequest(), response));
  std::vector<NamespaceInfo> list;
  for (const auto& from : response.namespaces()) {
    list.push_back({from.name(),
                    {from.quotas().functions_max(), from.quotas().versions_max(), from.quotas().stored_bytes_max(),
                     from.quotas().deploys_per_minute()},
                    from.created_ns(),
                    from.functions(),
                    from.versions(),
                    from.stored_bytes()});
  }
  return list;
}

Status AdminClient::DeleteNamespace(const std::string& name) {
  v1::DeleteNamespaceRequest request;
  request.set_name(name);
  v1::DeleteNamespaceResponse response;
  return impl_->Call(&v1::Admin::Stub::DeleteNamespace, request, response);
}

Status AdminClient::SetSecret(const std::string& function, const std::string& key, const std::string& value) {
  v1::SetSecretRequest request;
  request.set_function(function);
  request.set_key(key);
  request.set_value(value);
  v1::SetSecretResponse response;
  return impl_->Call(&v1::Admin::Stub::SetSecret, request, response);
}

Result<std::vector<SecretInfo>> AdminClient::ListSecrets(const std::string& function) {
  v1::ListSecretsRequest request;
  request.set_function(function);
  v1::ListSecretsResponse response;
  ZTS_RETURN_IF_ERROR(impl_->Call(&v1::Admin::Stub::ListSecrets, request, response));
  std::vector<SecretInfo> list;
  for (const auto& item : response.items()) list.push_back({item.function(), item.key(), item.key_id(), item.updated_ns()});
  return list;
}

Status AdminClient::DeleteSecret(const std::string& function, const std::string& key) {
  v1::DeleteSecretRequest request;
  request.set_function(function);
  request.set_key(key);
  v1::DeleteSecretResponse response;
  return impl_->Call(&v1::Admin::Stub::DeleteSecret, request, response);
}

Result<Rotated> AdminClient::RotateSecrets(Key key) {
  v1::RotateSecretsRequest request;
  request.set_make_key(key == Key::kMakeNew);
  v1::RotateSecretsResponse response;
  ZTS_RETURN_IF_ERROR(impl_->Call(&v1::Admin::Stub::RotateSecrets, request, response));
  return Rotated{response.key_id(), response.secrets()};
}

Status AdminClient::ListAudit(Nanos since, uint32_t count_max, const std::function<void(const AuditEntry&)>& sink) {
  grpc::ClientContext context;
  PrepareCall(impl_->endpoint, context, kShortCall);
  v1::ListAuditRequest request;
  request.set_since_ns(since);
  request.set_count_max(count_max);
  auto reader = impl_->stub->ListAudit(&context, request);
  for (v1::AuditEvent event; reader->Read(&event);) {
    sink({event.time_ns(), event.actor(), event.action(), event.target(), event.peer(), event.result(), event.detail()});
  }
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return CallError(impl_->endpoint, status);
  return {};
}

Result<BackupInfo> AdminClient::Backup(const std::function<Status(std::string_view)>& sink) {
  grpc::ClientContext context;
  PrepareCall(impl_->endpoint, context, 0);
  auto reader = impl_->stub->Backup(&context, {});
  BackupInfo info;
  Sha256 hash;
  uint64_t bytes = 0;
  std::string said;
  Status kept;
  for (v1::BackupPart part; kept.ok() && reader->Read(&part);) {
    if (part.has_start()) {
      info = {part.start().bytes(), part.start().catalog_version(), part.start().functions(),
              {part.start().secret_key_ids().begin(), part.start().secret_key_ids().end()}};
    }
    if (part.has_end()) said = part.end().sha256();
    if (part.part_case() != v1::BackupPart::kData) continue;
    hash.Update(part.data());
    bytes += part.data().size();
    kept = sink(part.data());
  }
  if (!kept.ok()) context.TryCancel();
  const grpc::Status status = reader->Finish();
  ZTS_RETURN_IF_ERROR(std::move(kept));
  if (!status.ok()) return CallError(impl_->endpoint, status);
  if (bytes != info.bytes || ToHex(hash.Finish()) != said) return Broken();
  return info;
}

}  // namespace zts::cli
