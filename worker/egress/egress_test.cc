// The whole egress process in a thread, between a shard and servers that the test plays.
#include "worker/egress/egress.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "worker/egress/limits.h"
#include "worker/ipc/egress_frame.h"

namespace zts::egress {
namespace {

using ipc::BodyKind;
using ipc::FetchResult;
using ipc::FrameType;

constexpr int kPatienceMs = 20'000;

// An HTTP/1.1 server on loopback: one thread a connection, answers from a function of the request.
class HttpServer {
 public:
  struct Request {
    std::string head;  // request line and fields, lower-case names as they came
    std::string body;
  };
  using Handler = std::function<std::string(const Request&)>;

  explicit HttpServer(Handler handler) : handler_(std::move(handler)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 64), 0);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] { Accept(); });
  }
  ~HttpServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    accepting_.join();
    {
      std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : serving_) thread.join();
  }
  std::string Url(const std::string& path = "/") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  std::vector<Request> requests() {
    std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void Accept() {
    for (;;) {
      UniqueFd fd(::accept(listener_.get(), nullptr, nullptr));
      if (!fd.valid()) return;
      ++connections_;
      std::lock_guard lock(mutex_);
      open_.push_back(fd.get());
      serving_.emplace_back([this, connection = std::move(fd)]() mutable { Serve(std::move(connection)); });
    }
  }
  static bool More(int fd, std::string* text) {
    char space[65536];
    const ssize_t got = ::recv(fd, space, sizeof space, 0);
    if (got > 0) text->append(space, static_cast<size_t>(got));
    return got > 0;
  }
  void Serve(UniqueFd fd) {
    std::string text;
    for (;;) {
      size_t end;
      while ((end = text.find("\r\n\r\n")) == std::string::npos) {
        if (!More(fd.get(), &text)) return Closed(fd.get());
      }
      Request request{text.substr(0, end + 2), ""};
      text.erase(0, end + 4);
      const size_t length = request.head.find("Content-Length: ");
      if (length != std::string::npos) {
        const size_t bytes = std::stoul(request.head.substr(length + 16));
        while (text.size() < bytes) {
          if (!More(fd.get(), &text)) return Closed(fd.get());
        }
        request.body = text.substr(0, bytes);
        text.erase(0, bytes);
      } else if (request.head.find("Transfer-Encoding: chunked") != std::string::npos) {
        while (text.find("0\r\n\r\n") == std::string::npos) {
          if (!More(fd.get(), &text)) return Closed(fd.get());
        }
        request.body = std::exchange(text, "");
      }
      const std::string answer = handler_(request);
      {
        std::lock_guard lock(mutex_);
        requests_.push_back(std::move(request));
      }
      for (size_t at = 0; at < answer.size();) {
        const ssize_t sent = ::send(fd.get(), answer.data() + at, answer.size() - at, MSG_NOSIGNAL);
        if (sent <= 0) return Closed(fd.get());
        at += static_cast<size_t>(sent);
      }
      if (answer.find("Connection: close") != std::string::npos) return Closed(fd.get());
    }
  }
  void Closed(int fd) {
    std::lock_guard lock(mutex_);
    std::erase(open_, fd);
  }

  Handler handler_;
  UniqueFd listener_;
  uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<Request> requests_;
  std::vector<std::thread> serving_;
  std::thread accepting_;
};

std::string Answer(const std::string& body, const std::string& fields = "", const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + fields + "\r\n" + body;
}

// What has come of one stream.
struct Got {
  int status = 0;
  bool redirected = false;
  std::string url;
  std::map<std::string, std::string> headers;
  std::string body;
  bool ended = false;
  bool failed = false;
  FetchResult result = FetchResult::kOk;
  std::string message;
  uint32_t credit = 0;
  int rewinds = 0;
};

