#include "worker/supervisor/sync/journal.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "base/file.h"

namespace zts::supervisor {
namespace {

using Records = std::vector<std::string>;

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() {
    path_ = ::testing::TempDir() + "/journal." + std::to_string(::getpid()) + "." +
            ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove(path_);
  }
  // What is read on top of `seed`; the journal stays open.
  Records Open(const std::string& seed = "snapshot") {
    Records records;
    auto opened = Journal::Open(path_, Sha256Of(seed), [&](std::string_view record) {
      records.emplace_back(record);
      return true;
    });
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    journal_ = std::move(*opened);
    return records;
  }
  void Append(const std::string& content) { ASSERT_TRUE(journal_->Append(content).ok()); }
  void Fill(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }

  std::string path_;
  std::unique_ptr<Journal> journal_;
};

TEST_F(JournalTest, GivesBackWhatWasAdded) {
  EXPECT_EQ(Open(), Records{});
  Append("one");
  Append("");
  Append(std::string(100'000, 'x'));
  ASSERT_TRUE(journal_->Sync().ok());
  EXPECT_EQ(journal_->bytes(), std::filesystem::file_size(path_));
  EXPECT_EQ(Open(), (Records{"one", "", std::string(100'000, 'x')}));
  Append("after");
  EXPECT_EQ(Open().back(), "after");
}

TEST_F(JournalTest, BelongsToOneSnapshot) {
  Open();
  Append("one");
  EXPECT_EQ(Open("another"), Records{});
}

// Cut at every length, it gives what was whole, and what is added then is read behind it.
TEST_F(JournalTest, ATornTailEndsItAtEveryLength) {
  const Records all{"first", "second record", "third"};
  Open();
  std::vector<uint64_t> ends;
  for (const std::string& record : all) {
    Append(record);
    ends.push_back(journal_->bytes());
  }
  const std::string whole = *ReadFile(path_);
  for (size_t length = 0; length <= whole.size(); ++length) {
    Fill(whole.substr(0, length));
    const size_t left = static_cast<size_t>(std::count_if(ends.begin(), ends.end(), [&](uint64_t end) { return end <= length; }));
    Records expected(all.begin(), all.begin() + static_cast<ptrdiff_t>(left));
    ASSERT_EQ(Open(), expected) << length;
    Append("next");
    expected.push_back("next");
    ASSERT_EQ(Open(), expected) << length;
  }
}

TEST_F(JournalTest, ADamagedByteEndsItWhereverItIs) {
  Open();
  Append("first");
  const uint64_t first = journal_->bytes();
  Append("second");
  const std::string whole = *ReadFile(path_);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    Fill(damaged);
    const Records expected = at < 14 || at < first ? Records{} : Records{"first"};
    ASSERT_EQ(Open(), expected) << at;
  }
}

TEST_F(JournalTest, ARecordThatIsMissingOrTwiceThereEndsIt) {
  Open();
  const uint64_t begin = journal_->bytes();
  Append("first");
  const uint64_t first = journal_->bytes();
  Append("second");
  const std::string whole = *ReadFile(path_);
  Fill(whole.substr(0, begin) + whole.substr(first));
  EXPECT_EQ(Open(), Records{});
  Fill(whole.substr(0, first) + whole.substr(begin));
  EXPECT_EQ(Open(), Records{"first"});
}

TEST_F(JournalTest, WhatTheReaderRefusesIsCutOff) {
  Open();
  Append("good");
  Append("bad");
  Append("good");
  Records seen;
  auto opened = Journal::Open(path_, Sha256Of("snapshot"), [&](std::string_view record) {
    seen.emplace_back(record);
    return record == "good";
  });
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(seen, (Records{"good", "bad"}));
  EXPECT_EQ(Open(), Records{"good"});
}

// A file that may not grow is what a full disk is: part of a record fits, and nothing of it stays.
TEST_F(JournalTest, AFullDiskLeavesItAsItWas) {
  Open();
  Append("kept");
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{journal_->bytes() + 50, journal_->bytes() + 50};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(1);
    if (journal_->Append(std::string(1000, 'x')).ok()) ::_exit(2);
    // What does fit is taken again.
    ::_exit(journal_->Append("small").ok() ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(Open(), (Records{"kept", "small"}));
}

TEST_F(JournalTest, AFolderThatIsNotThereIsAnError) {
  EXPECT_FALSE(Journal::Open("/nowhere/journal", Sha256Of(""), [](std::string_view) { return true; }).ok());
}

}  // namespace
}  // namespace zts::supervisor
