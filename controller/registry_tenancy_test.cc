// What the registry does for namespaces and secrets: quotas under its lock, records in its commits.
#include <gtest/gtest.h>

#include <set>

#include "controller/registry.h"
#include "controller/store/testing/memory_store.h"

namespace zts::controller {
namespace {

class Rules final : public TenancyRules {
 public:
  Status CheckDeploy(const std::string& function, const tenancy::Usage& after) const override {
    asked = function;
    usage = after;
    if (refuse) return Error{ErrorCode::kExhausted, "too much"};
    return {};
  }
  Status CheckSecrets(const std::string&, const std::vector<std::string>& names) const override {
    for (const std::string& name : names) {
      if (secrets.count(name) == 0) return Invalid("no " + name);
    }
    return {};
  }
  std::vector<store::RecordEdit> RemovalOf(const std::string& function) const override {
    return {{"s/" + function + "/KEY", std::nullopt}};
  }
  void OnRemoved(const std::string& function) override { removed = function; }

  bool refuse = false;
  std::set<std::string> secrets;
  mutable std::string asked;
  mutable tenancy::Usage usage;
  std::string removed;
};

class RegistryTenancyTest : public testing::Test {
 protected:
  void SetUp() override {
    registry_ = *Registry::Open(store_, clock_);
    registry_->set_rules(&rules_);
  }
  Result<Deployed> Deploy(const std::string& function, const std::string& bundle = "bundle") {
    NewVersion wanted;
    wanted.function = function;
    wanted.main_module = "main.js";
    wanted.bundle = bundle;
    wanted.bundle_digest = Sha256Of(bundle);
    return registry_->Deploy(std::move(wanted));
  }
  Result<Deployed> DeployWithSecrets(const std::string& function, std::vector<std::string> names) {
    NewVersion wanted;
    wanted.function = function;
    wanted.main_module = "main.js";
    wanted.bundle = "bundle";
    wanted.bundle_digest = Sha256Of(wanted.bundle);
    wanted.config.secrets = std::move(names);
    return registry_->Deploy(std::move(wanted));
  }
  Status Drop(const std::string& function, const std::string& key) {
    return registry_->DropSecret(function, key, {"s/" + function + "/" + key, std::nullopt}, [this] { ++committed_; });
  }
  Status Touch(const std::string& function, const std::string& value) {
    return registry_->Touch(function, {"s/" + function + "/KEY", value}, [this] { ++committed_; });
  }
  uint64_t ChangedAt(const std::string& function) { return registry_->catalog()->Find(function)->changed_at; }

