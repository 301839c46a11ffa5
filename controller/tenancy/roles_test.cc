#include "controller/tenancy/roles.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "zts/v1/admin.pb.h"
#include "zts/v1/deploy.pb.h"
#include "zts/v1/stats.pb.h"
#include "zts/v1/sync.pb.h"
#include "zts/v1/versions.pb.h"

namespace zts::tenancy {
namespace {

// Every call of every service: who may. In the order admin, deployer, viewer, worker.
const std::map<std::string, std::string> kExpected = {
    {"DeployFunction", "yes yes no no"},  {"ListFunctions", "yes yes yes no"},   {"ListVersions", "yes yes yes no"},
    {"DeleteFunction", "yes yes no no"},  {"TailLogs", "yes yes yes no"},        {"ListWorkers", "yes yes yes no"},
    {"Stream", "yes no no yes"},          {"FetchBlob", "yes no no yes"},        {"CreateToken", "yes no no no"},
    {"ListTokens", "yes no no no"},       {"RevokeToken", "yes no no no"},       {"PutNamespace", "yes no no no"},
    {"ListNamespaces", "yes yes yes no"}, {"DeleteNamespace", "yes no no no"},   {"SetSecret", "yes yes no no"},
    {"ListSecrets", "yes yes no no"},     {"DeleteSecret", "yes yes no no"},     {"RotateSecrets", "yes no no no"},
    {"ListAudit", "yes no no no"},        {"Backup", "yes no no no"},
    {"GetStats", "yes yes yes no"},       {"GetJit", "yes yes no no"},
          {"Rollback", "yes yes no no"},       {"Promote", "yes yes no no"},
    {"Configure", "yes yes no no"},      {"GetSource", "yes yes no no"},
};

TEST(RolesTest, EveryCallOfEveryServiceHasItsRule) {
  std::set<std::string> methods;
  for (const auto* service : {v1::DeployStart::descriptor()->file()->service(0), v1::Hello::descriptor()->file()->service(0),
                              v1::Token::descriptor()->file()->service(0), v1::GetStatsRequest::descriptor()->file()->service(0),
                              v1::Change::descriptor()->file()->service(0)}) {
    for (int i = 0; i < service->method_count(); ++i) methods.insert(service->method(i)->name());
  }
  std::set<std::string> ruled, expected;
  for (size_t i = 0; i < static_cast<size_t>(Call::kCount); ++i) ruled.emplace(RuleOf(static_cast<Call>(i)).method);
  for (const auto& [method, roles] : kExpected) expected.insert(method);
  EXPECT_EQ(ruled, methods);
  EXPECT_EQ(expected, methods);
}

TEST(RolesTest, WhoMayCallWhat) {
  for (size_t i = 0; i < static_cast<size_t>(Call::kCount); ++i) {
    const Call call = static_cast<Call>(i);
    std::string may;
    for (const Role role : kRoles) may += std::string(may.empty() ? "" : " ") + (MayCall(role, call) ? "yes" : "no");
    EXPECT_EQ(may, kExpected.at(std::string(RuleOf(call).method))) << RuleOf(call).method;
  }
}

TEST(RolesTest, NamesOfRolesComeBack) {
  for (const Role role : kRoles) EXPECT_EQ(RoleFrom(RoleName(role)), role);
  EXPECT_FALSE(RoleFrom("root"));
  EXPECT_FALSE(RoleFrom(""));
}

TEST(RolesTest, ScopesReachWhatTheySay) {
  struct Case {
    const char* scope;
    const char* function;
    bool covers;
  };
  for (const Case& c : {Case{"shop", "cart.shop", true}, {"shop", "cart", false}, {"shop", "shop", false}, {"shop", "cart.shop2", false},
                        {"default", "cart", true}, {"default/cart", "cart", true}, {"default/cart", "cart2", false},
                        {"shop/api-*", "api-v1.shop", true}, {"shop/api-*", "api.shop", false}, {"shop/*", "x.shop", true},
                        {"*/api", "api.shop", true}, {"*/api", "api", true}, {"*/api", "apis", false}, {"*", "x.y", true},
                        {"team-*/*", "x.team-a", true}, {"team-*/*", "team-a", false}, {"*-a*/b*c", "bxxc.t-a", true},
                        {"*-a*/b*c", "bxx.t-a", false}, {"shop/cart", "cart.shop", true}}) {
    EXPECT_EQ(ScopeCovers(c.scope, c.function), c.covers) << c.scope << " " << c.function;
  }
  EXPECT_TRUE(ScopesCover({}, "anything.at-all"));
  EXPECT_TRUE(ScopesCover({"a", "b"}, "x.b"));
  EXPECT_FALSE(ScopesCover({"a", "b"}, "x.c"));
  EXPECT_FALSE(ScopesCover({"a"}, ""));
}

TEST(RolesTest, ScopesAreChecked) {
  for (const char* good : {"shop", "*", "shop/*", "shop/api-*", "*/*"}) EXPECT_TRUE(IsScope(good)) << good;
  for (const char* bad : {"", "/", "shop/", "/x", "a/b/c", "a.b", "A", "a b", "****", "a/*b*c*d*"}) EXPECT_FALSE(IsScope(bad)) << bad;
  EXPECT_FALSE(IsScope(std::string(200, 'a')));
}

}  // namespace
}  // namespace zts::tenancy
