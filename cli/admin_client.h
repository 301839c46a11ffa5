// The controller as administrators' verbs see it: tokens, namespaces, secrets, the audit trail, backups.
//
// Owner:    a command, one a run.
// Thread:   one at a time.
// Errors:   as client.h says.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cli/endpoint.h"

namespace zts::cli {

struct TokenInfo {
  std::string id;
  std::string name;
  std::string role;
  std::vector<std::string> scopes;
  Nanos created = 0;  // since 1970
  Nanos expires = 0;  // 0: never
  std::string created_by;
};

struct TokenWish {
  std::string name;
  std::string role;
  std::vector<std::string> scopes;
  Nanos lifetime = 0;
};

struct CreatedToken {
  TokenInfo info;
  std::string secret;
};

// 0: no bound.
struct Quotas {
  uint64_t functions_max = 0;
  uint64_t versions_max = 0;
  uint64_t stored_bytes_max = 0;
  uint64_t deploys_per_minute = 0;
};

struct NamespaceInfo {
  std::string name;
  Quotas quotas;
  Nanos created = 0;
  uint64_t functions = 0;
  uint64_t versions = 0;
  uint64_t stored_bytes = 0;
};

struct SecretInfo {
  std::string function;
  std::string key;
  std::string key_id;
  Nanos updated = 0;
};

struct Rotated {
  std::string key_id;
  uint32_t secrets = 0;
};

struct AuditEntry {
  Nanos time = 0;  // since 1970
  std::string actor;
  std::string action;
  std::string target;
  std::string peer;
  std::string result;
  std::string detail;
};

struct BackupInfo {
  uint64_t bytes = 0;
  uint64_t catalog_version = 0;
  uint32_t functions = 0;
  std::vector<std::string> secret_key_ids;
};

class AdminClient {
 public:
  explicit AdminClient(const Endpoint& endpoint);
  ~AdminClient();
  AdminClient(const AdminClient&) = delete;

  Result<CreatedToken> CreateToken(const TokenWish& wish);
  Result<std::vector<TokenInfo>> ListTokens();
  Status RevokeToken(const std::string& id);

  enum class Put { kCreate, kChange };
  Status PutNamespace(const std::string& name, const Quotas& quotas, Put put);
  Result<std::vector<NamespaceInfo>> ListNamespaces();
  Status DeleteNamespace(const std::string& name);

  Status SetSecret(const std::string& function, const std::string& key, const std::string& value);
  Result<std::vector<SecretInfo>> ListSecrets(const std::string& function);
  Status DeleteSecret(const std::string& function, const std::string& key);
  enum class Key { kAsItIs, kMakeNew };
  Result<Rotated> RotateSecrets(Key key);

  Status ListAudit(Nanos since, uint32_t count_max, const std::function<void(const AuditEntry&)>& sink);
  // Calls `sink` with each piece, in order. Ends well only when all bytes came and hash to what the controller says.
  Result<BackupInfo> Backup(const std::function<Status(std::string_view)>& sink);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace zts::cli
