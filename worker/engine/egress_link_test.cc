// A shard's outgoing requests, with the egress process played by the test.
#include "worker/engine/egress_link.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "worker/engine/limits.h"
#include "worker/engine/testing/shard_fixture.h"
#include "worker/ipc/egress_frame.h"

namespace zts {
namespace {

using ipc::FrameType;
using js::FetchResult;

constexpr std::string_view kGet = "GET /fn HTTP/1.1\r\nHost: a\r\n\r\n";

class EgressLinkTest : public ShardFixture {
 protected:
  void SetUp() override { Deploy({{"fn", "fetch http://up/"}}); }

  void ConnectEgress() {
    auto [peer, socket] = io_->ConnectForAdoption();
    egress_ = peer;
    reader_ = ipc::FrameReader();
    shard_->ConnectEgress(std::move(socket));
    Settle();
  }
  struct Said {
    FrameType type;
    uint64_t stream;
    std::string payload;
  };
  // What the shard has sent since the last look.
  std::vector<Said> Hear() {
    std::vector<Said> said;
    for (;;) {
      const std::string bytes = io_->PeerRead(egress_);
      if (bytes.empty()) return said;
      EXPECT_TRUE(reader_.Feed(bytes, [&](const ipc::FrameReader::Frame& frame) -> Status {
        said.push_back({frame.header.type, frame.header.stream, std::string(frame.payload)});
        return {};
      }).ok());
      Settle();
    }
  }
  void Say(const std::string& frames) {
    for (size_t at = 0; at < frames.size();) {
      at += io_->PeerWrite(egress_, std::string_view(frames).substr(at));
      Settle();
    }
  }
  std::string HeadOf(uint64_t stream, uint16_t status) {
    std::string out;
    ipc::AppendHead(stream, {.status = status, .url = "http://up/"}, &out);
    return out;
  }
  std::string DataOf(uint64_t stream, std::string_view bytes) {
    std::string out;
    ipc::AppendBytes(FrameType::kData, stream, bytes, &out);
    return out;
  }
  std::string EndOf(uint64_t stream) {
    std::string out;
    ipc::AppendSignal(FrameType::kEnd, stream, &out);
    return out;
  }
  uint64_t Ended(FetchResult result) { return Row("fn").subrequests[static_cast<int>(result)].Read(); }

  Peer egress_ = 0;
  ipc::FrameReader reader_;
};

TEST_F(EgressLinkTest, CarriesARequestAndItsAnswer) {
  ConnectEgress();
  const Peer client = Connect();
  Send(client, kGet);
  const std::vector<Said> said = Hear();
  ASSERT_EQ(said.size(), 1u);
  const auto request = ipc::DecodeRequest(said[0].payload);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->method, "GET");
  EXPECT_EQ(request->url, "http://up/");
  EXPECT_EQ(request->version_id, 1u);
  Advance(30 * kMillisecond);
  const uint64_t stream = said[0].stream;
  Say(HeadOf(stream, 201));
  EXPECT_GE(Row("fn").subrequest_wait_ns.Read(), static_cast<uint64_t>(30 * kMillisecond));
  Say(DataOf(stream, "hello ") + DataOf(stream, "there") + EndOf(stream));
  const Reply reply = Next(client);
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.body, "hello there");
  EXPECT_EQ(Ended(FetchResult::kOk), 1u);
  const std::vector<Said> credit = Hear();
  ASSERT_EQ(credit.size(), 2u);
  EXPECT_EQ(credit[0].type, FrameType::kCredit);
}

TEST_F(EgressLinkTest, AnAnswerAtEveryCut) {
  ConnectEgress();
  uint64_t stream = 0;
  const std::string first = HeadOf(0, 200) + DataOf(0, "abc") + EndOf(0);
  for (size_t cut = 0; cut <= first.size(); ++cut) {
    const Peer client = Connect();
    Send(client, kGet);
    stream = Hear()[0].stream;
    const std::string answer = HeadOf(stream, 200) + DataOf(stream, "abc") + EndOf(stream);
    Say(answer.substr(0, cut));
    Say(answer.substr(cut));
    EXPECT_EQ(Next(client).body, "abc") << cut;
    Hear();
  }
}

TEST_F(EgressLinkTest, WithoutAnEgressProcessItSaysSo) {
  const Peer client = Connect();
  Send(client, kGet);
  EXPECT_EQ(Next(client).body, "unavailable");
  EXPECT_EQ(Ended(FetchResult::kUnavailable), 1u);
}

