#include "controller/tenancy/namespaces.h"

#include <gtest/gtest.h>

#include "controller/store/testing/memory_store.h"

namespace zts::tenancy {
namespace {

class NamespacesTest : public testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    auto opened = Namespaces::Open(store_, clock_);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    namespaces_ = *std::move(opened);
  }

  FakeClock clock_;
  store::MemoryStore store_;
  std::unique_ptr<Namespaces> namespaces_;
};

TEST_F(NamespacesTest, TheDefaultOneIsAlwaysThereAndUnbounded) {
  EXPECT_TRUE(namespaces_->CheckDeploy("default", {1'000'000, 1'000'000, uint64_t{1} << 50}).ok());
  EXPECT_EQ(namespaces_->Create("default", {}).error().code, ErrorCode::kExists);
  EXPECT_EQ(namespaces_->Remove("default").error().code, ErrorCode::kInvalid);
  ASSERT_TRUE(namespaces_->Change("default", {.functions_max = 1}).ok());
  Reopen();
  EXPECT_EQ(namespaces_->CheckDeploy("default", {.functions = 2}).error().code, ErrorCode::kExhausted);
}

TEST_F(NamespacesTest, OneThatIsNotThereTakesNothing) {
  const Status check = namespaces_->CheckDeploy("shop", {});
  EXPECT_EQ(check.error().code, ErrorCode::kNotFound);
  EXPECT_NE(check.error().message.find("namespace create shop"), std::string::npos);
  EXPECT_EQ(namespaces_->BeginDeploy("shop").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(namespaces_->Change("shop", {}).error().code, ErrorCode::kNotFound);
}

TEST_F(NamespacesTest, QuotasHoldAtTheirBound) {
  ASSERT_TRUE(namespaces_->Create("shop", {.functions_max = 2, .versions_max = 5, .stored_bytes_max = 100}).ok());
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(namespaces_->CheckDeploy("shop", {2, 5, 100}).ok());
    EXPECT_NE(namespaces_->CheckDeploy("shop", {3, 5, 100}).error().message.find("2 functions"), std::string::npos);
    EXPECT_NE(namespaces_->CheckDeploy("shop", {2, 6, 100}).error().message.find("5 versions"), std::string::npos);
    EXPECT_NE(namespaces_->CheckDeploy("shop", {2, 5, 101}).error().message.find("100 bytes"), std::string::npos);
    Reopen();
  }
  ASSERT_TRUE(namespaces_->Change("shop", {}).ok());
  EXPECT_TRUE(namespaces_->CheckDeploy("shop", {3, 6, 101}).ok());
}

TEST_F(NamespacesTest, DeploysAMinuteAreCountedInAWindow) {
  ASSERT_TRUE(namespaces_->Create("shop", {.deploys_per_minute = 2}).ok());
  EXPECT_TRUE(namespaces_->BeginDeploy("shop").ok());
  clock_.Advance(30 * kSecond);
  EXPECT_TRUE(namespaces_->BeginDeploy("shop").ok());
  const Status third = namespaces_->BeginDeploy("shop");
  EXPECT_EQ(third.error().code, ErrorCode::kExhausted);
  EXPECT_NE(third.error().message.find("try again in"), std::string::npos);
  clock_.Advance(30 * kSecond);
  EXPECT_TRUE(namespaces_->BeginDeploy("shop").ok());
  EXPECT_FALSE(namespaces_->BeginDeploy("shop").ok());
  EXPECT_TRUE(namespaces_->BeginDeploy("default").ok());
}

TEST_F(NamespacesTest, NamesAreHostLabels) {
  for (const char* name : {"", "A", "a.b", "a/b", "-a", "1a", "a-"}) {
    EXPECT_EQ(namespaces_->Create(name, {}).error().code, ErrorCode::kInvalid) << name;
  }
}

TEST_F(NamespacesTest, RemovedOnesAreGone) {
  ASSERT_TRUE(namespaces_->Create("shop", {}).ok());
  ASSERT_TRUE(namespaces_->Remove("shop").ok());
  EXPECT_EQ(namespaces_->List().size(), 1u);
  Reopen();
  EXPECT_EQ(namespaces_->List().size(), 1u);
  EXPECT_FALSE(namespaces_->Remove("shop").ok());
}

}  // namespace
}  // namespace zts::tenancy