class EgressTest : public testing::Test {
 protected:
  void SetUp() override {
    auto pair = ipc::Channel::MakePair();
    ASSERT_TRUE(pair.ok());
    channel_ = std::make_unique<ipc::Channel>(std::move(pair->first));
    thread_ = std::thread([fd = std::move(pair->second)]() mutable { exit_code_of(Egress(std::move(fd)).Run()); });
    ipc::ToEgress message;
    message.mutable_configure();
    Tell(message);
    ASSERT_TRUE(channel_->Receive().ok());
    AddFunction(1, {"127.0.0.1"});
    AddFunction(2, {});
    shard_ = NewShard();
  }
  void TearDown() override {
    channel_->Shutdown();
    thread_.join();
  }
  static void exit_code_of(int code) { EXPECT_EQ(code, Egress::kExitDone); }

  void Tell(const ipc::ToEgress& message, int descriptor = -1) {
    ASSERT_TRUE(channel_->Send(message.SerializeAsString(), descriptor).ok());
  }
  void AddFunction(uint64_t version_id, const std::vector<std::string>& allow) {
    ipc::ToEgress message;
    message.mutable_add_function()->set_version_id(version_id);
    message.mutable_add_function()->set_function("fn");
    for (const std::string& host : allow) message.mutable_add_function()->add_allow_net(host);
    Tell(message);
  }
  UniqueFd NewShard() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const UniqueFd theirs(ends[1]);
    ipc::ToEgress message;
    message.mutable_add_shard()->set_shard(0);
    Tell(message, theirs.get());
    return UniqueFd(ends[0]);
  }

  void Write(const std::string& frames) {
    ASSERT_EQ(::send(shard_.get(), frames.data(), frames.size(), MSG_NOSIGNAL), static_cast<ssize_t>(frames.size()));
  }
  uint64_t Start(ipc::RequestFrame request, uint64_t version_id = 1) {
    request.version_id = version_id;
    if (request.method.empty()) request.method = "GET";
    std::string out;
    ipc::AppendRequest(++stream_, request, &out);
    Write(out);
    return stream_;
  }
  // Reads until `done`. Credit is given back as bytes come, unless told otherwise.
  enum class Credit { kGive, kKeep };
  template <typename F>
  void ReadUntil(F&& done, Credit credit = Credit::kGive) {
    while (!done()) {
      pollfd waiting{shard_.get(), POLLIN, 0};
      ASSERT_GT(::poll(&waiting, 1, kPatienceMs), 0) << "nothing comes any more";
      char space[65536];
      const ssize_t got = ::recv(shard_.get(), space, sizeof space, 0);
      ASSERT_GT(got, 0);
      std::string back;
      ASSERT_TRUE(reader_.Feed({space, static_cast<size_t>(got)}, [&](const ipc::FrameReader::Frame& frame) {
        return OnFrame(frame, credit == Credit::kGive ? &back : nullptr);
      }).ok());
      if (!back.empty()) Write(back);
    }
  }
  Status OnFrame(const ipc::FrameReader::Frame& frame, std::string* back) {
    Got& got = got_[frame.header.stream];
    switch (frame.header.type) {
      case FrameType::kHead: {
        ZTS_ASSIGN_OR_RETURN(const ipc::HeadFrame head, ipc::DecodeHead(frame.payload));
        got.status = head.status;
        got.redirected = head.redirected;
        got.url = head.url;
        for (const HeaderField& field : head.headers) got.headers[std::string(field.name)] = field.value;
        return {};
      }
      case FrameType::kData:
        got.body.append(frame.payload);
        if (back != nullptr) ipc::AppendCredit(frame.header.stream, static_cast<uint32_t>(frame.payload.size()), back);
        return {};
      case FrameType::kEnd: got.ended = true; return {};
      case FrameType::kRewind: ++got.rewinds; return {};
      case FrameType::kCredit: got.credit += *ipc::DecodeCredit(frame.payload); return {};
      case FrameType::kError: {
        ZTS_ASSIGN_OR_RETURN(const ipc::ErrorFrame error, ipc::DecodeError(frame.payload));
        got.failed = true;
        got.result = error.result;
        got.message = error.message;
        return {};
      }
      default: return Internal("a frame of the other direction");
    }
  }
  Got Wait(uint64_t stream) {
    ReadUntil([&] { return got_[stream].ended || got_[stream].failed; });
    return got_[stream];
  }
  Got Fetch(const ipc::RequestFrame& request, uint64_t version_id = 1) { return Wait(Start(request, version_id)); }

  std::unique_ptr<ipc::Channel> channel_;
  std::thread thread_;
  UniqueFd shard_;
  ipc::FrameReader reader_;
  uint64_t stream_ = 0;
  std::map<uint64_t, Got> got_;
};

