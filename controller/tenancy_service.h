// The edge towards administrators: the calls of admin.proto in terms of tokens, namespaces, secrets, the audit trail and the store.
//
// Owner:    Controller, one a process; registered with the gRPC server.
// Thread:   the server's own, one a call.
// Life:     everything handed to it outlives the server.
// Errors:   what the parts say, as a gRPC status.
#pragma once

#include <mutex>
#include <string>

#include "controller/authorizer.h"
#include "controller/gated_service.h"
#include "controller/publisher.h"
#include "controller/registry.h"
#include "controller/store/store.h"
#include "controller/tenancy/audit_log.h"
#include "controller/tenancy/namespaces.h"
#include "controller/tenancy/token_book.h"
#include "controller/tenancy/vault.h"
#include "zts/v1/admin.grpc.pb.h"

namespace zts::controller {

class TenancyService final : public GatedService<v1::Admin::Service> {
 public:
  struct Parts {
    Authorizer& authorizer;
    tenancy::TokenBook& tokens;
    tenancy::AuditLog& audit;
    tenancy::Namespaces& namespaces;
    tenancy::Vault& vault;
    Registry& registry;
    Publisher& publisher;
    store::Store& store;
    // Where a checkpoint can be: on the file system of the store.
    std::string checkpoint_folder;
    CallTimer& timer;
  };
  explicit TenancyService(Parts parts);

  using Context = grpc::ServerContext;
  grpc::Status CreateToken(Context* context, const v1::CreateTokenRequest* request, v1::CreateTokenResponse* response) override;
  grpc::Status ListTokens(Context* context, const v1::ListTokensRequest* request, v1::ListTokensResponse* response) override;
  grpc::Status RevokeToken(Context* context, const v1::RevokeTokenRequest* request, v1::RevokeTokenResponse* response) override;
  grpc::Status PutNamespace(Context* context, const v1::PutNamespaceRequest* request, v1::PutNamespaceResponse* response) override;
  grpc::Status ListNamespaces(Context* context, const v1::ListNamespacesRequest* request, v1::ListNamespacesResponse* response) override;
  grpc::Status DeleteNamespace(Context* context, const v1::DeleteNamespaceRequest* request, v1::DeleteNamespaceResponse* response) override;
  grpc::Status SetSecret(Context* context, const v1::SetSecretRequest* request, v1::SetSecretResponse* response) override;
  grpc::Status ListSecrets(Context* context, const v1::ListSecretsRequest* request, v1::ListSecretsResponse* response) override;
  grpc::Status DeleteSecret(Context* context, const v1::DeleteSecretRequest* request, v1::DeleteSecretResponse* response) override;
  grpc::Status RotateSecrets(Context* context, const v1::RotateSecretsRequest* request, v1::RotateSecretsResponse* response) override;

 private:
  grpc::Status ServeBackup(Context* context, const v1::BackupRequest* request, Writer<v1::BackupPart>* writer);
  grpc::Status ServeAudit(Context* context, const v1::ListAuditRequest* request, Writer<v1::AuditEvent>* writer);
  tenancy::Vault::Write WriteOf(const std::string& function);
  tenancy::Vault::Write RemovalOf(const std::string& function, const std::string& key);
  Status SendBackup(Writer<v1::BackupPart>& writer);

  const Parts parts_;
  std::mutex backup_mutex_;  // one at a time: there is one folder for it
};

}  // namespace zts::controller
