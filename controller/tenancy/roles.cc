#include "controller/tenancy/roles.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace zts::tenancy {
namespace {

constexpr size_t kScopeBytesMax = 128;

constexpr uint8_t Bit(Role role) { return static_cast<uint8_t>(1u << static_cast<unsigned>(role)); }

constexpr uint8_t kAdmins = Bit(Role::kAdmin);
constexpr uint8_t kDeployers = kAdmins | Bit(Role::kDeployer);
constexpr uint8_t kReaders = kDeployers | Bit(Role::kViewer);
// Admins too: the first token of `ztsctl up` serves its own worker.
constexpr uint8_t kWorkers = kAdmins | Bit(Role::kWorker);

constexpr auto kChange = CallRule::Audit::kChange;
constexpr auto kRead = CallRule::Audit::kRead;

constexpr std::array kRules = {
    CallRule{Call::kDeployFunction, "DeployFunction", "deploy", kChange, kDeployers},
    CallRule{Call::kListFunctions, "ListFunctions", "list functions", kRead, kReaders},
    CallRule{Call::kListVersions, "ListVersions", "list versions", kRead, kReaders},
    CallRule{Call::kDeleteFunction, "DeleteFunction", "delete", kChange, kDeployers},
    CallRule{Call::kRollback, "Rollback", "rollback", kChange, kDeployers},
    CallRule{Call::kPromote, "Promote", "promote", kChange, kDeployers},
    CallRule{Call::kConfigure, "Configure", "configure", kChange, kDeployers},
    CallRule{Call::kTailLogs, "TailLogs", "read logs", kRead, kReaders},
    CallRule{Call::kGetSource, "GetSource", "read sources", kRead, kDeployers},
    CallRule{Call::kGetStats, "GetStats", "read figures", kRead, kReaders},
    // It shows names of the source, and a watch costs the function.
    CallRule{Call::kGetJit, "GetJit", "look at the code of functions", kRead, kDeployers},
    CallRule{Call::kListWorkers, "ListWorkers", "list workers", kRead, kReaders},
    CallRule{Call::kStream, "Stream", "serve functions", kRead, kWorkers},
    CallRule{Call::kFetchBlob, "FetchBlob", "fetch content", kRead, kWorkers},
    CallRule{Call::kCreateToken, "CreateToken", "token create", kChange, kAdmins},
    CallRule{Call::kListTokens, "ListTokens", "token list", kRead, kAdmins},
    CallRule{Call::kRevokeToken, "RevokeToken", "token revoke", kChange, kAdmins},
    CallRule{Call::kPutNamespace, "PutNamespace", "namespace set", kChange, kAdmins},
    CallRule{Call::kListNamespaces, "ListNamespaces", "namespace list", kRead, kReaders},
    CallRule{Call::kDeleteNamespace, "DeleteNamespace", "namespace delete", kChange, kAdmins},
    CallRule{Call::kSetSecret, "SetSecret", "secret set", kChange, kDeployers},
    CallRule{Call::kListSecrets, "ListSecrets", "secret list", kRead, kDeployers},
    CallRule{Call::kDeleteSecret, "DeleteSecret", "secret delete", kChange, kDeployers},
    CallRule{Call::kRotateSecrets, "RotateSecrets", "secret rotate", kChange, kAdmins},
    CallRule{Call::kListAudit, "ListAudit", "audit", kRead, kAdmins},
    CallRule{Call::kBackup, "Backup", "backup", kChange, kAdmins},
};
static_assert(kRules.size() == static_cast<size_t>(Call::kCount));

bool IsScopeCharacter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '*'; }

// '*' takes any run of characters; patterns are short, so trying each length is fast enough.
bool Fits(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() != '*') return !text.empty() && text.front() == pattern.front() && Fits(pattern.substr(1), text.substr(1));
  while (pattern.starts_with('*')) pattern.remove_prefix(1);
  for (size_t skip = 0; skip <= text.size(); ++skip) {
    if (Fits(pattern, text.substr(skip))) return true;
  }
  return false;
}

}  // namespace

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kAdmin: return "admin";
    case Role::kDeployer: return "deployer";
    case Role::kViewer: return "viewer";
    case Role::kWorker: return "worker";
  }
  return "unknown";
}

std::optional<Role> RoleFrom(std::string_view name) {
  for (const Role role : kRoles) {
    if (RoleName(role) == name) return role;
  }
  return std::nullopt;
}

const CallRule& RuleOf(Call call) {
  const CallRule& rule = kRules.at(static_cast<size_t>(call));
  ZTS_CHECK(rule.call == call);
  return rule;
}

bool MayCall(Role role, Call call) { return (RuleOf(call).roles & Bit(role)) != 0; }

QualifiedName SplitName(std::string_view name) {
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return {name, kDefaultNamespace};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

bool ScopeCovers(std::string_view scope, std::string_view function) {
  const auto [name, name_space] = SplitName(function);
  const size_t slash = scope.find('/');
  if (slash == std::string_view::npos) return Fits(scope, name_space);
  return Fits(scope.substr(0, slash), name_space) && Fits(scope.substr(slash + 1), name);
}

bool IsScope(std::string_view text) {
  if (text.empty() || text.size() > kScopeBytesMax) return false;
  const size_t slash = std::min(text.find('/'), text.size());
  const std::string_view name_space = text.substr(0, slash);
  const std::string_view function = slash < text.size() ? text.substr(slash + 1) : "*";
  const auto part = [](std::string_view t) {
    // Three stars tell everything apart that names can hold, and keep trying them all out fast.
    return !t.empty() && std::count(t.begin(), t.end(), '*') <= 3 && std::all_of(t.begin(), t.end(), IsScopeCharacter);
  };
  return part(name_space) && part(function);
}

bool ScopesCover(const std::vector<std::string>& scopes, std::string_view function) {
  if (scopes.empty()) return true;
  return std::any_of(scopes.begin(), scopes.end(), [&](const std::string& scope) { return ScopeCovers(scope, function); });
}

}  // namespace zts::tenancy
