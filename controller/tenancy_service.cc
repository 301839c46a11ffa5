#include "controller/tenancy_service.h"

#include <filesystem>

#include "base/archive.h"
#include "base/log.h"
#include "base/sha256.h"
#include "controller/convert.h"

namespace zts::controller {
namespace {

v1::Token ToProto(const tenancy::Token& token) {
  v1::Token message;
  message.set_id(token.id);
  message.set_name(token.name);
  message.set_role(std::string(tenancy::RoleName(token.role)));
  for (const std::string& scope : token.scopes) message.add_scopes(scope);
  message.set_created_ns(token.created_ns);
  message.set_expires_ns(token.expires_ns);
  message.set_created_by(token.created_by);
  return message;
}

std::string Describe(const v1::CreateTokenRequest& request) {
  std::string text = request.role();
  for (const std::string& scope : request.scopes()) text += " " + scope;
  return text;
}

}  // namespace

TenancyService::TenancyService(Parts parts) : GatedService(parts.authorizer, parts.timer), parts_(std::move(parts)) {
  Gate(Call::kCreateToken, &TenancyService::CreateToken);
  Gate(Call::kListTokens, &TenancyService::ListTokens);
  Gate(Call::kRevokeToken, &TenancyService::RevokeToken);
  Gate(Call::kPutNamespace, &TenancyService::PutNamespace);
  Gate(Call::kListNamespaces, &TenancyService::ListNamespaces);
  Gate(Call::kDeleteNamespace, &TenancyService::DeleteNamespace);
  Gate(Call::kSetSecret, &TenancyService::SetSecret);
  Gate(Call::kListSecrets, &TenancyService::ListSecrets);
  Gate(Call::kDeleteSecret, &TenancyService::DeleteSecret);
  Gate(Call::kRotateSecrets, &TenancyService::RotateSecrets);
  GateStream(Call::kBackup, &TenancyService::ServeBackup);
  GateStream(Call::kListAudit, &TenancyService::ServeAudit);
}

grpc::Status TenancyService::CreateToken(Context* context, const v1::CreateTokenRequest* request, v1::CreateTokenResponse* response) {
  return parts_.authorizer.Run(*context, Call::kCreateToken, "", [&](AdmittedCall& call) {
    call.set_detail(Describe(*request));
    const auto role = tenancy::RoleFrom(request->role());
    if (!role) return ToStatus(Invalid("there is no such role; there are admin, deployer, viewer and worker"));
    auto created = parts_.tokens.Create({.name = request->name(),
                                         .role = *role,
                                         .scopes = {request->scopes().begin(), request->scopes().end()},
                                         .lifetime_ns = request->lifetime_ns(),
                                         .created_by = call.actor()});
    if (!created.ok()) return ToStatus(created.error());
    call.set_target(tenancy::ActorName(*created->token));
    *response->mutable_token() = ToProto(*created->token);
    response->set_secret(created->secret);
    return grpc::Status::OK;
  });
}

grpc::Status TenancyService::ListTokens(Context* context, const v1::ListTokensRequest*, v1::ListTokensResponse* response) {
  return parts_.authorizer.Run(*context, Call::kListTokens, "", [&](const AdmittedCall&) {
    for (const tenancy::TokenPtr& token : parts_.tokens.List()) *response->add_tokens() = ToProto(*token);
    return grpc::Status::OK;
  });
}

grpc::Status TenancyService::RevokeToken(Context* context, const v1::RevokeTokenRequest* request, v1::RevokeTokenResponse*) {
  return parts_.authorizer.Run(*context, Call::kRevokeToken, "", [&](AdmittedCall& call) {
    call.set_target("token " + request->id());
    if (Status revoked = parts_.tokens.Revoke(request->id()); !revoked.ok()) return ToStatus(revoked.error());
    parts_.authorizer.EndInvalid();
    return grpc::Status::OK;
  });
}

// --- namespaces -----------------------------------------------------------------------------------

grpc::Status TenancyService::PutNamespace(Context* context, const v1::PutNamespaceRequest* request, v1::PutNamespaceResponse*) {
  return parts_.authorizer.Run(*context, Call::kPutNamespace, "", [&](AdmittedCall& call) {
    call.set_target("namespace " + request->name());
    const v1::Quotas& from = request->quotas();
    const tenancy::Quotas quotas{from.functions_max(), from.versions_max(), from.stored_bytes_max(), from.deploys_per_minute()};
    const Status done = request->create() ? parts_.namespaces.Create(request->name(), quotas)
                                          : parts_.namespaces.Change(request->name(), quotas);
    return done.ok() ? grpc::Status::OK : ToStatus(done.error());
  });
}

grpc::Status TenancyService::ListNamespaces(Context* context, const v1::ListNamespacesRequest*, v1::ListNamespacesResponse* response) {
  return parts_.authorizer.Run(*context, Call::kListNamespaces, "", [&](const AdmittedCall& call) {
    for (const tenancy::Namespaces::Item& item : parts_.namespaces.List()) {
      if (!call.CoversSomeOf(item.name)) continue;
      auto& message = *response->add_namespaces();
      message.set_name(item.name);
      message.mutable_quotas()->set_functions_max(item.quotas.functions_max);
      message.mutable_quotas()->set_versions_max(item.quotas.versions_max);
      message.mutable_quotas()->set_stored_bytes_max(item.quotas.stored_bytes_max);
      message.mutable_quotas()->set_deploys_per_minute(item.quotas.deploys_per_minute);
      message.set_created_ns(item.created_ns);
      const tenancy::Usage used = parts_.registry.UsageOf(item.name);
      message.set_functions(used.functions);
      message.set_versions(used.versions);
      message.set_stored_bytes(used.stored_bytes);
    }
    return grpc::Status::OK;
  });
}

grpc::Status TenancyService::DeleteNamespace(Context* context, const v1::DeleteNamespaceRequest* request, v1::DeleteNamespaceResponse*) {
  return parts_.authorizer.Run(*context, Call::kDeleteNamespace, "", [&](AdmittedCall& call) {
    call.set_target("namespace " + request->name());
    const Status done = parts_.registry.WhileEmpty(request->name(), [&] { return parts_.namespaces.Remove(request->name()); });
    return done.ok() ? grpc::Status::OK : ToStatus(done.error());
  });
}

// --- secrets --------------------------------------------------------------------------------------

// With the catalog that brings it to the workers.
tenancy::Vault::Write TenancyService::WriteOf(const std::string& function) {
  return [this, function](store::RecordEdit edit, const std::function<void()>& committed) -> Status {
    ZTS_RETURN_IF_ERROR(parts_.registry.Touch(function, std::move(edit), committed));
    parts_.publisher.OnCatalog();
    return {};
  };
}

// The same, while nothing that serves names it.
tenancy::Vault::Write TenancyService::RemovalOf(const std::string& function, const std::string& key) {
  return [this, function, key](store::RecordEdit edit, const std::function<void()>& committed) -> Status {
    ZTS_RETURN_IF_ERROR(parts_.registry.DropSecret(function, key, std::move(edit), committed));
    parts_.publisher.OnCatalog();
    return {};
  };
}

grpc::Status TenancyService::SetSecret(Context* context, const v1::SetSecretRequest* request, v1::SetSecretResponse*) {
  return parts_.authorizer.Run(*context, Call::kSetSecret, request->function(), [&](AdmittedCall& call) {
    call.set_detail(request->key());
    const Status set = parts_.vault.Set(request->function(), request->key(), request->value(), WriteOf(request->function()));
    return set.ok() ? grpc::Status::OK : ToStatus(set.error());
  });
}

grpc::Status TenancyService::ListSecrets(Context* context, const v1::ListSecretsRequest* request, v1::ListSecretsResponse* response) {
  return parts_.authorizer.Run(*context, Call::kListSecrets, request->function(), [&](const AdmittedCall& call) {
    for (const tenancy::Vault::Item& item : parts_.vault.List()) {
      if (!call.Covers(item.function) || (!request->function().empty() && item.function != request->function())) continue;
      auto& message = *response->add_items();
      message.set_function(item.function);
      message.set_key(item.key);
      message.set_key_id(item.key_id);
      message.set_updated_ns(item.updated_ns);
    }
    return grpc::Status::OK;
  });
}

grpc::Status TenancyService::DeleteSecret(Context* context, const v1::DeleteSecretRequest* request, v1::DeleteSecretResponse*) {
  return parts_.authorizer.Run(*context, Call::kDeleteSecret, request->function(), [&](AdmittedCall& call) {
    call.set_detail(request->key());
    const Status done = parts_.vault.Delete(request->function(), request->key(), RemovalOf(request->function(), request->key()));
    return done.ok() ? grpc::Status::OK : ToStatus(done.error());
  });
}

grpc::Status TenancyService::RotateSecrets(Context* context, const v1::RotateSecretsRequest* request, v1::RotateSecretsResponse* response) {
  return parts_.authorizer.Run(*context, Call::kRotateSecrets, "", [&](AdmittedCall& call) {
    const auto rotated = parts_.vault.Rotate(request->make_key() ? tenancy::Vault::Key::kMakeNew : tenancy::Vault::Key::kAsItIs);
    if (!rotated.ok()) return ToStatus(rotated.error());
    call.set_detail(std::to_string(rotated->secrets) + " secrets under key " + rotated->key_id);
    response->set_key_id(rotated->key_id);
    response->set_secrets(rotated->secrets);
    return grpc::Status::OK;
  });
}

// --- backup ---------------------------------------------------------------------------------------

grpc::Status TenancyService::ServeBackup(Context* context, const v1::BackupRequest*, Writer<v1::BackupPart>* writer) {
  return parts_.authorizer.Run(*context, Call::kBackup, "", [&](AdmittedCall& call) {
    const std::unique_lock lock(backup_mutex_, std::try_to_lock);
    if (!lock.owns_lock()) return ToStatus(Unavailable("a backup is being made; try again when it is done"));
    std::error_code ignored;
    std::filesystem::remove_all(parts_.checkpoint_folder, ignored);
    const Status sent = SendBackup(*writer);
    std::filesystem::remove_all(parts_.checkpoint_folder, ignored);
    if (!sent.ok()) return ToStatus(sent.error());
    call.set_detail("catalog " + std::to_string(parts_.registry.catalog()->version));
    return grpc::Status::OK;
  });
}

Status TenancyService::SendBackup(Writer<v1::BackupPart>& writer) {
  v1::BackupPart part;
  // Before the checkpoint: what it says is in it, and perhaps a little more.
  const CatalogPtr catalog = parts_.registry.catalog();
  part.mutable_start()->set_catalog_version(catalog->version);
  part.mutable_start()->set_functions(static_cast<uint32_t>(catalog->entries.size()));
  for (const std::string& id : parts_.vault.KeyIds()) part.mutable_start()->add_secret_key_ids(id);
  ZTS_RETURN_IF_ERROR(parts_.store.Checkpoint(parts_.checkpoint_folder));
  ZTS_ASSIGN_OR_RETURN(const uint64_t bytes, ArchiveBytes(parts_.checkpoint_folder));
  part.mutable_start()->set_bytes(bytes);
  const Error gone{ErrorCode::kAborted, "nobody takes the backup any more"};
  if (!writer.Write(part)) return gone;
  Sha256 hash;
  ZTS_RETURN_IF_ERROR(WriteArchive(parts_.checkpoint_folder, [&](std::string_view piece) -> Status {
    hash.Update(piece);
    part.set_data(piece.data(), piece.size());
    if (!writer.Write(part)) return gone;
    return {};
  }));
  part.mutable_end()->set_sha256(ToHex(hash.Finish()));
  if (!writer.Write(part)) return gone;
  return {};
}

grpc::Status TenancyService::ServeAudit(Context* context, const v1::ListAuditRequest* request, Writer<v1::AuditEvent>* writer) {
  return parts_.authorizer.Run(*context, Call::kListAudit, "", [&](const AdmittedCall&) {
    for (const tenancy::AuditEvent& event : parts_.audit.List(request->since_ns(), request->count_max())) {
      v1::AuditEvent message;
      message.set_time_ns(event.time_ns);
      message.set_actor(event.actor);
      message.set_action(event.action);
      message.set_target(event.target);
      message.set_peer(event.peer);
      message.set_result(event.result);
      message.set_detail(event.detail);
      if (!writer->Write(message)) break;
    }
    return grpc::Status::OK;
  });
}

}  // namespace zts::controller
