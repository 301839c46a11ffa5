#include "worker/egress/web_socket_codec.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace zts::egress {
namespace {

using Failure = WebSocketCodec::Failure;
using js::SocketMessage;

enum Opcode : uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

std::string Length(uint64_t size, uint8_t mask_bit) {
  std::string out;
  const auto byte = [&out](uint64_t value) { out += static_cast<char>(value & 0xff); };
  if (size < 126) {
    byte(mask_bit | size);
  } else if (size < 65536) {
    byte(mask_bit | 126);
    for (int shift = 8; shift >= 0; shift -= 8) byte(size >> shift);
  } else {
    byte(mask_bit | 127);
    for (int shift = 56; shift >= 0; shift -= 8) byte(size >> shift);
  }
  return out;
}

// A frame as a server sends it.
std::string Frame(uint8_t opcode, std::string_view payload, bool fin = true, uint8_t rsv = 0) {
  std::string out(1, static_cast<char>((fin ? 0x80 : 0) | rsv << 4 | opcode));
  return out.append(Length(payload.size(), 0)).append(payload);
}

std::string CloseFrame(uint16_t code, std::string_view reason = "") {
  const char both[] = {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  return Frame(kClose, std::string(both, 2).append(reason));
}

// What a client's frames say, as "opcode:payload;"; each must be masked and final.
std::string Unmask(std::string_view bytes) {
  std::string out;
  while (bytes.size() >= 6) {
    const auto at = [&bytes](size_t i) { return static_cast<uint8_t>(bytes[i]); };
    EXPECT_EQ(at(0) & 0xf0, 0x80);
    EXPECT_EQ(at(1) & 0x80, 0x80) << "a client's frame is masked";
    uint64_t size = at(1) & 0x7f;
    size_t header = 2;
    const size_t extra = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (extra > 0) size = 0;
    for (size_t i = 0; i < extra; ++i) size = size << 8 | at(header++);
    const std::string_view mask = bytes.substr(header, 4);
    header += 4;
    if (bytes.size() < header + size) return out + "cut";
    out += std::to_string(at(0) & 0xf) + ":";
    for (size_t i = 0; i < size; ++i) out += static_cast<char>(bytes[header + i] ^ mask[i % 4]);
    out += ";";
    bytes.remove_prefix(header + size);
  }
  return bytes.empty() ? out : out + "cut";
}

// What a codec made of a server's bytes.
struct Heard final : WebSocketHandler {
  std::string log;      // "text:...;" and the like
  std::string partial;
  void OnMessageBytes(std::string_view bytes) override { partial.append(bytes); }
  void OnMessageEnd(SocketMessage kind, uint64_t bytes) override {
    EXPECT_EQ(bytes, partial.size());
    log += (kind == SocketMessage::kText ? "text:" : "binary:") + std::exchange(partial, "") + ";";
  }
};

constexpr uint64_t kMax = 1000;

// All that can be seen of it, however the bytes come.
std::string Summary(const Heard& heard, WebSocketCodec& codec) {
  std::string out = heard.log + " sends " + Unmask(codec.out());
  if (codec.closed_by()) out += " closed " + std::to_string(codec.closed_by()->code) + " " + codec.closed_by()->reason;
  if (codec.failure()) out += " failed " + std::to_string(static_cast<int>(*codec.failure()));
  return out;
}

std::string ReceiveIn(std::string_view bytes, size_t step) {
  Heard heard;
  WebSocketCodec codec(&heard, kMax);
  for (size_t at = 0; at < bytes.size(); at += step) codec.Receive(std::string(bytes.substr(at, step)));
  return Summary(heard, codec);
}

// The same whole, byte by byte and at every cut.
std::string Receive(const std::string& bytes) {
  const std::string whole = ReceiveIn(bytes, bytes.size());
  EXPECT_EQ(ReceiveIn(bytes, 1), whole);
  for (size_t cut = 0; cut <= bytes.size() && bytes.size() < 4000; ++cut) {
    Heard heard;
    WebSocketCodec codec(&heard, kMax);
    codec.Receive(bytes.substr(0, cut));
    codec.Receive(bytes.substr(cut));
    EXPECT_EQ(Summary(heard, codec), whole) << "cut at " << cut;
  }
  return whole;
}

TEST(WebSocketCodecTest, ReceivesMessagesWholeAndInFragments) {
  EXPECT_EQ(Receive(Frame(kText, "hello") + Frame(kBinary, "") + Frame(kText, "h\xc3\xa9")), "text:hello;binary:;text:h\xc3\xa9; sends ");
  EXPECT_EQ(Receive(Frame(kBinary, "ab", false) + Frame(kContinuation, "", false) + Frame(kContinuation, "c") + Frame(kText, "d")),
            "binary:abc;text:d; sends ");
  EXPECT_EQ(Receive(Frame(kText, "\xf0\x9f\x98\x80\xe4\xbd\xa0x")), "text:\xf0\x9f\x98\x80\xe4\xbd\xa0x; sends ");
  // A letter of two bytes across two fragments.
  EXPECT_EQ(Receive(Frame(kText, "\xc3", false) + Frame(kContinuation, "\xa9")), "text:\xc3\xa9; sends ");
  const std::string long_one(300, 'l');
  EXPECT_EQ(Receive(Frame(kText, long_one)), "text:" + long_one + "; sends ");
}

TEST(WebSocketCodecTest, AnswersPingsAlsoBetweenFragments) {
  const std::string ping_in_message = Frame(kText, "a", false) + Frame(kPing, "") + Frame(kPong, "unasked") + Frame(kContinuation, "b");
  EXPECT_EQ(Receive(Frame(kPing, "one") + ping_in_message), "text:ab; sends 10:one;10:;");
}

TEST(WebSocketCodecTest, AnswersACloseFrameAndReadsNoMore) {
  EXPECT_EQ(Receive(CloseFrame(1000, "bye") + Frame(kText, "late")), " sends 8:\x03\xe8; closed 1000 bye");
  EXPECT_EQ(Receive(Frame(kClose, "")), " sends 8:; closed 1005 ");
  EXPECT_EQ(Receive(CloseFrame(1000, "\xc3\xa9\xe4\xbd\xa0")), " sends 8:\x03\xe8; closed 1000 \xc3\xa9\xe4\xbd\xa0");
  // Codes of the applications, and those that were registered after the standard.
  for (const uint16_t code : {1001, 1003, 1011, 1012, 1013, 1014, 3000, 4999}) {
    EXPECT_NE(Receive(CloseFrame(code)).find(" closed " + std::to_string(code)), std::string::npos) << code;
  }
}

TEST(WebSocketCodecTest, FailsWhatBreaksTheProtocol) {
  const std::string broken[] = {
      Frame(kText, "x", true, 4),                        // a reserved bit
      Frame(3, "x"), Frame(11, "x"),                     // unknown opcodes
      Frame(kContinuation, "x"),                         // of nothing
      Frame(kText, "a", false) + Frame(kText, "b"),      // a message in a message
      Frame(kPing, "x", false), Frame(kPing, std::string(126, 'x')),
      Frame(kClose, "x"), CloseFrame(999), CloseFrame(1005), CloseFrame(1006), CloseFrame(1015), CloseFrame(2999), CloseFrame(5000),
      std::string("\x81\x81mask!", 7),                   // a server masks nothing
      std::string("\x82\x7e\x00\x05hello", 9),           // a length longer than it need be
      std::string("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10),
  };
  for (const std::string& bytes : broken) {
    const std::string seen = Receive(bytes);
    EXPECT_NE(seen.find(" failed " + std::to_string(static_cast<int>(Failure::kProtocol))), std::string::npos) << seen;
    EXPECT_NE(seen.find("sends 8:"), std::string::npos) << "a close frame says so: " << seen;
    EXPECT_EQ(seen.find("text:"), std::string::npos) << seen;
  }
}

TEST(WebSocketCodecTest, FailsTextsThatAreNotUtf8) {
  for (const std::string& bytes : {Frame(kText, "\xff"), Frame(kText, "\xc3"), Frame(kText, "\xed\xa0\x80"), Frame(kText, "\xe4\xbdx"),
                                   Frame(kText, "\xf0\x9f\x98", false) + Frame(kContinuation, "\x80\x80"), Frame(kText, "\x80"),
                                   CloseFrame(1000, "\xff"), CloseFrame(1000, "x\xc3")}) {
    const std::string seen = Receive(bytes);
    EXPECT_NE(seen.find("sends 8:\x03\xef; failed " + std::to_string(static_cast<int>(Failure::kText))), std::string::npos) << seen;
  }
}

TEST(WebSocketCodecTest, FailsMessagesThatAreTooLarge) {
  const std::string fits(kMax, 'x');
  EXPECT_EQ(Receive(Frame(kBinary, fits)), "binary:" + fits + "; sends ");
  EXPECT_EQ(Receive(Frame(kBinary, std::string(kMax - 1, 'x'), false) + Frame(kContinuation, "x")), "binary:" + fits + "; sends ");
  const std::string too_large = " sends 8:\x03\xf1; failed " + std::to_string(static_cast<int>(Failure::kTooLarge));
  EXPECT_EQ(Receive(Frame(kBinary, fits + "x")), too_large);
  EXPECT_EQ(Receive(Frame(kText, std::string(kMax, 'x'), false) + Frame(kContinuation, "x")), too_large);
  // By its first byte.
  EXPECT_EQ(Receive(Frame(kBinary, std::string(70000, 'x')).substr(0, 11)), too_large);
}

TEST(WebSocketCodecTest, SendsMessagesAsOneFrameEach) {
  Heard heard;
  WebSocketCodec codec(&heard, kMax);
  codec.BeginMessage(SocketMessage::kText, 5);
  codec.Append("he");
  codec.Append("");
  codec.Append("llo");
  codec.BeginMessage(SocketMessage::kBinary, 0);
  for (const size_t size : {125u, 126u, 65535u, 65536u, 200000u}) {
    codec.BeginMessage(SocketMessage::kBinary, size);
    for (size_t at = 0; at < size; at += 5000) codec.Append(std::string(std::min<size_t>(5000, size - at), 'b'));
    EXPECT_EQ(codec.missing(), 0u);
  }
  std::string expected = "1:hello;2:;";
  for (const size_t size : {125u, 126u, 65535u, 65536u, 200000u}) expected += "2:" + std::string(size, 'b') + ";";
  EXPECT_EQ(Unmask(codec.out()), expected);
}

TEST(WebSocketCodecTest, NothingComesInsideOfAMessagesFrame) {
  Heard heard;
  WebSocketCodec codec(&heard, kMax);
  codec.BeginMessage(SocketMessage::kText, 4);
  codec.Append("ab");
  const size_t before = codec.out().size();
  for (int i = 0; i <= 1000; ++i) codec.Receive(Frame(kPing, std::to_string(i)));
  codec.Close(1000, "");
  EXPECT_EQ(codec.out().size(), before);
  EXPECT_FALSE(codec.close_sent());
  codec.Append("cd");
  EXPECT_EQ(Unmask(codec.out()), "1:abcd;10:1000;8:\x03\xe8;");
  EXPECT_TRUE(codec.close_sent());
}

TEST(WebSocketCodecTest, ClosesBehindItsMessages) {
  Heard heard;
  WebSocketCodec codec(&heard, kMax);
  codec.BeginMessage(SocketMessage::kText, 1);
  codec.Append("a");
  codec.Close(4000, "done");
  EXPECT_TRUE(codec.close_sent());
  EXPECT_EQ(Unmask(codec.out()), "1:a;8:\x0f\xa0" "done;");
  // The server's answer needs none, and what it had sent before is still a message.
  codec.Receive(Frame(kText, "before") + Frame(kPing, "p") + CloseFrame(4000, "done"));
  EXPECT_EQ(Summary(heard, codec), "text:before; sends 1:a;8:\x0f\xa0" "done; closed 4000 done");
}

TEST(WebSocketCodecTest, ClosesWithoutACode) {
  Heard heard;
  WebSocketCodec codec(&heard, kMax);
  codec.Close(js::kSocketNoCode, "");
  EXPECT_EQ(Unmask(codec.out()), "8:;");
}

TEST(WebSocketCodecTest, MasksDiffer) {
  Heard heard;
  WebSocketCodec codec(&heard, kMax);
  codec.Ping();
  codec.Ping();
  ASSERT_EQ(codec.out().size(), 12u);
  EXPECT_NE(codec.out().substr(2, 4), codec.out().substr(8, 4));
}

}  // namespace
}  // namespace zts::egress
