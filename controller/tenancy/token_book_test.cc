#include "controller/tenancy/token_book.h"

#include <gtest/gtest.h>

#include "controller/store/testing/memory_store.h"

namespace zts::tenancy {
namespace {

class TokenBookTest : public testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    auto opened = TokenBook::Open(store_, clock_, kFirst);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    book_ = *std::move(opened);
  }
  TokenBook::Created Create(TokenBook::Wish wish) {
    auto created = book_->Create(std::move(wish));
    EXPECT_TRUE(created.ok()) << (created.ok() ? "" : created.error().message);
    return *std::move(created);
  }

  const std::string kFirst = std::string(64, 'f');
  FakeClock clock_;
  store::MemoryStore store_;
  std::unique_ptr<TokenBook> book_;
};

TEST_F(TokenBookTest, TheFirstTokenIsAnAdmins) {
  const TokenPtr token = book_->Find(kFirst);
  ASSERT_NE(token, nullptr);
  EXPECT_EQ(token->role, Role::kAdmin);
  EXPECT_EQ(ActorName(*token), "the first token");
  EXPECT_TRUE(book_->List().empty());
}

TEST_F(TokenBookTest, OneThatWasMadeIsFoundAlsoAfterARestart) {
  const auto created = Create({.name = "ci", .role = Role::kDeployer, .scopes = {"shop/*"}, .created_by = "the first token"});
  for (int round = 0; round < 2; ++round) {
    const TokenPtr token = book_->Find(created.secret);
    ASSERT_NE(token, nullptr);
    EXPECT_EQ(token->role, Role::kDeployer);
    EXPECT_EQ(token->scopes, std::vector<std::string>{"shop/*"});
    EXPECT_EQ(ActorName(*token), "token " + created.token->id + " (ci)");
    Reopen();
  }
}

TEST_F(TokenBookTest, NothingElseIsFound) {
  const auto created = Create({.role = Role::kViewer});
  std::string other = created.secret;
  other.back() = other.back() == '0' ? '1' : '0';
  for (const std::string& text : {std::string(), std::string("zts_"), std::string("zts_12345678"), std::string("zts_12345678_x"), other,
                                  created.secret + "0", created.secret.substr(0, created.secret.size() - 1), created.token->id,
                                  std::string(10'000, 'z'), std::string("\0", 1)}) {
    EXPECT_EQ(book_->Find(text), nullptr) << text.substr(0, 80);
  }
}

TEST_F(TokenBookTest, TheStoreNeverHoldsTheSecret) {
  const auto created = Create({.role = Role::kAdmin});
  const std::string secret = created.secret.substr(created.secret.rfind('_') + 1);
  const auto records = store_.ScanRecords("");
  ASSERT_EQ(records->size(), 1u);
  EXPECT_EQ((*records)[0].value.find(secret), std::string::npos);
}

TEST_F(TokenBookTest, RevokedOnesAreNotFound) {
  const auto created = Create({.role = Role::kAdmin});
  ASSERT_TRUE(book_->Revoke(created.token->id).ok());
  EXPECT_EQ(book_->Find(created.secret), nullptr);
  EXPECT_FALSE(book_->IsValid(*created.token));
  EXPECT_EQ(book_->Revoke(created.token->id).error().code, ErrorCode::kNotFound);
  Reopen();
  EXPECT_EQ(book_->Find(created.secret), nullptr);
}

TEST_F(TokenBookTest, ExpiredOnesAreNotFoundButListed) {
  const auto created = Create({.role = Role::kViewer, .lifetime_ns = 60 * kSecond});
  EXPECT_NE(book_->Find(created.secret), nullptr);
  clock_.Advance(60 * kSecond);
  EXPECT_EQ(book_->Find(created.secret), nullptr);
  EXPECT_EQ(book_->List().size(), 1u);
}

TEST_F(TokenBookTest, WrongWishesAreRefused) {
  for (const TokenBook::Wish& wish :
       {TokenBook::Wish{.name = "two\nlines"}, TokenBook::Wish{.name = std::string(100, 'n')}, TokenBook::Wish{.scopes = {"A/B"}},
        TokenBook::Wish{.scopes = std::vector<std::string>(20, "a")}, TokenBook::Wish{.role = Role::kAdmin, .scopes = {"shop"}},
        TokenBook::Wish{.role = Role::kWorker, .scopes = {"shop"}}, TokenBook::Wish{.lifetime_ns = -1}}) {
    EXPECT_EQ(book_->Create(wish).error().code, ErrorCode::kInvalid);
  }
}

TEST_F(TokenBookTest, ADiskThatFailsMakesNoToken) {
  store_.FailCommits(Error{ErrorCode::kExhausted, "full"});
  EXPECT_FALSE(book_->Create({.role = Role::kViewer}).ok());
  EXPECT_TRUE(book_->List().empty());
}

}  // namespace
}  // namespace zts::tenancy