TEST_F(EgressLinkTest, ADeadEgressProcessFailsWhatIsUnderWayAndTheNextOneServes) {
  ConnectEgress();
  const Peer one = Connect();
  const Peer two = Connect();
  Send(one, kGet);
  Send(two, kGet);
  EXPECT_EQ(Hear().size(), 2u);
  io_->PeerReset(egress_);
  Settle();
  EXPECT_EQ(Next(one).body, "unavailable");
  EXPECT_EQ(Next(two).body, "unavailable");
  ConnectEgress();
  Send(one, kGet);
  const std::vector<Said> said = Hear();
  ASSERT_EQ(said.size(), 1u);
  Say(HeadOf(said[0].stream, 200) + EndOf(said[0].stream));
  EXPECT_EQ(Next(one).status, 200);
  EXPECT_EQ(Ended(FetchResult::kUnavailable), 2u);
}

TEST_F(EgressLinkTest, ANewSocketReplacesTheOldOne) {
  ConnectEgress();
  const Peer client = Connect();
  Send(client, kGet);
  Hear();
  ConnectEgress();
  EXPECT_EQ(Next(client).body, "unavailable");
}

TEST_F(EgressLinkTest, AClientThatLeavesCancelsItsRequests) {
  ConnectEgress();
  const Peer client = Connect();
  Send(client, kGet);
  const uint64_t stream = Hear()[0].stream;
  io_->PeerReset(client);
  Settle();
  const std::vector<Said> said = Hear();
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0].type, FrameType::kCancel);
  EXPECT_EQ(said[0].stream, stream);
  EXPECT_EQ(Ended(FetchResult::kCanceled), 1u);
  Say(HeadOf(stream, 200) + EndOf(stream));  // was on its way
}

TEST_F(EgressLinkTest, AnErrorIsToldByItsName) {
  ConnectEgress();
  const Peer client = Connect();
  Send(client, kGet);
  std::string error;
  ipc::AppendError(Hear()[0].stream, {FetchResult::kPolicy, "no"}, &error);
  Say(error);
  EXPECT_EQ(Next(client).body, "egress-policy");
  EXPECT_EQ(Ended(FetchResult::kPolicy), 1u);
}

TEST_F(EgressLinkTest, NonsenseEndsTheSocketAndNothingElse) {
  ConnectEgress();
  const Peer client = Connect();
  Send(client, kGet);
  Hear();
  Say(std::string(64, '\xff'));
  EXPECT_EQ(Next(client).body, "unavailable");
  EXPECT_TRUE(io_->PeerSawEnd(egress_) || io_->PeerSawReset(egress_));
}

TEST_F(EgressLinkTest, CarriesAWebSocket) {
  Deploy({{"talk", "socket http://up/"}});
  ConnectEgress();
  const Peer client = Connect();
  Send(client, "GET /talk HTTP/1.1\r\nHost: a\r\n\r\n");
  std::vector<Said> said = Hear();
  ASSERT_EQ(said.size(), 1u);
  const uint64_t stream = said[0].stream;
  EXPECT_EQ(ipc::DecodeRequest(said[0].payload)->body_kind, ipc::BodyKind::kSocket);
  Say(HeadOf(stream, 101));
  said = Hear();
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(ipc::DecodeMessage(said[0].payload)->bytes, 2u);
  EXPECT_EQ(said[1].payload, "hi");
  std::string answer = DataOf(stream, "hello");
  ipc::AppendTaken(stream, {2, 1}, &answer);
  ipc::AppendMessage(stream, {ipc::MessageKind::kText, 5}, &answer);
  Say(answer);
  said = Hear();
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(ipc::DecodeTaken(said[0].payload)->bytes, 5u);
  EXPECT_EQ(ipc::DecodeClose(said[1].payload)->code, 3000);
  EXPECT_EQ(ipc::DecodeClose(said[1].payload)->reason, "bye");
  std::string close;
  ipc::AppendClose(stream, {3000, "bye"}, &close);
  Say(close);
  EXPECT_EQ(Next(client).body, "3000 bye: hello");
  EXPECT_EQ(Row("talk").subrequests[static_cast<int>(FetchResult::kOk)].Read(), 1u);
  EXPECT_EQ(Hear().size(), 0u) << "it has ended, and is not cancelled";
}

// Frames that fit no socket at once wait, whole and in order.
TEST_F(EgressLinkTest, ManyRequestsOfOnePassGoOutTogether) {
  ConnectEgress();
  std::vector<Peer> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(Connect());
  for (const Peer client : clients) Send(client, kGet);
  const std::vector<Said> said = Hear();
  ASSERT_EQ(said.size(), clients.size());
  std::string answers;
  for (const Said& one : said) answers += HeadOf(one.stream, 200) + EndOf(one.stream);
  Say(answers);
  for (const Peer client : clients) EXPECT_EQ(Next(client).status, 200);
}

}  // namespace
}  // namespace zts
