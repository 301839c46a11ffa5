#include "controller/tenancy/audit_log.h"

#include <gtest/gtest.h>

#include "controller/store/testing/memory_store.h"

namespace zts::tenancy {
namespace {

class AuditLogTest : public testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    auto opened = AuditLog::Open(store_, clock_);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    log_ = *std::move(opened);
  }
  void Add(const std::string& target) { log_->Add({.actor = "token 1", .action = "deploy", .target = target,
      .peer = "ipv4:1", .result = "ok"}); }

  FakeClock clock_;
  store::MemoryStore store_;
  std::unique_ptr<AuditLog> log_;
};

TEST_F(AuditLogTest, KeepsWhatHappenedInOrderAlsoAfterARestart) {
  for (int i = 0; i < 300; ++i) {
    Add("f" + std::to_string(i));
    clock_.Advance(kSecond);
  }
  for (int round = 0; round < 2; ++round) {
    const auto all = log_->List(0, 0);
    ASSERT_EQ(all.size(), 300u);
    EXPECT_EQ(all[0].target, "f0");
    EXPECT_EQ(all[299].target, "f299");
    EXPECT_EQ(all[299].actor + all[299].action + all[299].peer + all[299].result, "token 1deployipv4:1ok");
    EXPECT_EQ(log_->List(all[290].time_ns, 0).size(), 10u);
    EXPECT_EQ(log_->List(0, 3)[0].target, "f297");
    Reopen();
  }
}

TEST_F(AuditLogTest, TheOldestGoAtTheBounds) {
  for (size_t i = 0; i < kAuditEventsMax + 50; ++i) Add("f" + std::to_string(i));
  EXPECT_EQ(log_->List(0, 0).size(), kAuditEventsMax);
  EXPECT_EQ(log_->List(0, 0)[0].target, "f50");
  EXPECT_EQ(store_.ScanRecords("a/")->size(), kAuditEventsMax);
}

TEST_F(AuditLogTest, BytesAreBounded) {
  for (size_t i = 0; i < 20'000; ++i) Add(std::string(2000, 'x'));
  size_t bytes = 0;
  const auto records = store_.ScanRecords("a/");
  for (const auto& record : *records) bytes += record.value.size();
  EXPECT_LE(bytes, kAuditBytesMax);
  EXPECT_GT(bytes, kAuditBytesMax / 2);
}

TEST_F(AuditLogTest, OldOnesGo) {
  Add("old");
  clock_.Advance(kAuditAgeMax + kSecond);
  Add("new");
  ASSERT_EQ(log_->List(0, 0).size(), 1u);
  EXPECT_EQ(log_->List(0, 0)[0].target, "new");
}

TEST_F(AuditLogTest, StrangersAreCountedTogether) {
  for (int i = 0; i < 100; ++i) log_->AddStranger("ipv4:9", "deploy");
  EXPECT_EQ(log_->List(0, 0).size(), 1u);
  clock_.Advance(2 * kSecond);
  log_->AddStranger("ipv4:9", "deploy");
  const auto all = log_->List(0, 0);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_NE(all[1].detail.find("99 such calls"), std::string::npos) << all[1].detail;
  EXPECT_EQ(all[1].actor, "nobody");
}

TEST_F(AuditLogTest, BytesThatAreNoTextAreShownAsNone) {
  Add("\xff\n\x1b[31m");
  EXPECT_EQ(log_->List(0, 0)[0].target, "???[31m");
}

TEST_F(AuditLogTest, ADiskThatFailsDoesNotFailTheCall) {
  store_.FailCommits(Error{ErrorCode::kExhausted, "full"});
  Add("unwritten");
  EXPECT_EQ(log_->List(0, 0).size(), 1u);
  store_.FailCommits(std::nullopt);
  Add("written");
  Reopen();
  EXPECT_EQ(log_->List(0, 0).size(), 1u);
}

}  // namespace
}  // namespace zts::tenancy
