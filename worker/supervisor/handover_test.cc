#include "worker/supervisor/handover.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <condition_variable>
#include <filesystem>

#include "base/file.h"

namespace zts::supervisor {
namespace {

// A running worker's side, with what it was asked to do written down.
class HandoverTest : public ::testing::Test {
 protected:
  HandoverTest() {
    // Longer than a Unix socket's path may be.
    folder_ = ::testing::TempDir() + "/" + std::string(120, 'd') + "." +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    EXPECT_TRUE(MakeDirectories(folder_, 0700).ok());
  }

  void Note(const std::string& what) {
    std::lock_guard lock(mutex_);
    said_ += what + " ";
    changed_.notify_all();
  }
  void WaitFor(const std::string& said) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return said_ == said; });
  }
  std::string said() {
    std::lock_guard lock(mutex_);
    return said_;
  }

  void OpenPort(size_t listeners = 2) {
    HandoverPort::Hooks hooks;
    hooks.offer = [listeners]() -> Result<HandoverOffer> {
      HandoverOffer offer{"127.0.0.1:8080", "127.0.0.1:9090", {}, UniqueFd(::open("/dev/zero", O_RDONLY | O_CLOEXEC))};
      for (size_t i = 0; i < listeners; ++i) offer.listeners.emplace_back(::open("/dev/null", O_RDWR | O_CLOEXEC));
      return offer;
    };
    hooks.hold = [this] { Note("hold"); };
    hooks.resume = [this] { Note("resume"); };
    hooks.release = [this] { Note("release"); };
    auto port = HandoverPort::Open(folder_, std::move(hooks));
    ASSERT_TRUE(port.ok()) << port.error().message;
    port_ = std::move(*port);
  }
  std::unique_ptr<Predecessor> Find() {
    auto found = Predecessor::Find(folder_);
    EXPECT_TRUE(found.ok()) << found.error().message;
    return found.ok() ? std::move(*found) : nullptr;
  }

  std::string folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string said_;
  std::unique_ptr<HandoverPort> port_;
};

dev_t DeviceOf(int fd) {
  struct stat status {};
  EXPECT_EQ(::fstat(fd, &status), 0);
  return status.st_rdev;
}

TEST_F(HandoverTest, GoesThroughAllSteps) {
  OpenPort(3);
  auto old = Find();
  HandoverOffer offer = old->TakeOffer();
  EXPECT_EQ(offer.http_address, "127.0.0.1:8080");
  EXPECT_EQ(offer.admin_address, "127.0.0.1:9090");
  ASSERT_EQ(offer.listeners.size(), 3u);
  for (const UniqueFd& listener : offer.listeners) {
    EXPECT_NE(DeviceOf(listener.get()), DeviceOf(offer.lock.get()));
    EXPECT_EQ(::fcntl(listener.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  }
  EXPECT_EQ(said(), "");
  EXPECT_TRUE(old->Hold().ok());
  EXPECT_EQ(said(), "hold ");
  EXPECT_TRUE(old->Release().ok());
  EXPECT_EQ(said(), "hold release ");
}

TEST_F(HandoverTest, LastLogsReachTheSuccessor) {
  OpenPort();
  auto old = Find();
  ASSERT_TRUE(old->Hold().ok() && old->Release().ok());
  // More than fits one message.
  std::vector<LogRecord> sent;
  for (uint64_t i = 0; i < 300; ++i) {
    sent.push_back({static_cast<Nanos>(i), "f", i, "warn", std::string(8000, 'x'), "id", i % 3});
  }
  std::vector<LogRecord> got;
  std::thread relay([&] {
    old->RelayLogs([&](std::vector<LogRecord> records) {
      for (LogRecord& record : records) got.push_back(std::move(record));
    });
  });
  port_->SendLogs(sent);
  port_.reset();
  relay.join();
  ASSERT_EQ(got.size(), sent.size());
  EXPECT_EQ(got[299].number, 299u);
  EXPECT_EQ(got[299].time, 299);
  EXPECT_EQ(got[299].message, sent[299].message);
  EXPECT_EQ(got[298].dropped_before, 1u);
  EXPECT_EQ(got[298].severity, "warn");
}

TEST_F(HandoverTest, ASuccessorThatFailsLeavesAllAsItWas) {
  OpenPort();
  Find().reset();
  WaitFor("resume ");
  auto second = Find();
  EXPECT_TRUE(second->Hold().ok());
  second.reset();
  WaitFor("resume hold resume ");
  auto third = Find();
  EXPECT_TRUE(third->Hold().ok());
  EXPECT_TRUE(third->Release().ok());
}

TEST_F(HandoverTest, NobodyToAskIsNotFound) {
  EXPECT_EQ(Predecessor::Find(folder_).error().code, ErrorCode::kNotFound);
  OpenPort();
  port_.reset();
  EXPECT_EQ(Predecessor::Find(folder_).error().code, ErrorCode::kNotFound);
}

TEST_F(HandoverTest, APredecessorThatEndsIsAnError) {
  OpenPort();
  auto old = Find();
  port_.reset();
  EXPECT_FALSE(old->Hold().ok());
  EXPECT_FALSE(old->Release().ok());
  OpenPort();
  EXPECT_NE(Find(), nullptr);
}

TEST_F(HandoverTest, AnOfferCannotBeMade) {
  OpenPort(0);
  auto found = Predecessor::Find(folder_);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, ErrorCode::kCorrupt);
  WaitFor("resume ");
}

}  // namespace
}  // namespace zts::supervisor
