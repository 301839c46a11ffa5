#include "worker/ipc/egress_frame.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace zts::ipc {
namespace {

// Everything that can be said, and how it reads once it has come through.
std::string Conversation() {
  std::string out;
  AppendRequest(7,
                {.version_id = 12,
                 .redirect = Redirect::kManual,
                 .body_kind = BodyKind::kWhole,
                 .body_bytes = 3,
                 .method = "POST",
                 .url = "https://example.com/a?b",
                 .headers = {{"a", "1"}, {"b", ""}},
                 .body = "xyz"},
                &out);
  AppendCredit(7, 4096, &out);
  AppendBytes(FrameType::kBody, 8, std::string(kDataFrameBytesMax + 1, 'q'), &out);
  AppendSignal(FrameType::kBodyEnd, 8, &out);
  AppendHead(9, {.status = 200, .redirected = true, .url = "http://x/", .status_text = "OK", .headers = {{"c", "d"}}}, &out);
  AppendError(10, {FetchResult::kPolicy, "no"}, &out);
  AppendSignal(FrameType::kEnd, 9, &out);
  AppendMessage(11, {MessageKind::kBinary, uint64_t{1} << 33}, &out);
  AppendTaken(11, {70000, 3}, &out);
  AppendClose(11, {4001, "enough"}, &out);
  AppendClose(12, {}, &out);
  return out;
}

std::string Show(const FrameReader::Frame& frame) {
  std::string text = std::to_string(frame.header.stream) + ":";
  switch (frame.header.type) {
    case FrameType::kRequest: {
      const auto request = DecodeRequest(frame.payload);
      if (!request.ok()) return "broken";
      text += std::string(request->method) + " " + std::string(request->url) + " v" + std::to_string(request->version_id);
      for (const HeaderField& field : request->headers) text.append(" ").append(field.name).append("=").append(field.value);
      return text + " " + std::string(request->body) + (request->redirect == Redirect::kManual ? " manual" : "");
    }
    case FrameType::kHead: {
      const auto head = DecodeHead(frame.payload);
      if (!head.ok()) return "broken";
      return text + std::to_string(head->status) + " " + std::string(head->status_text) + " " + std::string(head->url) +
             (head->redirected ? " redirected" : "") + " " + std::string(head->headers.at(0).value);
    }
    case FrameType::kError: {
      const auto error = DecodeError(frame.payload);
      return text + std::string(js::FetchResultName(error->result)) + " " + std::string(error->message);
    }
    case FrameType::kCredit:
      return text + "+" + std::to_string(*DecodeCredit(frame.payload));
    case FrameType::kMessage: {
      const auto message = DecodeMessage(frame.payload);
      return text + (message->kind == MessageKind::kBinary ? "binary " : "text ") + std::to_string(message->bytes);
    }
    case FrameType::kTaken: {
      const auto taken = DecodeTaken(frame.payload);
      return text + std::to_string(taken->bytes) + " of " + std::to_string(taken->messages);
    }
    case FrameType::kClose: {
      const auto close = DecodeClose(frame.payload);
      return text + std::to_string(close->code) + " '" + std::string(close->reason) + "'";
    }
    default:
      return text + std::to_string(static_cast<int>(frame.header.type)) + "/" + std::to_string(frame.payload.size());
  }
}

const std::vector<std::string> kExpected = {"7:POST https://example.com/a?b v12 a=1 b= xyz manual",
                                            "7:+4096",
                                            "8:2/" + std::to_string(kDataFrameBytesMax),
                                            "8:2/1",
                                            "8:3/0",
                                            "9:200 OK http://x/ redirected d",
                                            "10:egress-policy no",
                                            "9:8/0",
                                            "11:binary 8589934592",
                                            "11:70000 of 3",
                                            "11:4001 'enough'",
                                            "12:1005 ''"};

std::vector<std::string> ReadIn(const std::string& text, size_t step) {
  FrameReader reader;
  std::vector<std::string> shown;
  for (size_t at = 0; at < text.size(); at += step) {
    const Status fed = reader.Feed(std::string_view(text).substr(at, step), [&](const FrameReader::Frame& frame) -> Status {
      shown.push_back(Show(frame));
      return {};
    });
    EXPECT_TRUE(fed.ok());
  }
  return shown;
}

TEST(EgressFrameTest, WholeAndInPieces) {
  const std::string text = Conversation();
  EXPECT_EQ(ReadIn(text, text.size()), kExpected);
  for (const size_t step : {size_t{1}, size_t{7}, size_t{16}, size_t{4096}}) EXPECT_EQ(ReadIn(text, step), kExpected) << step;
}

TEST(EgressFrameTest, AtEveryCutOfAShortOne) {
  std::string text;
  AppendRequest(1, {.method = "GET", .url = "http://a/", .headers = {{"x", "y"}}}, &text);
  AppendSignal(FrameType::kCancel, 1, &text);
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    FrameReader reader;
    int frames = 0;
    const auto count = [&](const FrameReader::Frame&) -> Status {
      ++frames;
      return {};
    };
    EXPECT_TRUE(reader.Feed(text.substr(0, cut), count).ok());
    EXPECT_TRUE(reader.Feed(text.substr(cut), count).ok());
    EXPECT_EQ(frames, 2) << cut;
  }
}

