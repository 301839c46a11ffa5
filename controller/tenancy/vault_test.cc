#include "controller/tenancy/vault.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "controller/store/testing/memory_store.h"
#include "controller/store/testing/scratch_folder.h"

namespace zts::tenancy {
namespace {

constexpr const char* kValue = "correct horse battery staple";

class VaultTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(Reopen().ok()); }
  Status Reopen() {
    auto opened = Vault::Open(store_, clock_, key_file_);
    if (!opened.ok()) return opened.error();
    vault_ = *std::move(opened);
    return {};
  }
  Status Set(const std::string& function, const std::string& key,
      const std::string& value) { return vault_->Set(function, key, value, Writer()); }
  Vault::Write Writer() {
    return [this](store::RecordEdit edit, const std::function<void()>& committed) -> Status {
      ZTS_RETURN_IF_ERROR(store_.WriteRecords({std::move(edit)}));
      committed();
      return {};
    };
  }
  std::string Value(const std::string& function, const std::string& key) {
    const auto opened = vault_->OpenAll(function);
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message);
    return opened->values.count(key) != 0 ? opened->values.at(key) : "-";
  }

  FakeClock clock_;
  store::ScratchFolder folder_;
  const std::string key_file_ = folder_.path() + "/key";
  store::MemoryStore store_;
  std::unique_ptr<Vault> vault_;
};

