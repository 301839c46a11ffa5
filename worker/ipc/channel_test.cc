#include "worker/ipc/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <random>
#include <thread>

#include "base/file.h"

namespace zts::ipc {
namespace {

struct Ends {
  UniqueFd first, second;
};

Ends MakeEnds() {
  auto pair = Channel::MakePair();
  EXPECT_TRUE(pair.ok());
  return {std::move(pair->first), std::move(pair->second)};
}

std::string FrameOf(std::string_view body, uint32_t descriptors = 0) {
  const uint32_t header[2] = {static_cast<uint32_t>(body.size()), descriptors};
  return std::string(reinterpret_cast<const char*>(header), sizeof header) + std::string(body);
}

TEST(ChannelTest, CarriesMessagesInOrder) {
  Ends ends = MakeEnds();
  Channel a(std::move(ends.first)), b(std::move(ends.second));
  ASSERT_TRUE(a.Send("one").ok());
  ASSERT_TRUE(a.Send("").ok());
  ASSERT_TRUE(a.Send("three").ok());
  EXPECT_EQ(b.Receive()->bytes, "one");
  EXPECT_EQ(b.Receive()->bytes, "");
  auto third = b.Receive();
  ASSERT_TRUE(third.ok());
  EXPECT_EQ(third->bytes, "three");
  EXPECT_FALSE(third->descriptor.valid());
  ASSERT_TRUE(b.Send("back").ok());
  EXPECT_EQ(a.Receive()->bytes, "back");
}

TEST(ChannelTest, CarriesADescriptorWithItsOwnMessage) {
  Ends ends = MakeEnds();
  Channel a(std::move(ends.first)), b(std::move(ends.second));
  auto memory = MakeSealedMemfd("test", "content");
  ASSERT_TRUE(memory.ok());
  ASSERT_TRUE(a.Send("plain").ok());
  ASSERT_TRUE(a.Send("with", memory->get()).ok());
  ASSERT_TRUE(a.Send("plain again").ok());
  EXPECT_FALSE(b.Receive()->descriptor.valid());
  auto with = b.Receive();
  ASSERT_TRUE(with.ok());
  ASSERT_TRUE(with->descriptor.valid());
  EXPECT_NE(with->descriptor.get(), memory->get());
  EXPECT_EQ(::fcntl(with->descriptor.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  char text[16] = {};
  EXPECT_EQ(::pread(with->descriptor.get(), text, sizeof text, 0), 7);
  EXPECT_STREQ(text, "content");
  EXPECT_FALSE(b.Receive()->descriptor.valid());
}

TEST(ChannelTest, ManyDescriptorsStayWithTheirMessages) {
  Ends ends = MakeEnds();
  Channel a(std::move(ends.first)), b(std::move(ends.second));
  constexpr int kCount = 2000;  // more than a process may open by default, and than the kernel holds in flight
  std::thread sender([&] {
    for (int i = 0; i < kCount; ++i) {
      auto memory = MakeSealedMemfd("test", std::to_string(i));
      ASSERT_TRUE(memory.ok());
      ASSERT_TRUE(a.Send(std::to_string(i), memory->get()).ok());
    }
  });
  for (int i = 0; i < kCount; ++i) {
    auto message = b.Receive();
    ASSERT_TRUE(message.ok()) << message.error().message;
    char text[16] = {};
    ASSERT_GT(::pread(message->descriptor.get(), text, sizeof text, 0), 0);
    ASSERT_EQ(message->bytes, std::to_string(i));
    ASSERT_EQ(text, std::to_string(i));
  }
  sender.join();
}

TEST(ChannelTest, LargestMessagePassesThroughASmallSocketBuffer) {
  Ends ends = MakeEnds();
  const int small = 4096;
  ::setsockopt(ends.first.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  Channel a(std::move(ends.first)), b(std::move(ends.second));
  std::string big(kIpcMessageBytesMax, 'x');
  for (size_t i = 0; i < big.size(); i += 997) big[i] = static_cast<char>('a' + i % 26);
  std::thread sender([&] { EXPECT_TRUE(a.Send(big).ok()); });
  auto received = b.Receive();
  sender.join();
  ASSERT_TRUE(received.ok());
  EXPECT_EQ(received->bytes, big);
}

TEST(ChannelTest, ReadsMessagesThatArriveByteByByteAndInAnyPieces) {
  const std::string stream = FrameOf("alpha") + FrameOf("") + FrameOf(std::string(300, 'b'));
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    Ends ends = MakeEnds();
    Channel b(std::move(ends.second));
    std::thread writer([&] {
      for (size_t at = 0; at < stream.size();) {
        const size_t piece = round == 0 ? 1 : std::min<size_t>(1 + random() % 64, stream.size() - at);
        ASSERT_EQ(::write(ends.first.get(), stream.data() + at, piece), static_cast<ssize_t>(piece));
        at += piece;
      }
    });
    EXPECT_EQ(b.Receive()->bytes, "alpha");
    EXPECT_EQ(b.Receive()->bytes, "");
    EXPECT_EQ(b.Receive()->bytes, std::string(300, 'b'));
    writer.join();
  }
}

TEST(ChannelTest, RefusesToSendAnOversizeMessageAndStaysUsable) {
  Ends ends = MakeEnds();
  Channel a(std::move(ends.first)), b(std::move(ends.second));
  Status sent = a.Send(std::string(kIpcMessageBytesMax + 1, 'x'));
  ASSERT_FALSE(sent.ok());
  EXPECT_EQ(sent.error().code, ErrorCode::kInvalid);
  ASSERT_TRUE(a.Send("fine").ok());
  EXPECT_EQ(b.Receive()->bytes, "fine");
}

TEST(ChannelTest, ClosesOnAnOversizeAnnouncement) {
  Ends ends = MakeEnds();
  Channel b(std::move(ends.second));
  const uint32_t header[2] = {kIpcMessageBytesMax + 1, 0};
  ASSERT_EQ(::write(ends.first.get(), header, sizeof header), static_cast<ssize_t>(sizeof header));
  auto received = b.Receive();
  ASSERT_FALSE(received.ok());
  EXPECT_EQ(received.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(b.Receive().error().code, ErrorCode::kAborted);
}

TEST(ChannelTest, ReportsADescriptorThatWasAnnouncedButNotThere) {
  Ends ends = MakeEnds();
  Channel b(std::move(ends.second));
  const std::string frame = FrameOf("x", 1);
  ASSERT_EQ(::write(ends.first.get(), frame.data(), frame.size()), static_cast<ssize_t>(frame.size()));
  EXPECT_EQ(b.Receive().error().code, ErrorCode::kExhausted);
}

TEST(ChannelTest, PeerThatGoesIsAborted) {
  Ends ends = MakeEnds();
  Channel a(std::move(ends.first));
  const std::string half = FrameOf("whole message").substr(0, 11);
  ASSERT_EQ(::write(ends.second.get(), half.data(), half.size()), static_cast<ssize_t>(half.size()));
  ends.second.reset();
  EXPECT_EQ(a.Receive().error().code, ErrorCode::kAborted);
  EXPECT_EQ(a.Send("into the void").error().code, ErrorCode::kAborted);
}

TEST(ChannelTest, ShutdownEndsABlockedReceive) {
  Ends ends = MakeEnds();
  Channel a(std::move(ends.first));
  std::thread receiver([&] { EXPECT_EQ(a.Receive().error().code, ErrorCode::kAborted); });
  a.Shutdown();
  receiver.join();
}

TEST(ChannelTest, ASendTimeoutTellsOfAPeerThatDoesNotRead) {
  Ends ends = MakeEnds();
  const timeval timeout{0, 20'000};
  ASSERT_EQ(::setsockopt(ends.first.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout), 0);
  Channel a(std::move(ends.first));
  Status sent = a.Send(std::string(kIpcMessageBytesMax, 'x'));
  ASSERT_FALSE(sent.ok());
  EXPECT_EQ(sent.error().code, ErrorCode::kTimeout);
}

TEST(ChannelTest, SendsOfSeveralThreadsDoNotMix) {
  Ends ends = MakeEnds();
  Channel a(std::move(ends.first)), b(std::move(ends.second));
  constexpr int kThreads = 4, kEach = 200;
  std::vector<std::thread> senders;
  for (int t = 0; t < kThreads; ++t) {
    senders.emplace_back([&a, t] {
      for (int i = 0; i < kEach; ++i) ASSERT_TRUE(a.Send(std::string(1 + i * 37, static_cast<char>('a' + t))).ok());
    });
  }
  for (int i = 0; i < kThreads * kEach; ++i) {
    auto message = b.Receive();
    ASSERT_TRUE(message.ok());
    ASSERT_EQ(message->bytes.find_first_not_of(message->bytes[0]), std::string::npos);
  }
  for (std::thread& sender : senders) sender.join();
}

TEST(ChannelTest, WorksBetweenTwoProcesses) {
  Ends ends = MakeEnds();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ends.first.reset();
    Channel peer(std::move(ends.second));
    auto question = peer.Receive();
    const bool sent = question.ok() && question->descriptor.valid() &&
                      peer.Send(question->bytes + "!", question->descriptor.get()).ok();
    ::_exit(sent ? 0 : 1);
  }
  ends.second.reset();
  Channel mine(std::move(ends.first));
  auto memory = MakeSealedMemfd("test", "shared");
  ASSERT_TRUE(mine.Send("hello", memory->get()).ok());
  auto answer = mine.Receive();
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->bytes, "hello!");
  struct stat info;
  ASSERT_EQ(::fstat(answer->descriptor.get(), &info), 0);
  EXPECT_EQ(info.st_size, 6);
  EXPECT_EQ(mine.Receive().error().code, ErrorCode::kAborted);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace zts::ipc
