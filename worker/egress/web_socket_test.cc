// One WebSocket between a shard and a server that the test plays, on a clock of the test's.
#include "worker/egress/web_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "worker/egress/limits.h"

namespace zts::egress {
namespace {

using ipc::FetchResult;
using ipc::FrameType;
using ipc::MessageKind;

// Rounds of the loop, some milliseconds each where nothing happens: what has not come by then does not come.
constexpr int kPatience = 5000;

class WebSocketTest : public testing::Test, public StreamHost {
 protected:
  WebSocketTest() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), sockets_(epoll_.get(), &clock_) {
    settings_.sockets = &sockets_;
    settings_.clock = &clock_;
    function_->name = "fn v1";
    function_->policy = Policy({*HostPattern::Parse("127.0.0.1")});
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/chat";
  }

  void Start() {
    socket_ = std::make_unique<WebSocket>(this, &settings_, function_, 1);
    ipc::RequestFrame request;
    request.url = url_;
    request.body_kind = ipc::BodyKind::kSocket;
    socket_->Start(request);
  }
  // Until it is open.
  void Open() {
    Start();
    PumpUntil([this] { return heard_.find("\r\n\r\n") != std::string::npos; });
    const size_t key = heard_.find("Sec-WebSocket-Key: ") + 19;
    Say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
        WebSocketHandshake::AcceptOf(heard_.substr(key, 24)) + "\r\n\r\n");
    heard_.clear();
    PumpUntil([this] { return head_ == 101; });
  }

  // One round: what the kernel has to tell, the alarms, the server's ear.
  void Pump() {
    std::array<epoll_event, 16> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 1);
    for (int i = 0; i < count; ++i) sockets_.OnEvent(events[static_cast<size_t>(i)].data.u64, events[static_cast<size_t>(i)].events);
    clock_.Advance(kMillisecond);
    if (sockets_.due() != 0 && sockets_.due() <= clock_.Now()) sockets_.OnTime();
    if (!server_.valid()) server_ = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    Listen();
    ReadFrames();
  }
  template <typename F>
  void PumpUntil(F&& done) {
    for (int i = 0; i < kPatience; ++i) {
      if (done()) return;
      Pump();
    }
    FAIL() << "waited in vain; heard '" << heard_ << "'";
  }
  // Rounds enough for whatever is under way.
  void Settle() {
    for (int i = 0; i < 20; ++i) Pump();
  }
  void Advance(Nanos by) {
    clock_.Advance(by);
    Settle();
  }
  void Listen() {
    char space[65536];
    while (server_.valid() && listens_) {
      const ssize_t got = ::recv(server_.get(), space, sizeof space, 0);
      if (got == 0) server_saw_end_ = true;
      if (got <= 0) return;
      heard_.append(space, static_cast<size_t>(got));
    }
  }
  // As much as the socket takes at once.
  size_t TrySay(std::string_view bytes) {
    const ssize_t sent = ::send(server_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return sent < 0 ? 0 : static_cast<size_t>(sent);
  }
  void Say(std::string_view bytes) { ASSERT_EQ(TrySay(bytes), bytes.size()); }

  void ReadFrames() {
    EXPECT_TRUE(reader_.Feed(std::exchange(out_, {}), [this](const ipc::FrameReader::Frame& frame) -> Status {
      switch (frame.header.type) {
        case FrameType::kHead: head_ = ipc::DecodeHead(frame.payload)->status; return {};
        case FrameType::kData: data_.append(frame.payload); return {};
        case FrameType::kMessage: ++messages_; return {};
        case FrameType::kTaken:
          taken_bytes_ += ipc::DecodeTaken(frame.payload)->bytes;
          taken_messages_ += ipc::DecodeTaken(frame.payload)->messages;
          return {};
        case FrameType::kClose:
          end_ = "closed " + std::to_string(ipc::DecodeClose(frame.payload)->code) + " ";
          end_.append(ipc::DecodeClose(frame.payload)->reason);
          return {};
        case FrameType::kError:
          end_ = std::string(js::FetchResultName(ipc::DecodeError(frame.payload)->result)) + ": " +
                 std::string(ipc::DecodeError(frame.payload)->message);
          return {};
        default: return Internal("a frame of the other direction");
      }
    }).ok());
  }
  // What the socket makes of a shard's frames.
  Status Tell(const std::string& frames) {
    ipc::FrameReader reader;
    const Status fed = reader.Feed(frames, [&](const ipc::FrameReader::Frame& frame) { return socket_->OnFrame(frame); });
    ReadFrames();
    return fed;
  }
  static std::string MessageOf(uint64_t bytes) {
    std::string out;
    ipc::AppendMessage(1, {MessageKind::kBinary, bytes}, &out);
    return out;
  }
  static std::string BodyOf(std::string_view bytes) {
    std::string out;
    ipc::AppendBytes(FrameType::kBody, 1, bytes, &out);
    return out;
  }
  static std::string CloseOf(uint16_t code, std::string_view reason = "") {
    std::string out;
    ipc::AppendClose(1, {code, reason}, &out);
    return out;
  }
  static std::string TakenOf(uint32_t bytes, uint32_t messages) {
    std::string out;
    ipc::AppendTaken(1, {bytes, messages}, &out);
    return out;
  }

  std::string& out() override { return out_; }
  void OnStreamOver(uint64_t) override { over_ = true; }

  FakeClock clock_{kSecond};
  UniqueFd epoll_;
  SocketSet sockets_;
  StreamSettings settings_;
  std::shared_ptr<Function> function_ = std::make_shared<Function>();
  UniqueFd listener_, server_;
  std::string url_;
  std::unique_ptr<WebSocket> socket_;
  ipc::FrameReader reader_;
  bool listens_ = true;   // the server
  std::string heard_;     // by it
  bool server_saw_end_ = false;
  std::string out_;
  int head_ = 0;
  std::string data_;
  uint64_t messages_ = 0, taken_bytes_ = 0, taken_messages_ = 0;
  std::string end_;
  bool over_ = false;
};