TEST_F(VaultTest, KeepsSecretsEncryptedAndOpensThemAgain) {
  ASSERT_TRUE(Set("hello", "PASSWORD", kValue).ok());
  const auto records = store_.ScanRecords("");
  for (const auto& record : *records) {
    EXPECT_EQ(record.key, "s/hello/PASSWORD");
    EXPECT_EQ(record.value.find("horse"), std::string::npos);
  }
  ASSERT_TRUE(Reopen().ok());
  EXPECT_EQ(Value("hello", "PASSWORD"), kValue);
  EXPECT_EQ(Value("other", "PASSWORD"), "-");
  struct stat info;
  ASSERT_EQ(::stat(key_file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(VaultTest, TheRevisionTellsOtherValues) {
  EXPECT_EQ(vault_->OpenAll("hello")->revision, 0u);
  ASSERT_TRUE(Set("hello", "A", "1").ok());
  const uint64_t first = vault_->OpenAll("hello")->revision;
  ASSERT_TRUE(Set("hello", "A", "2").ok());
  const uint64_t second = vault_->OpenAll("hello")->revision;
  ASSERT_TRUE(Set("hello", "B", "1").ok());
  EXPECT_NE(first, 0u);
  EXPECT_NE(first, second);
  EXPECT_NE(vault_->OpenAll("hello")->revision, second);
  ASSERT_TRUE(vault_->Delete("hello", "B", Writer()).ok());
  EXPECT_EQ(vault_->OpenAll("hello")->revision, second);
  ASSERT_TRUE(Reopen().ok());
  EXPECT_EQ(vault_->OpenAll("hello")->revision, second);
}

TEST_F(VaultTest, AWriteThatFailsChangesNothing) {
  ASSERT_TRUE(Set("hello", "A", "1").ok());
  store_.FailCommits(Error{ErrorCode::kExhausted, "full"});
  EXPECT_FALSE(Set("hello", "A", "2").ok());
  EXPECT_FALSE(vault_->Delete("hello", "A", Writer()).ok());
  EXPECT_FALSE(vault_->Rotate(Vault::Key::kMakeNew).ok());
  EXPECT_EQ(Value("hello", "A"), "1");
  store_.FailCommits(std::nullopt);
  ASSERT_TRUE(Reopen().ok());
  EXPECT_EQ(Value("hello", "A"), "1");
}

TEST_F(VaultTest, RotatingEncryptsUnderTheNewKeyAlone) {
  ASSERT_TRUE(Set("hello", "A", "1").ok());
  ASSERT_TRUE(Set("world", "B", "2").ok());
  const std::string before = vault_->KeyIds().at(0);
  const auto rotated = vault_->Rotate(Vault::Key::kMakeNew);
  ASSERT_TRUE(rotated.ok()) << rotated.error().message;
  EXPECT_EQ(rotated->secrets, 2u);
  EXPECT_NE(rotated->key_id, before);
  EXPECT_EQ(vault_->KeyIds(), std::vector<std::string>{rotated->key_id});
  // The old key may go.
  const std::string keys = *ReadFile(key_file_);
  ASSERT_TRUE(WriteFileAtomically(key_file_, keys.substr(0, 65), 0600).ok());
  ASSERT_TRUE(Reopen().ok());
  EXPECT_EQ(Value("hello", "A") + Value("world", "B"), "12");
}

TEST_F(VaultTest, ALostKeyIsNamedAndNotReplaced) {
  ASSERT_TRUE(Set("hello", "A", kValue).ok());
  const std::string id = vault_->KeyIds().at(0);
  ASSERT_EQ(::unlink(key_file_.c_str()), 0);
  const Status missing = Reopen();
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message.find(id), std::string::npos) << missing.error().message;
  EXPECT_FALSE(ReadFile(key_file_).ok());
  ASSERT_TRUE(WriteFileAtomically(key_file_, std::string(64, 'a') + "\n", 0600).ok());
  const Status other = Reopen();
  ASSERT_FALSE(other.ok());
  EXPECT_NE(other.error().message.find(id), std::string::npos) << other.error().message;
  EXPECT_EQ(other.error().message.find("horse"), std::string::npos);
}

TEST_F(VaultTest, ARecordUnderAnotherNameIsNotOpened) {
  ASSERT_TRUE(Set("hello", "A", kValue).ok());
  const std::string value = store_.ScanRecords("s/")->at(0).value;
  ASSERT_TRUE(store_.WriteRecords({{"s/thief/A", value}}).ok());
  EXPECT_EQ(Reopen().error().code, ErrorCode::kCorrupt);
}

TEST_F(VaultTest, KeyFilesThatAreNoneAreRefused) {
  for (const std::string& text : {std::string(""), std::string("abc\n"), std::string(64, 'G'), std::string(65, 'a')}) {
    ASSERT_TRUE(WriteFileAtomically(key_file_, text, 0600).ok());
    EXPECT_FALSE(Reopen().ok()) << text;
  }
  ASSERT_TRUE(WriteFileAtomically(key_file_, std::string(64, 'a'), 0644).ok());
  EXPECT_NE(Reopen().error().message.find("chmod 600"), std::string::npos);
}

TEST_F(VaultTest, BoundsAreKept) {
  EXPECT_EQ(Set("hello", "1A", "x").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(Set("hello", "A/B", "x").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(Set("hello", "A", "").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(Set("hello", "A", std::string("\0", 1)).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(Set("hello", "A", std::string(kSecretBytesMax + 1, 'x')).error().code, ErrorCode::kExhausted);
  for (size_t i = 0; i < kSecretsPerFunctionMax; ++i) ASSERT_TRUE(Set("hello", "K" + std::to_string(i), "x").ok());
  EXPECT_EQ(Set("hello", "ONE_MORE", "x").error().code, ErrorCode::kExhausted);
  EXPECT_TRUE(Set("hello", "K0", "y").ok());
}

TEST_F(VaultTest, GoesWithItsFunction) {
  ASSERT_TRUE(Set("hello", "A", "1").ok());
  ASSERT_TRUE(Set("hello2", "A", "1").ok());
  ASSERT_TRUE(store_.WriteRecords(vault_->RemovalOf("hello")).ok());
  vault_->Forget("hello");
  EXPECT_EQ(vault_->List().size(), 1u);
  ASSERT_TRUE(Reopen().ok());
  EXPECT_EQ(vault_->List().size(), 1u);
}

}  // namespace
}  // namespace zts::tenancy
