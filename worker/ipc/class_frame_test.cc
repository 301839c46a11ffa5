#include "worker/ipc/class_frame.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace zts::ipc {
namespace {

using Type = ClassFrameType;

const std::vector<HeaderField> kFields = {{"a", "1"}, {"b", ""}};

// Everything that can be said, and how it reads once it has come through.
std::string Conversation() {
  std::string out;
  AppendClassRequest(7,
                     {.version_id = 12,
                      .streams = false,
                      .method = "POST",
                      .scheme = "http",
                      .authority = "h",
                      .target = "/a?b",
                      .request_id = "id",
                      .peer = {.bytes = {10, 0, 0, 7}, .size = 4, .port = 4711},
                      .headers = kFields,
                      .body_bytes = kClassPieceBytesMax + 2,
                      .body = std::string(kClassPieceBytesMax + 2, 'q')},
                     &out);
  AppendClassCount(Type::kCredit, 7, 4096, &out);
  AppendClassText(Type::kBodyFailed, 8, "gone", &out);
  AppendClassSignal(Type::kPeerFinished, 9, &out);
  AppendClassAnswer(9, {.form = ClassAnswer::Form::kStream, .status = 201, .declared_length = 5, .headers = kFields}, &out);
  AppendClassBytes(Type::kData, 9, "hello", &out);
  AppendClassOutcome(Type::kEnd, 9, {}, &out);
  AppendClassOutcome(Type::kFailure, 10, {js::OutcomeKind::kCpuLimit, "too long"}, &out);
  ClassColdTimes times{.kind = ColdKind::kSnapshot};
  times.phases[2] = 77;
  AppendClassColdTimes(11, times, &out);
  return out;
}

std::string Show(const ClassFrameReader::Frame& frame) {
  std::string text = std::to_string(frame.header.stream) + ":";
  const auto fields = [&](std::span<const HeaderField> all) {
    for (const HeaderField& field : all) text.append(" ").append(field.name).append("=").append(field.value);
  };
  switch (frame.header.type) {
    case Type::kRequest: {
      const auto request = DecodeClassRequest(frame.payload);
      if (!request.ok()) return "broken";
      for (const std::string_view part : {request->method, request->scheme, request->authority, request->target, request->request_id}) {
        text.append(part).append(" ");
      }
      fields(request->headers);
      char address[PeerAddress::kTextBytesMax + 1];
      text.append(" ").append(request->peer.Text(address)).append(" ").append(std::to_string(request->peer.port));
      return text + " v" + std::to_string(request->version_id) + " " + std::to_string(request->body.size()) + "/" +
             std::to_string(request->body_bytes);
    }
    case Type::kAnswer: {
      const auto answer = DecodeClassAnswer(frame.payload);
      if (!answer.ok()) return "broken";
      text += std::to_string(answer->status) + " of " + std::to_string(answer->declared_length.value_or(0));
      fields(answer->headers);
      return text;
    }
    case Type::kEnd:
    case Type::kFailure: {
      const auto outcome = DecodeClassOutcome(frame.payload);
      return text + std::string(js::OutcomeName(outcome->kind)) + " " + std::string(outcome->message);
    }
    case Type::kColdTimes: return text + std::to_string(DecodeClassColdTimes(frame.payload)->phases[2]);
    case Type::kCredit: return text + "+" + std::to_string(*DecodeClassCount(frame.payload));
    case Type::kBodyFailed: return text + std::string(*DecodeClassText(frame.payload));
    default: return text + std::to_string(static_cast<int>(frame.header.type)) + "/" + std::to_string(frame.payload.size());
  }
}

const std::vector<std::string> kExpected = {"7:POST http h /a?b id  a=1 b= 10.0.0.7 4711 v12 " + std::to_string(kClassPieceBytesMax) + "/" +
                                                std::to_string(kClassPieceBytesMax + 2),
                                            "7:2/2",
                                            "7:+4096",
                                            "8:gone",
                                            "9:5/0",
                                            "9:201 of 5 a=1 b=",
                                            "9:12/5",
                                            "9:ok ",
                                            "10:cpu-limit too long",
                                            "11:77"};

std::vector<std::string> ReadIn(const std::string& text, size_t step) {
  ClassFrameReader reader;
  std::vector<std::string> shown;
  for (size_t at = 0; at < text.size(); at += step) {
    const Status fed = reader.Feed(std::string_view(text).substr(at, step), [&](const ClassFrameReader::Frame& frame) -> Status {
      shown.push_back(Show(frame));
      return {};
    });
    EXPECT_TRUE(fed.ok());
  }
  return shown;
}

TEST(ClassFrameTest, WholeAndInPieces) {
  const std::string text = Conversation();
  EXPECT_EQ(ReadIn(text, text.size()), kExpected);
  for (const size_t step : {size_t{1}, size_t{7}, size_t{16}, size_t{4096}}) EXPECT_EQ(ReadIn(text, step), kExpected) << step;
}

TEST(ClassFrameTest, AtEveryCutOfAShortOne) {
  std::string text;
  AppendClassRequest(1, {.method = "GET", .target = "/", .headers = kFields}, &text);
  AppendClassAnswer(1, {.status = 200, .headers = kFields, .body_bytes = 2, .body = "ok"}, &text);
  AppendClassSignal(Type::kCancel, 1, &text);
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    ClassFrameReader reader;
    std::vector<std::string> shown;
    const auto show = [&](const ClassFrameReader::Frame& frame) -> Status {
      shown.push_back(Show(frame));
      return {};
    };
    EXPECT_TRUE(reader.Feed(text.substr(0, cut), show).ok());
    EXPECT_TRUE(reader.Feed(text.substr(cut), show).ok());
    EXPECT_EQ(shown.size(), 3u) << cut;
    for (const std::string& one : shown) EXPECT_NE(one, "broken") << cut;
  }
}