  FakeClock clock_;
  store::MemoryStore store_;
  Rules rules_;
  std::unique_ptr<Registry> registry_;
  int committed_ = 0;
};

TEST_F(RegistryTenancyTest, UsageIsThatOfTheNamespaceAlone) {
  ASSERT_TRUE(Deploy("cart", "1234").ok());
  ASSERT_TRUE(Deploy("cart.shop", "123456").ok());
  ASSERT_TRUE(Deploy("pay.shop", "12").ok());
  EXPECT_EQ(rules_.asked, "pay.shop");
  EXPECT_EQ(rules_.usage.functions, 2u);
  EXPECT_EQ(rules_.usage.versions, 2u);
  EXPECT_EQ(rules_.usage.stored_bytes, 8u);
  ASSERT_TRUE(Deploy("pay.shop", "123").ok());
  EXPECT_EQ(rules_.usage.functions, 2u);
  EXPECT_EQ(rules_.usage.versions, 3u);
  EXPECT_EQ(rules_.usage.stored_bytes, 11u);
  EXPECT_EQ(registry_->UsageOf("default").stored_bytes, 4u);
}

TEST_F(RegistryTenancyTest, CodeCacheAndSnapshotAreStoredToo) {
  NewVersion wanted;
  wanted.function = "cart";
  wanted.main_module = "main.js";
  wanted.bundle = "1234";
  wanted.bundle_digest = Sha256Of(wanted.bundle);
  wanted.code_cache = "12345";
  wanted.snapshot = "1234567";
  ASSERT_TRUE(registry_->Deploy(std::move(wanted)).ok());
  EXPECT_EQ(registry_->UsageOf("default").stored_bytes, 16u);
  ASSERT_TRUE(Deploy("cart", "1").ok());
  EXPECT_EQ(rules_.usage.stored_bytes, 17u);
}

TEST_F(RegistryTenancyTest, WhatARuleRefusesIsNotStored) {
  rules_.refuse = true;
  EXPECT_EQ(Deploy("cart.shop").error().code, ErrorCode::kExhausted);
  EXPECT_EQ(registry_->catalog()->entries.size(), 0u);
}

TEST_F(RegistryTenancyTest, TouchingSendsTheSameVersionAgain) {
  ASSERT_TRUE(Deploy("hello").ok());
  ASSERT_TRUE(registry_->MarkProven(1).ok());
  const auto before = registry_->catalog()->Find("hello")->version;
  ASSERT_TRUE(Touch("hello", "one").ok());
  EXPECT_EQ(committed_, 1);
  EXPECT_EQ(store_.ScanRecords("s/")->at(0).value, "one");
  EXPECT_EQ(registry_->catalog()->version, 2u);
  EXPECT_EQ(ChangedAt("hello"), 2u);
  EXPECT_EQ(registry_->catalog()->Find("hello")->version, before);
  // It was known to work, and no worker takes it back now.
  EXPECT_EQ(registry_->Reject("hello", 1).error().code, ErrorCode::kInvalid);
}

TEST_F(RegistryTenancyTest, TouchingWhatIsNotThereYetIsKept) {
  ASSERT_TRUE(Touch("early", "one").ok());
  EXPECT_EQ(committed_, 1);
  EXPECT_EQ(registry_->catalog()->version, 0u);
  EXPECT_EQ(store_.ScanRecords("s/")->size(), 1u);
  EXPECT_EQ(Touch("Not A Name", "x").error().code, ErrorCode::kInvalid);
}

TEST_F(RegistryTenancyTest, ADiskThatFailsChangesNothing) {
  ASSERT_TRUE(Deploy("hello").ok());
  store_.FailCommits(Error{ErrorCode::kExhausted, "full"});
  EXPECT_FALSE(Touch("hello", "one").ok());
  EXPECT_FALSE(registry_->Delete("hello").ok());
  EXPECT_EQ(committed_, 0);
  EXPECT_EQ(rules_.removed, "");
  EXPECT_EQ(ChangedAt("hello"), 1u);
}

TEST_F(RegistryTenancyTest, RecordsGoWithTheirFunction) {
  ASSERT_TRUE(Deploy("hello").ok());
  ASSERT_TRUE(Touch("hello", "one").ok());
  ASSERT_TRUE(registry_->Delete("hello").ok());
  EXPECT_EQ(rules_.removed, "hello");
  EXPECT_EQ(store_.ScanRecords("s/")->size(), 0u);
}

TEST_F(RegistryTenancyTest, AVersionWhoseSecretIsMissingIsRefused) {
  EXPECT_EQ(DeployWithSecrets("hello", {"KEY"}).error().message, "no KEY");
  EXPECT_EQ(registry_->catalog()->entries.size(), 0u);
  rules_.secrets = {"KEY"};
  const auto deployed = DeployWithSecrets("hello", {"KEY"});
  ASSERT_TRUE(deployed.ok());
  EXPECT_EQ(deployed->version->config.secrets, std::vector<std::string>{"KEY"});
}

TEST_F(RegistryTenancyTest, ASecretStaysWhileAVersionThatServesNamesIt) {
  rules_.secrets = {"KEY", "OTHER"};
  ASSERT_TRUE(DeployWithSecrets("hello", {"KEY"}).ok());
  ASSERT_TRUE(registry_->MarkProven(1).ok());
  EXPECT_EQ(Drop("hello", "KEY").error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(Drop("hello", "OTHER").ok());
  EXPECT_EQ(committed_, 1);
  // The version it may fall back to counts until the next one is proven.
  ASSERT_TRUE(Deploy("hello").ok());
  EXPECT_EQ(Drop("hello", "KEY").error().code, ErrorCode::kInvalid);
  ASSERT_TRUE(registry_->MarkProven(3).ok());
  EXPECT_TRUE(Drop("hello", "KEY").ok());
}

TEST_F(RegistryTenancyTest, NoWayBackToAVersionWhoseSecretIsGone) {
  rules_.secrets = {"KEY"};
  ASSERT_TRUE(DeployWithSecrets("hello", {"KEY"}).ok());
  ASSERT_TRUE(Deploy("hello").ok());
  rules_.secrets = {};
  EXPECT_EQ(registry_->Rollback("hello", 1, {}).error().message, "no KEY");
  rules_.secrets = {"KEY"};
  EXPECT_TRUE(registry_->Rollback("hello", 1, {}).ok());
}

TEST_F(RegistryTenancyTest, OnlyEmptyNamespacesAreActedUpon) {
  ASSERT_TRUE(Deploy("cart.shop").ok());
  int acts = 0;
  const auto act = [&]() -> Status {
    ++acts;
    return {};
  };
  EXPECT_EQ(registry_->WhileEmpty("shop", act).error().code, ErrorCode::kExists);
  ASSERT_TRUE(registry_->Delete("cart.shop").ok());
  EXPECT_TRUE(registry_->WhileEmpty("shop", act).ok());
  EXPECT_EQ(acts, 1);
}

}  // namespace
}  // namespace zts::controller