TEST_F(EgressTest, GetsAndReusesTheConnection) {
  HttpServer server([](const HttpServer::Request&) { return Answer("hello", "X-One: 1\r\n"); });
  for (int i = 0; i < 3; ++i) {
    const std::string url = server.Url("/a?b=c");
    const Got got = Fetch({.url = url, .headers = {{"X-Mine", "yes"}, {"empty", ""}, {"Connection", "upgrade"}, {"Host", "evil"}}});
    EXPECT_EQ(got.status, 200) << got.message;
    EXPECT_EQ(got.body, "hello");
    EXPECT_EQ(got.url, url);
    EXPECT_EQ(got.headers.at("x-one"), "1");
  }
  EXPECT_EQ(server.connections(), 1);
  const std::string head = server.requests()[0].head;
  EXPECT_TRUE(head.starts_with("GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:")) << head;
  EXPECT_NE(head.find("x-mine: yes\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("empty:\r\n"), std::string::npos) << head;
  EXPECT_EQ(head.find("upgrade"), std::string::npos) << head;
  EXPECT_EQ(head.find("evil"), std::string::npos) << head;
}

TEST_F(EgressTest, RefusesByPolicyAlsoOnAPooledConnection) {
  HttpServer server([](const HttpServer::Request&) { return Answer("secret"); });
  const std::string url = server.Url();
  const Got refused = Fetch({.url = url}, 2);
  EXPECT_EQ(refused.result, FetchResult::kPolicy);
  EXPECT_NE(refused.message.find("loopback"), std::string::npos) << refused.message;
  EXPECT_EQ(server.connections(), 0);
  EXPECT_EQ(Fetch({.url = url}, 1).body, "secret");
  // The connection is there now; it is not for everybody.
  EXPECT_EQ(Fetch({.url = url}, 2).result, FetchResult::kPolicy);
  EXPECT_EQ(Fetch({.url = url}, 99).result, FetchResult::kPolicy);
  EXPECT_EQ(server.requests().size(), 1u);
  // By a name.
  EXPECT_EQ(Fetch({.url = "http://localhost:" + std::to_string(server.port()) + "/"}, 2).result, FetchResult::kPolicy);
}

TEST_F(EgressTest, RefusesOtherSpellingsOfAnAddress) {
  for (const char* url : {"http://127.1/", "http://0x7f000001/", "http://[::ffff:127.0.0.1]/", "http://[::1]/", "http://0.0.0.0/",
                          "http://169.254.169.254/latest/meta-data", "http://[64:ff9b::7f00:1]/", "http://10.0.0.1/"}) {
    const Got got = Fetch({.url = url}, 2);
    EXPECT_TRUE(got.result == FetchResult::kPolicy) << url << ": " << got.message;
  }
  EXPECT_EQ(Fetch({.url = "http://127.0.0.1:22/"}).result, FetchResult::kPolicy);
}

TEST_F(EgressTest, FollowsRedirectsByTheFetchStandard) {
  HttpServer other([](const HttpServer::Request&) { return Answer("other"); });
  HttpServer server([&](const HttpServer::Request& request) {
    const std::string path = request.head.substr(request.head.find(' ') + 1);
    if (path.starts_with("/away")) return Answer("x", "Location: " + other.Url("/there") + "\r\n", "302 Found");
    if (path.starts_with("/303")) return Answer("x", "Location: /end\r\n", "303 See Other");
    if (path.starts_with("/307")) return Answer("x", "Location: end\r\n", "307 Temporary Redirect");
    if (path.starts_with("/loop")) return Answer("", "Location: /loop\r\n", "302 Found");
    if (path.starts_with("/file")) return Answer("", "Location: file:///etc/passwd\r\n", "302 Found");
    if (path.starts_with("/none")) return Answer("here", "", "302 Found");
    return Answer("end");
  });
  Got got = Fetch({.method = "POST", .url = server.Url("/303"), .headers = {{"content-type", "a/b"}, {"x", "y"}}, .body = ""});
  EXPECT_EQ(got.body, "end");
  EXPECT_TRUE(got.redirected);
  EXPECT_EQ(got.url, server.Url("/end"));
  EXPECT_TRUE(server.requests().back().head.starts_with("GET /end"));
  EXPECT_EQ(server.requests().back().head.find("content-type"), std::string::npos);

  got = Fetch({.body_kind = BodyKind::kWhole, .method = "POST", .url = server.Url("/307"), .body = "again"});
  EXPECT_EQ(got.body, "end");
  EXPECT_TRUE(server.requests().back().head.starts_with("POST /end"));
  EXPECT_EQ(server.requests().back().body, "again");

  got = Fetch({.url = server.Url("/away"), .headers = {{"authorization", "secret"}, {"cookie", "c"}, {"x", "y"}}});
  EXPECT_EQ(got.body, "other");
  EXPECT_EQ(other.requests()[0].head.find("secret"), std::string::npos);
  EXPECT_EQ(other.requests()[0].head.find("cookie"), std::string::npos);
  EXPECT_NE(other.requests()[0].head.find("x: y"), std::string::npos);

  EXPECT_EQ(Fetch({.url = server.Url("/loop")}).result, FetchResult::kRedirect);
  EXPECT_EQ(Fetch({.url = server.Url("/file")}).result, FetchResult::kRedirect);
  EXPECT_EQ(Fetch({.url = server.Url("/none")}).body, "here");
  EXPECT_EQ(Fetch({.redirect = ipc::Redirect::kError, .url = server.Url("/303")}).result, FetchResult::kRedirect);
  got = Fetch({.redirect = ipc::Redirect::kManual, .url = server.Url("/303")});
  EXPECT_EQ(got.status, 303);
  EXPECT_EQ(got.headers.at("location"), "/end");
}

TEST_F(EgressTest, JudgesEachHopOfARedirect) {
  AddFunction(3, {"127.0.0.1"});
  HttpServer server([](const HttpServer::Request&) { return Answer("", "Location: http://169.254.169.254/latest\r\n", "302 Found"); });
  const Got got = Fetch({.url = server.Url()}, 3);
  EXPECT_EQ(got.result, FetchResult::kPolicy);
  EXPECT_NE(got.message.find("169.254.169.254"), std::string::npos);
}

TEST_F(EgressTest, AResponseWaitsForItsReader) {
  const std::string big(3'000'000, 'z');
  HttpServer server([&](const HttpServer::Request&) { return Answer(big); });
  const uint64_t slow = Start({.url = server.Url()});
  ReadUntil([&] { return got_[slow].body.size() == ipc::kWindowBytes; }, Credit::kKeep);
  // Nothing more comes of it, and others are served meanwhile.
  const uint64_t fast = Start({.url = server.Url()});
  ReadUntil([&] { return got_[fast].body.size() == ipc::kWindowBytes; }, Credit::kKeep);
  EXPECT_EQ(got_[slow].body.size(), ipc::kWindowBytes);
  std::string credit;
  for (const uint64_t stream : {slow, fast}) ipc::AppendCredit(stream, ipc::kWindowBytes, &credit);
  Write(credit);
  EXPECT_EQ(Wait(slow).body, big);
  EXPECT_EQ(Wait(fast).body, big);
}

TEST_F(EgressTest, ARequestsBodyComesByCredit) {
  HttpServer server([](const HttpServer::Request& request) { return Answer(std::to_string(request.body.size())); });
  const std::string piece(ipc::kDataFrameBytesMax, 'p');
  const size_t pieces = 40;
  const uint64_t stream =
      Start({.body_kind = BodyKind::kRewindable, .body_bytes = pieces * piece.size(), .method = "PUT", .url = server.Url()});
  size_t sent = 0, window = ipc::kWindowBytes;
  for (size_t i = 0; i < pieces; ++i) {
    ReadUntil([&] { return sent + piece.size() <= window + got_[stream].credit; });
    std::string out;
    ipc::AppendBytes(FrameType::kBody, stream, piece, &out);
    sent += piece.size();
    Write(out);
  }
  std::string out;
  ipc::AppendSignal(FrameType::kBodyEnd, stream, &out);
  Write(out);
  EXPECT_EQ(Wait(stream).body, std::to_string(pieces * piece.size()));
  EXPECT_TRUE(server.requests()[0].head.starts_with("PUT / "));
}

TEST_F(EgressTest, ARedirectAsksForTheBodyAgain) {
  HttpServer server([](const HttpServer::Request& request) {
    if (request.head.starts_with("POST /first")) return Answer("", "Location: /second\r\n", "308 Permanent Redirect");
    return Answer(request.body);
  });
  const uint64_t stream = Start({.body_kind = BodyKind::kRewindable, .body_bytes = 4, .method = "POST", .url = server.Url("/first")});
  std::string body;
  ipc::AppendBytes(FrameType::kBody, stream, "body", &body);
  ipc::AppendSignal(FrameType::kBodyEnd, stream, &body);
  Write(body);
  ReadUntil([&] { return got_[stream].rewinds == 1; });
  std::string again;
  ipc::AppendSignal(FrameType::kRewind, stream, &again);
  Write(again + body);
  const Got got = Wait(stream);
  EXPECT_EQ(got.body, "body") << got.message;
  EXPECT_TRUE(got.redirected);
}

TEST_F(EgressTest, StreamsABodyOfUnknownLengthOnce) {
  HttpServer server([](const HttpServer::Request& request) {
    if (request.head.starts_with("POST /moved")) return Answer("", "Location: /\r\n", "307 Temporary Redirect");
    return Answer(request.body);
  });
  const auto send = [&](const std::string& path) {
    const std::string url = server.Url(path);
    const uint64_t stream = Start({.body_kind = BodyKind::kStream, .method = "POST", .url = url});
    std::string out;
    ipc::AppendBytes(FrameType::kBody, stream, "one", &out);
    Write(out);
    out.clear();
    ipc::AppendBytes(FrameType::kBody, stream, "two", &out);
    ipc::AppendSignal(FrameType::kBodyEnd, stream, &out);
    Write(out);
    return Wait(stream);
  };
  const Got got = send("/");
  EXPECT_NE(got.body.find("one"), std::string::npos) << got.body << got.message;
  EXPECT_NE(got.body.find("two"), std::string::npos);
  EXPECT_NE(server.requests()[0].head.find("Transfer-Encoding: chunked"), std::string::npos);
  EXPECT_EQ(send("/moved").result, FetchResult::kRedirect);
}

TEST_F(EgressTest, Decompresses) {
  HttpServer server([&](const HttpServer::Request& request) {
    // A stored block: what deflate is without compression.
    const std::string text = "plain";
    std::string zlib("\x78\x01\x01\x05\x00\xfa\xff", 7);
    zlib += text;
    zlib += std::string("\x06\x48\x02\x15", 4);  // Adler-32 of "plain"
    if (request.head.starts_with("GET /broken")) return Answer("no gzip", "Content-Encoding: gzip\r\n");
    return Answer(zlib, "Content-Encoding: deflate\r\nX-Left: 1\r\n");
  });
  const Got got = Fetch({.url = server.Url()});
  EXPECT_EQ(got.body, "plain") << got.message;
  EXPECT_EQ(got.headers.count("content-encoding"), 0u);
  EXPECT_EQ(got.headers.count("content-length"), 0u);
  EXPECT_EQ(got.headers.count("x-left"), 1u);
  EXPECT_NE(server.requests()[0].head.find("Accept-Encoding: gzip, deflate, br"), std::string::npos);
  EXPECT_EQ(Fetch({.url = server.Url("/broken")}).result, FetchResult::kProtocol);
}

TEST_F(EgressTest, SaysWhatWentWrong) {
  HttpServer server([](const HttpServer::Request& request) -> std::string {
    if (request.head.starts_with("GET /large")) return Answer("", "X: " + std::string(90'000, 'x') + "\r\n");
    if (request.head.starts_with("GET /many")) {
      std::string fields;
      for (size_t i = 0; i <= kResponseFieldsMax; ++i) fields += "x" + std::to_string(i) + ": 1\r\n";
      return Answer("", fields);
    }
    if (request.head.starts_with("GET /cut")) return "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc";
    if (request.head.starts_with("GET /junk")) return "junk\r\n\r\nConnection: close";
    return Answer("");
  });
  EXPECT_EQ(Fetch({.url = server.Url("/large")}).result, FetchResult::kLimit);
  EXPECT_EQ(Fetch({.url = server.Url("/many")}).result, FetchResult::kLimit);
  const Got cut = Fetch({.url = server.Url("/cut")});
  EXPECT_EQ(cut.result, FetchResult::kProtocol);
  EXPECT_EQ(cut.body, "abc");
  EXPECT_EQ(Fetch({.url = server.Url("/junk")}).result, FetchResult::kProtocol);
  EXPECT_EQ(Fetch({.url = "http://127.0.0.1:9999999/"}).result, FetchResult::kProtocol);
  EXPECT_EQ(Fetch({.url = "ftp://127.0.0.1/"}).result, FetchResult::kRedirect);
  EXPECT_EQ(Fetch({.method = "G T", .url = server.Url()}).result, FetchResult::kProtocol);
  EXPECT_EQ(Fetch({.method = "CONNECT", .url = server.Url()}).result, FetchResult::kProtocol);
  EXPECT_EQ(Fetch({.url = server.Url(), .headers = {{"a", "b\r\nc: d"}}}).result, FetchResult::kProtocol);
  EXPECT_EQ(Fetch({.url = "http://does-not-exist.invalid/"}).result, FetchResult::kResolve);
  uint16_t closed;
  {
    HttpServer gone([](const HttpServer::Request&) { return Answer(""); });
    closed = gone.port();
  }
  EXPECT_EQ(Fetch({.url = "http://127.0.0.1:" + std::to_string(closed) + "/"}).result, FetchResult::kConnect);
}

TEST_F(EgressTest, ACancelEndsTheConnection) {
  const std::string big(3'000'000, 'z');
  HttpServer server([&](const HttpServer::Request&) { return Answer(big); });
  const uint64_t stream = Start({.url = server.Url()});
  ReadUntil([&] { return got_[stream].status == 200; }, Credit::kKeep);
  std::string out;
  ipc::AppendSignal(FrameType::kCancel, stream, &out);
  Write(out);
  EXPECT_EQ(Fetch({.url = server.Url()}).body, big);
  EXPECT_FALSE(got_[stream].ended);
}

TEST_F(EgressTest, AShardThatSpeaksNonsenseIsCutOffAlone) {
  HttpServer server([](const HttpServer::Request&) { return Answer("fine"); });
  const UniqueFd other = std::exchange(shard_, NewShard());
  const std::string junk(64, '\xff');
  ASSERT_EQ(::send(other.get(), junk.data(), junk.size(), MSG_NOSIGNAL), static_cast<ssize_t>(junk.size()));
  char byte;
  EXPECT_LE(::recv(other.get(), &byte, 1, 0), 0);
  EXPECT_EQ(Fetch({.url = server.Url()}).body, "fine");
}

TEST_F(EgressTest, AnswersHeadAndKeepsItsFields) {
  HttpServer server([](const HttpServer::Request&) { return "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"; });
  const Got got = Fetch({.method = "HEAD", .url = server.Url()});
  EXPECT_TRUE(got.ended) << got.message;
  EXPECT_EQ(got.headers.at("content-length"), "7");
  EXPECT_EQ(got.body, "");
}

}  // namespace
}  // namespace zts::egress
