// Who may do what: the one table of every call and every role, and the reach of a token.
//
// Thread:   constants and pure functions.
// Errors:   none; what may not be done is false.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zts::tenancy {

// The namespace of functions whose name has no dot.
inline constexpr std::string_view kDefaultNamespace = "default";

enum class Role : uint8_t { kAdmin, kDeployer, kViewer, kWorker };
inline constexpr Role kRoles[] = {Role::kAdmin, Role::kDeployer, Role::kViewer, Role::kWorker};

std::string_view RoleName(Role role);
std::optional<Role> RoleFrom(std::string_view name);

// Every call of deploy.proto, versions.proto, stats.proto, admin.proto and sync.proto. roles_test compares the list with the services.
enum class Call : uint8_t {
  kDeployFunction,
  kListFunctions,
  kListVersions,
  kDeleteFunction,
  kRollback,
  kPromote,
  kConfigure,
  kTailLogs,
  kGetSource,
  kGetStats,
  kGetJit,
  kListWorkers,
  kStream,
  kFetchBlob,
  kCreateToken,
  kListTokens,
  kRevokeToken,
  kPutNamespace,
  kListNamespaces,
  kDeleteNamespace,
  kSetSecret,
  kListSecrets,
  kDeleteSecret,
  kRotateSecrets,
  kListAudit,
  kBackup,
  kCount,
};

struct CallRule {
  Call call;
  std::string_view method;  // as in the .proto
  std::string_view action;  // for people: "may not delete"
  enum class Audit : uint8_t { kChange, kRead } audit;  // changes are kept in the audit trail, whatever came of them
  uint8_t roles;  // a bit a role, 1 << Role
};

const CallRule& RuleOf(Call call);
bool MayCall(Role role, Call call);

// A function's name in its parts: "cart.shop" is cart in shop, "cart" is cart in the default namespace.
struct QualifiedName {
  std::string_view function;
  std::string_view name_space;
};
QualifiedName SplitName(std::string_view name);

// Whether "NAMESPACE/FUNCTION" fits a scope: '*' stands for any run of characters but '/', "shop" for "shop/*".
bool ScopeCovers(std::string_view scope, std::string_view function);
bool IsScope(std::string_view text);
// No scopes cover everything.
bool ScopesCover(const std::vector<std::string>& scopes, std::string_view function);

}  // namespace zts::tenancy