TEST(ClassFrameTest, RefusesAnAddressOfNoFamily) {
  for (const uint8_t bytes : {0, 1, 4, 5, 15, 16}) {
    std::string text;
    AppendClassRequest(1, {.method = "GET", .target = "/", .peer = {.size = bytes, .port = 1}}, &text);
    const auto read = DecodeClassRequest(std::string_view(text).substr(sizeof(FrameHeaderOf<Type>)));
    const bool is_one = bytes == 0 || bytes == 4 || bytes == 16;
    EXPECT_EQ(read.ok(), is_one) << static_cast<int>(bytes);
    EXPECT_EQ(read.ok() ? read->peer.size : bytes, bytes);
  }
}

TEST(ClassFrameTest, RefusesWhatIsBroken) {
  const auto none = [](const ClassFrameReader::Frame&) -> Status { return {}; };
  const auto reads = [&](uint32_t bytes, int type) {
    const FrameHeaderOf<Type> header{bytes, static_cast<Type>(type), 0, 0, 1};
    return ClassFrameReader().Feed({reinterpret_cast<const char*>(&header), sizeof header}, none).ok();
  };
  EXPECT_TRUE(reads(kClassFrameBytesMax, 1));
  EXPECT_FALSE(reads(kClassFrameBytesMax + 1, 1));
  EXPECT_FALSE(reads(0, 0));
  EXPECT_TRUE(reads(0, static_cast<int>(Type::kBodyDropped)));
  EXPECT_FALSE(reads(0, static_cast<int>(Type::kBodyDropped) + 1));
}

bool AnswerReads(const ClassAnswer& answer) {
  std::string text;
  AppendClassAnswer(1, answer, &text);
  return DecodeClassAnswer(std::string_view(text).substr(sizeof(RawFrameHeader))).ok();
}

// An engine that somebody has taken over cannot write into other functions' connections.
TEST(ClassFrameTest, AnAnswersHeadIsCheckedAgain) {
  EXPECT_TRUE(AnswerReads({.status = 200, .headers = kFields}));
  for (const uint16_t status : {uint16_t{0}, uint16_t{101}, uint16_t{199}, uint16_t{600}}) {
    EXPECT_FALSE(AnswerReads({.status = status})) << status;
  }
  const std::string_view nul("a\0b", 3);
  const std::vector<HeaderField> bad = {{"a", "1\r\nb: 2"}, {"a", "1\n"}, {"a", nul}, {"a b", "1"}, {"", "1"}, {"A", "1"},
                                        {"transfer-encoding", "chunked"}, {"content-length", "7"}, {"connection", "close"}};
  for (const HeaderField& field : bad) {
    EXPECT_FALSE(AnswerReads({.status = 200, .headers = {&field, 1}})) << field.name << ": " << field.value;
  }
  EXPECT_FALSE(AnswerReads({.form = ClassAnswer::Form::kStream, .status = 200, .body_bytes = 1, .body = "x"}));
  EXPECT_FALSE(AnswerReads({.status = 200, .body_bytes = kWholeAnswerBytesMax + 1}));
  EXPECT_FALSE(AnswerReads({.status = 200, .body_bytes = 1, .body = "xy"}));
}

TEST(ClassFrameTest, ARequestsBodyIsWholeOrStreams) {
  const auto reads = [](const ClassRequest& request) {
    std::string text;
    AppendClassRequest(1, request, &text);
    return DecodeClassRequest(std::string_view(text).substr(sizeof(RawFrameHeader))).ok();
  };
  EXPECT_TRUE(reads({.method = "GET", .body_bytes = 3, .body = "abc"}));
  EXPECT_FALSE(reads({.streams = true, .method = "GET", .body_bytes = 3, .body = "abc"}));
  EXPECT_FALSE(reads({.method = "GET", .body_bytes = kWholeRequestBytesMax + 1}));
  EXPECT_FALSE(reads({.method = "GET", .body_bytes = 2, .body = "abc"}));
}

// No payload, however it is cut or changed, does more than be refused.
TEST(ClassFrameTest, DecodersSurviveEverything) {
  std::string request, answer;
  AppendClassRequest(1, {.method = "GET", .target = "/", .headers = kFields, .body_bytes = 1, .body = "b"}, &request);
  AppendClassAnswer(1, {.status = 200, .headers = kFields, .body_bytes = 1, .body = "b"}, &answer);
  for (const std::string& text : {request, answer}) {
    const std::string payload = text.substr(sizeof(RawFrameHeader));
    const bool is_request = &text == &request || text == request;
    for (size_t cut = 0; cut < payload.size(); ++cut) {
      const std::string part = payload.substr(0, cut);
      EXPECT_FALSE(is_request ? DecodeClassRequest(part).ok() : DecodeClassAnswer(part).ok()) << cut;
    }
    for (size_t at = 0; at < payload.size(); ++at) {
      std::string changed = payload;
      changed[at] = '\xff';
      (void)DecodeClassRequest(changed).ok();
      (void)DecodeClassAnswer(changed).ok();
      (void)DecodeClassOutcome(changed).ok();
      (void)DecodeClassColdTimes(changed).ok();
      (void)DecodeClassCount(changed).ok();
      (void)DecodeClassText(changed).ok();
    }
  }
}

}  // namespace
}  // namespace zts::ipc
