// What a shard and the egress process say to each other: frames over a Unix stream socket, one socket a shard.
//
//   shard  -> egress   kRequest, then kBody... and kBodyEnd for a body that did not come whole with it; kCredit, kCancel
//   egress -> shard    kHead, kData..., kEnd; or kError at any time. kCredit and kRewind for the request's body
//
// Streams are named by the shard, never twice on one socket. After kEnd, kError or kCancel the name means nothing: what still comes for it
// is dropped by both sides. Whoever sends body bytes has been given credit for them: kWindowBytes from the start in each direction, more
// by kCredit. kRewind asks for the request's body again from its first byte, with a fresh window (a redirect that repeats the request).
//
// A WebSocket is a request of the body kSocket. Behind its head there are messages:
//
//   shard  -> egress   kMessage, then kBody... with its bytes; kClose behind the last message; kTaken, kCancel
//   egress -> shard    kData..., and kMessage behind the last byte of each message; kTaken; kClose at its end, or kError at any time
//
// Each side may have sent kWindowBytes and kWindowMessages that the other has not taken. Behind kClose the shard sends no message and the
// egress process nothing.
//
// The egress process trusts no shard: what is malformed ends the socket, and nothing else.
//
// Thread:   values.
// Limits:   kFrameBytesMax a frame, kWindowBytes a stream and direction.
// Errors:   Reader and Decode functions refuse what the other end should never send.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/header_field.h"
#include "base/result.h"
#include "jsruntime/fetch.h"
#include "worker/ipc/frame.h"

namespace zts::ipc {

enum class FrameType : uint8_t {
  kRequest = 1, kBody, kBodyEnd, kCredit, kCancel, kHead, kData, kEnd, kError, kRewind, kMessage, kTaken, kClose
};

// A request's head with URL and fields, and the first piece of its body.
inline constexpr size_t kFrameBytesMax = 192 * 1024;
static_assert(kFrameBytesMax >= js::kFetchHeadBytesMax + js::kFetchWholeBodyBytesMax + 16 * 1024);
// One frame of body bytes: what a socket takes at once.
inline constexpr size_t kDataFrameBytesMax = 32 * 1024;
inline constexpr uint32_t kWindowBytes = js::kFetchWindowBytes;
inline constexpr uint32_t kWindowMessages = js::kSocketWindowMessages;
// Of a response: status text and fields together.
inline constexpr size_t kResponseHeadBytesMax = 64 * 1024;

using FetchResult = js::FetchResult;
using Redirect = js::FetchRedirect;
using BodyKind = js::FetchBody;
using MessageKind = js::SocketMessage;

struct RequestFrame {
  uint64_t version_id = 0;  // which function's policy holds
  Redirect redirect = Redirect::kFollow;
  BodyKind body_kind = BodyKind::kNone;
  uint64_t body_bytes = 0;  // of a kRewindable body
  std::string_view method;
  std::string_view url;     // absolute, http or https, as the WHATWG URL standard serialises it
  std::vector<HeaderField> headers;
  std::string_view body;    // of kWhole
};

struct HeadFrame {
  uint16_t status = 0;
  bool redirected = false;
  std::string_view url;     // of the last request, without fragment
  std::string_view status_text;
  std::vector<HeaderField> headers;  // lower-case names
};

struct ErrorFrame {
  FetchResult result = FetchResult::kProtocol;
  std::string_view message;
};

struct MessageFrame {
  MessageKind kind = MessageKind::kText;
  uint64_t bytes = 0;  // of the whole message
};

struct TakenFrame {
  uint32_t bytes = 0;
  uint32_t messages = 0;
};

struct CloseFrame {
  uint16_t code = js::kSocketNoCode;
  std::string_view reason;
};

// Append a whole frame. REQUIRES: within the limits above.
void AppendRequest(uint64_t stream, const RequestFrame& request, std::string* out);
void AppendHead(uint64_t stream, const HeadFrame& head, std::string* out);
void AppendError(uint64_t stream, const ErrorFrame& error, std::string* out);
void AppendCredit(uint64_t stream, uint32_t bytes, std::string* out);
void AppendMessage(uint64_t stream, const MessageFrame& message, std::string* out);
void AppendTaken(uint64_t stream, const TakenFrame& taken, std::string* out);
void AppendClose(uint64_t stream, const CloseFrame& close, std::string* out);
// kBody or kData; longer ones become several frames.
void AppendBytes(FrameType type, uint64_t stream, std::string_view bytes, std::string* out);
// kBodyEnd, kCancel, kEnd, kRewind.
void AppendSignal(FrameType type, uint64_t stream, std::string* out);

// Views into the frame's bytes.
Result<RequestFrame> DecodeRequest(std::string_view payload);
Result<HeadFrame> DecodeHead(std::string_view payload);
Result<ErrorFrame> DecodeError(std::string_view payload);
Result<uint32_t> DecodeCredit(std::string_view payload);
Result<MessageFrame> DecodeMessage(std::string_view payload);
Result<TakenFrame> DecodeTaken(std::string_view payload);
// The reason is within kSocketReasonBytesMax.
Result<CloseFrame> DecodeClose(std::string_view payload);

struct EgressFrameRules {
  using Type = FrameType;
  static constexpr size_t kBytesMax = kFrameBytesMax;
  static constexpr Type kLast = FrameType::kClose;
};
using FrameHeader = FrameHeaderOf<FrameType>;
using FrameReader = FrameReaderOf<EgressFrameRules>;

}  // namespace zts::ipc