// Unmasked, as servers speak.
const std::string kServersClose("\x88\x02\x03\xe8", 4);

TEST_F(WebSocketTest, AsksForTheUpgradeAndTellsTheAnswer) {
  Start();
  PumpUntil([this] { return heard_.ends_with("\r\n\r\n"); });
  EXPECT_TRUE(heard_.starts_with("GET /chat HTTP/1.1\r\nHost: 127.0.0.1:")) << heard_;
  Say("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  PumpUntil([this] { return over_; });
  EXPECT_EQ(end_, "protocol: the server answered 404 Not Found instead of switching to WebSocket");
}

TEST_F(WebSocketTest, AServerThatNeverAnswersTheHandshake) {
  Start();
  PumpUntil([this] { return heard_.ends_with("\r\n\r\n"); });
  Say("HTTP/1.1 101 Switching");
  Advance(kUpgradeTimeout - kSecond);
  EXPECT_FALSE(over_);
  Advance(2 * kSecond);
  EXPECT_TRUE(over_);
  EXPECT_TRUE(end_.starts_with("timeout: no answer to the WebSocket's handshake in time from http://127.0.0.1")) << end_;
}

TEST_F(WebSocketTest, CarriesMessagesAndSaysWhatTheServerHasTaken) {
  Open();
  EXPECT_TRUE(Tell(MessageOf(3) + BodyOf("abc") + MessageOf(0)).ok());
  PumpUntil([this] { return heard_.size() == 6 + 3 + 6; });
  Settle();
  EXPECT_EQ(taken_bytes_, 3u);
  EXPECT_EQ(taken_messages_, 2u);
  Say(std::string("\x81\x02hi\x82\x00", 6));
  PumpUntil([this] { return messages_ == 2; });
  EXPECT_EQ(data_, "hi");
}

TEST_F(WebSocketTest, AServerThatDoesNotAnswerTheCloseFrame) {
  Open();
  EXPECT_TRUE(Tell(CloseOf(3000, "bye")).ok());
  PumpUntil([this] { return heard_.size() == 6 + 5; });
  Advance(kCloseTimeout - kSecond);
  EXPECT_FALSE(over_);
  Advance(2 * kSecond);
  EXPECT_EQ(end_, "timeout: the server has not answered the close frame in time");
}

TEST_F(WebSocketTest, AServerThatKeepsTheConnectionBehindTheCloseFrames) {
  Open();
  Say(kServersClose);
  PumpUntil([this] { return heard_.size() == 6 + 2; });
  EXPECT_FALSE(over_);
  Advance(kLingerTimeout + kSecond);
  EXPECT_EQ(end_, "closed 1000 ");
  EXPECT_TRUE(over_);
  socket_.reset();
  PumpUntil([this] { return server_saw_end_; });
}

TEST_F(WebSocketTest, ASilentServerIsPingedAndThenGivenUp) {
  Open();
  Advance(kSilenceMax + kSecond);
  EXPECT_EQ(heard_.size(), 6u);
  EXPECT_EQ(heard_[0], '\x89');
  Say(std::string("\x8a\x00", 2));
  Settle();
  // It is alive.
  Advance(kSilenceMax - kSecond);
  EXPECT_EQ(heard_.size(), 6u);
  Advance(2 * kSecond);
  EXPECT_EQ(heard_.size(), 12u);
  EXPECT_FALSE(over_);
  Advance(kSilenceMax + kSecond);
  EXPECT_TRUE(end_.starts_with("timeout: the server has been silent for 60 seconds")) << end_;
}

TEST_F(WebSocketTest, AServerThatNobodyListensToIsNotSilent) {
  Open();
  std::string much = std::string("\x82\x7f\0\0\0\0\0\x10\0\0", 10) + std::string(1 << 20, 'x');
  for (size_t at = 0; at < much.size() && data_.size() < ipc::kWindowBytes;) {
    at += TrySay(std::string_view(much).substr(at));
    Pump();
  }
  for (int i = 0; i < 5; ++i) Advance(kSilenceMax + kSecond);
  EXPECT_EQ(heard_, "");
  EXPECT_FALSE(over_) << end_;
}

TEST_F(WebSocketTest, ReadsNoMoreThanTheShardHasRoomFor) {
  Open();
  // A message of 4 MiB, and then many small ones.
  std::string much = std::string("\x82\x7f\0\0\0\0\0\x40\0\0", 10) + std::string(4 << 20, 'x');
  for (int i = 0; i < 5000; ++i) much += std::string("\x81\0", 2);
  size_t at = 0;
  const auto say = [&] {
    for (int idle = 0; idle < 10; ++idle) {
      const size_t before = data_.size() + messages_;
      at += TrySay(std::string_view(much).substr(at));
      Pump();
      if (data_.size() + messages_ > before) idle = 0;
    }
  };
  say();
  EXPECT_EQ(data_.size(), ipc::kWindowBytes);
  EXPECT_TRUE(Tell(TakenOf(1000, 0)).ok());
  say();
  EXPECT_EQ(data_.size(), ipc::kWindowBytes + 1000);
  while (data_.size() < 4 << 20 && !HasFailure()) {
    EXPECT_TRUE(Tell(TakenOf(ipc::kWindowBytes, 0)).ok());
    say();
  }
  EXPECT_TRUE(Tell(TakenOf(ipc::kWindowBytes, 0)).ok());
  say();
  EXPECT_EQ(messages_, ipc::kWindowMessages);
  EXPECT_TRUE(Tell(TakenOf(0, 10)).ok());
  say();
  EXPECT_EQ(messages_, ipc::kWindowMessages + 10);
}

TEST_F(WebSocketTest, AnswersToPingsDoNotPileUp) {
  Open();
  listens_ = false;
  std::string pings;
  for (int i = 0; i < 4000; ++i) pings += std::string("\x89\x04ping", 6);
  // Until the kernel's buffers are full both ways, and nobody reads any more.
  size_t said = 0;
  for (int idle = 0; idle < 50;) {
    const size_t sent = TrySay(std::string_view(pings).substr(said % pings.size()));
    said += sent;
    idle = sent == 0 ? idle + 1 : 0;
    Pump();
    ASSERT_LT(said, size_t{256} << 20) << "it goes on reading";
  }
  EXPECT_FALSE(over_);
  listens_ = true;
  // A ping is cut where the kernel cut it; each that was whole is answered.
  PumpUntil([&] { return heard_.size() == said / 6 * 10; });
}

TEST_F(WebSocketTest, ACancelSaysThatItGoesAway) {
  Open();
  socket_->OnCancel();
  socket_.reset();
  PumpUntil([this] { return server_saw_end_; });
  ASSERT_EQ(heard_.size(), 8u);
  EXPECT_EQ(heard_[0], '\x88');
  EXPECT_EQ(static_cast<uint8_t>(heard_[6] ^ heard_[2]) << 8 | static_cast<uint8_t>(heard_[7] ^ heard_[3]), 1001);
}

TEST_F(WebSocketTest, AShardThatBreaksTheProtocolIsTold) {
  const std::vector<std::string> broken = {
      BodyOf("x"),                                  // of no message
      MessageOf(2) + MessageOf(0),                  // a message in a message
      MessageOf(1) + BodyOf("xy"),                  // more than it has
      MessageOf(2) + CloseOf(1000),
      CloseOf(1000) + MessageOf(0),
      CloseOf(1000) + CloseOf(1000),
      CloseOf(1006), CloseOf(2999), CloseOf(5000),
  };
  for (const std::string& frames : broken) {
    server_.reset();
    heard_.clear();
    head_ = 0;
    Open();
    listens_ = false;
    EXPECT_FALSE(Tell(frames).ok());
    listens_ = true;
    socket_.reset();
  }
  Start();
  EXPECT_FALSE(Tell(MessageOf(0)).ok()) << "it is not open";
  std::string signal;
  ipc::AppendSignal(FrameType::kBodyEnd, 1, &signal);
  EXPECT_FALSE(Tell(signal).ok());
}

TEST_F(WebSocketTest, AShardMaySendItsWindowBeyondWhatTheServerTakes) {
  Open();
  listens_ = false;
  ASSERT_TRUE(Tell(MessageOf(size_t{1} << 30)).ok());
  const std::string piece = BodyOf(std::string(16 * 1024, 'x'));
  uint64_t sent = 0;
  // The kernel takes some of it.
  while (Tell(piece).ok()) {
    sent += 16 * 1024;
    ASSERT_LE(sent - taken_bytes_, ipc::kWindowBytes);
    if (sent - taken_bytes_ == ipc::kWindowBytes) Settle();
    ASSERT_LT(sent, size_t{1} << 30);
  }
  EXPECT_EQ(sent - taken_bytes_, ipc::kWindowBytes);
}

TEST_F(WebSocketTest, WhatIsSentWhileTheServerClosesGoesNowhere) {
  Open();
  EXPECT_TRUE(Tell(MessageOf(4) + BodyOf("ab")).ok());
  Say(kServersClose);
  Settle();
  // The message that had begun is brought to its end, so that the close frame can follow.
  EXPECT_TRUE(Tell(BodyOf("cd") + MessageOf(3) + BodyOf("xyz") + CloseOf(1000)).ok());
  PumpUntil([this] { return heard_.size() == 6 + 4 + 6 + 2; });
  EXPECT_EQ(heard_[10], '\x88');
  server_.reset();
  PumpUntil([this] { return over_; });
  EXPECT_EQ(end_, "closed 1000 ");
}

TEST_F(WebSocketTest, ThereMayBeSoManyToOneHost) {
  for (size_t i = 0; i < kWebSocketsPerHostMax; ++i) ASSERT_TRUE(sockets_.Take("127.0.0.1"));
  Start();
  EXPECT_TRUE(over_);
  ReadFrames();
  EXPECT_EQ(end_, "limit: too many WebSockets at once on this machine, or to 127.0.0.1");
  EXPECT_TRUE(sockets_.Take("other"));
  sockets_.GiveBack("127.0.0.1");
  over_ = false;
  Open();
  EXPECT_FALSE(over_);
}

TEST_F(WebSocketTest, ThePolicyIsAskedForTheAddress) {
  function_->policy = Policy();
  Start();
  PumpUntil([this] { return over_; });
  EXPECT_TRUE(end_.starts_with("egress-policy: the egress policy does not let this function connect to 127.0.0.1:")) << end_;
  EXPECT_FALSE(server_.valid());
}

}  // namespace
}  // namespace zts::egress
