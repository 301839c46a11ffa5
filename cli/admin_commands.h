// The verbs of administrators, and `new`: one function each. Options in, output on the console, exit code back.
//
// Thread:   one; each blocks until it is done.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/commands.h"

namespace zts::cli {

struct TokenOptions {
  std::string name;
  std::string role = "deployer";
  std::vector<std::string> scopes;
  std::string expires;  // as typed ("30d", "12h"); empty: never
};
ExitCode CreateToken(Context& context, const TokenOptions& options);
ExitCode ListTokens(Context& context);
ExitCode RevokeToken(Context& context, const std::string& id);

struct NamespaceOptions {
  std::string name;
  uint64_t functions_max = 0;
  uint64_t versions_max = 0;
  std::string stored_bytes_max;  // as typed ("1GiB"); empty: no bound
  uint64_t deploys_per_minute = 0;
};
ExitCode CreateNamespace(Context& context, const NamespaceOptions& options);
ExitCode ChangeNamespace(Context& context, const NamespaceOptions& options);
ExitCode ListNamespaces(Context& context);
ExitCode DeleteNamespace(Context& context, const std::string& name);

struct SecretOptions {
  std::string function;
  std::string key;
  std::string file;  // empty: standard input
};
ExitCode SetSecret(Context& context, const SecretOptions& options);
ExitCode ListSecrets(Context& context, const std::string& function);
ExitCode DeleteSecret(Context& context, const SecretOptions& options);
enum class NewKey { kNo, kYes };
ExitCode RotateSecrets(Context& context, NewKey key);

struct AuditOptions {
  std::string since;  // as typed ("2h", "7d"); empty: the newest `lines`
  uint32_t lines = 100;
};
ExitCode Audit(Context& context, const AuditOptions& options);

struct NewOptions {
  std::string folder;
  bool typescript = false;
};
ExitCode New(Context& context, const NewOptions& options);

ExitCode Backup(Context& context, const std::string& file);
struct RestoreOptions {
  std::string file;
  std::string secret_key_file;  // empty: none
  bool bare = false;            // into --data-dir itself, as zts-controller wants it, and not as `up` does
};
ExitCode Restore(Context& context, const RestoreOptions& options);

}  // namespace zts::cli