TEST(EgressFrameTest, RefusesWhatIsBroken) {
  const auto none = [](const FrameReader::Frame&) -> Status { return {}; };
  FrameHeader header{kFrameBytesMax + 1, FrameType::kBody, 0, 0, 1};
  EXPECT_FALSE(FrameReader().Feed({reinterpret_cast<const char*>(&header), sizeof header}, none).ok());
  header = {0, static_cast<FrameType>(0), 0, 0, 1};
  EXPECT_FALSE(FrameReader().Feed({reinterpret_cast<const char*>(&header), sizeof header}, none).ok());
  header = {0, static_cast<FrameType>(14), 0, 0, 1};
  EXPECT_FALSE(FrameReader().Feed({reinterpret_cast<const char*>(&header), sizeof header}, none).ok());
}

TEST(EgressFrameTest, RefusesWhatASocketNeverSays) {
  std::string text;
  AppendMessage(1, {static_cast<MessageKind>(2), 1}, &text);
  EXPECT_FALSE(DecodeMessage(text.substr(sizeof(FrameHeader))).ok());
  text.clear();
  AppendClose(1, {1000, std::string(js::kSocketReasonBytesMax + 1, 'r')}, &text);
  EXPECT_FALSE(DecodeClose(text.substr(sizeof(FrameHeader))).ok());
  for (const std::string& payload : {std::string(), std::string(3, '\0'), std::string(64, '\0')}) {
    EXPECT_FALSE(DecodeMessage(payload).ok());
    EXPECT_FALSE(DecodeTaken(payload).ok());
    EXPECT_FALSE(DecodeClose(payload).ok());
  }
}

// No payload, however it is cut or changed, does more than be refused.
TEST(EgressFrameTest, DecodersSurviveEverything) {
  std::string text;
  AppendRequest(1, {.method = "GET", .url = "http://a/", .headers = {{"x", "y"}, {"z", "w"}}, .body = "b"}, &text);
  const std::string payload = text.substr(sizeof(FrameHeader));
  EXPECT_TRUE(DecodeRequest(payload).ok());
  for (size_t cut = 0; cut < payload.size(); ++cut) EXPECT_FALSE(DecodeRequest(payload.substr(0, cut)).ok()) << cut;
  EXPECT_FALSE(DecodeRequest(payload + "x").ok());
  for (size_t at = 0; at < payload.size(); ++at) {
    std::string changed = payload;
    changed[at] = '\xff';
    (void)DecodeRequest(changed).ok();
    (void)DecodeHead(changed).ok();
    (void)DecodeError(changed).ok();
    (void)DecodeMessage(changed).ok();
    (void)DecodeTaken(changed).ok();
    (void)DecodeClose(changed).ok();
  }
}

}  // namespace
}  // namespace zts::ipc
