// What a shard that has the clients and a shard of another class's engine say to each other: frames over a Unix stream socket, one socket
// a pair of shards.
//
//   front -> class   kRequest, kBody... for what did not fit into it, or for a body that streams, with kBodyEnd or kBodyFailed;
//                    kCredit for bytes of a streamed answer that were taken; kPeerFinished, kCancel
//   class -> front   kBegan, perhaps kCold; then kAnswer, with kData... for what did not fit into it, or for a stream, which kEnd ends; or
//                    kFailure. kBodyWanted, kBodyTaken, kBodyDropped of a body that streams; kColdTimes right before an answer
//
// Requests are named by the front's tickets, never twice on one socket. A name means nothing after kCancel, kFailure, kEnd, or a whole
// answer whose body is over: what still comes for it is dropped by both sides. Whoever sends bytes of a stream has room for them at the
// other end: kBodyWindowBytes of a request, kStreamBufferBytes of an answer (worker/engine/limits.h), more as they are taken.
//
// Neither end trusts the other: functions of others run in it. What is malformed ends the socket, and nothing else. An answer's fields are
// checked again here, since what is written to a client's connection stands beside others' answers.
//
// Thread:   values.
// Limits:   kClassFrameBytesMax a frame; kWholeRequestBytesMax and kWholeAnswerBytesMax of what is gathered.
// Errors:   Decode functions refuse what the other end should never send.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/header_field.h"
#include "base/peer_address.h"
#include "base/result.h"
#include "jsruntime/outcome.h"
#include "worker/ipc/frame.h"
#include "worker/ipc/shared_counters.h"

namespace zts::ipc {

enum class ClassFrameType : uint8_t {
  kRequest = 1, kBody, kBodyEnd, kBodyFailed, kPeerFinished, kCredit, kCancel,
  kBegan, kCold, kColdTimes, kAnswer, kData, kEnd, kFailure, kBodyWanted, kBodyTaken, kBodyDropped,
};

// A head of either kind (64 KiB at most, and 8 bytes a field) with the first piece of its body.
inline constexpr size_t kClassFrameBytesMax = 192 * 1024;
// One frame of body bytes: what a socket takes at once.
inline constexpr size_t kClassPieceBytesMax = 32 * 1024;
// A body that came whole with its head: all that a shard receives in one pass (kRecvBufferCount buffers), twice.
inline constexpr size_t kWholeRequestBytesMax = size_t{8} << 20;
// As kResponseBodyBytesMax.
inline constexpr size_t kWholeAnswerBytesMax = size_t{64} << 20;
// As kResponseHeadBytesMax: an answer with more is refused where it is made.
inline constexpr size_t kAnswerHeadBytesMax = 64 * 1024;
inline constexpr size_t kAnswerFieldsMax = 4096;

struct ClassFrameRules {
  using Type = ClassFrameType;
  static constexpr size_t kBytesMax = kClassFrameBytesMax;
  static constexpr Type kLast = ClassFrameType::kBodyDropped;
};
using ClassFrameReader = FrameReaderOf<ClassFrameRules>;

struct ClassRequest {
  uint64_t version_id = 0;
  bool streams = false;      // more of its body comes as it arrives; then there is none here
  std::string_view method;
  std::string_view scheme;
  std::string_view authority;
  std::string_view target;
  std::string_view request_id;
  PeerAddress peer;
  std::span<const HeaderField> headers;
  uint64_t body_bytes = 0;   // of a body that is whole
  std::string_view body;     // its first piece; the rest follows
  std::vector<HeaderField> fields;  // where a decoded one's headers are
};

struct ClassAnswer {
  enum class Form : uint8_t { kWhole, kStream, kOmitted } form = Form::kWhole;  // as js::ResponseView::Form
  uint16_t status = 0;       // 200..599
  std::optional<uint64_t> declared_length;
  std::span<const HeaderField> headers;
  uint64_t body_bytes = 0;
  std::string_view body;
  std::vector<HeaderField> fields;
};

struct ClassOutcome {
  js::OutcomeKind kind = js::OutcomeKind::kOk;
  std::string_view message;
};

struct ClassColdTimes {
  ColdKind kind = {};
  std::array<Nanos, kColdPhases> phases{};
};

// Append a whole frame, or several where there is more of a body than fits into one. REQUIRES: within the limits above.
void AppendClassRequest(uint64_t ticket, const ClassRequest& request, std::string* out);
void AppendClassAnswer(uint64_t ticket, const ClassAnswer& answer, std::string* out);
// kEnd or kFailure.
void AppendClassOutcome(ClassFrameType type, uint64_t ticket, const ClassOutcome& outcome, std::string* out);
void AppendClassColdTimes(uint64_t ticket, const ClassColdTimes& times, std::string* out);
// kCredit or kBodyTaken.
void AppendClassCount(ClassFrameType type, uint64_t ticket, uint32_t bytes, std::string* out);
// kBody or kData; longer ones become several frames.
void AppendClassBytes(ClassFrameType type, uint64_t ticket, std::string_view bytes, std::string* out);
// kBodyFailed, with a sentence why.
void AppendClassText(ClassFrameType type, uint64_t ticket, std::string_view text, std::string* out);
// All that carry nothing.
void AppendClassSignal(ClassFrameType type, uint64_t ticket, std::string* out);

// Views into the frame's bytes.
Result<ClassRequest> DecodeClassRequest(std::string_view payload);
Result<ClassAnswer> DecodeClassAnswer(std::string_view payload);
Result<ClassOutcome> DecodeClassOutcome(std::string_view payload);
Result<ClassColdTimes> DecodeClassColdTimes(std::string_view payload);
Result<uint32_t> DecodeClassCount(std::string_view payload);
Result<std::string_view> DecodeClassText(std::string_view payload);

}  // namespace zts::ipc
