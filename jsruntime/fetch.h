// Outgoing requests between an isolate and its engine, free of V8's headers and of whoever makes them.
//
//   isolate -> FetchDoor   Start, SendBody..., FinishBody; ReadMore as bytes are taken; Cancel
//   engine  -> isolate     Isolate::OnFetch with one FetchEvent a call: head, data..., end; or an error at any time
//
// Bodies are bounded both ways: the isolate sends what it has credit for (kFetchWindowBytes at first, then kWritable), and is sent what it
// has asked for (the same, then ReadMore).
//
// A WebSocket begins as a request of the body kSocket. Its head comes when the server has switched; from there on it is messages:
//
//   isolate -> FetchDoor   SendMessage, then SendBody... with its bytes; CloseSocket behind the last; MessagesTaken
//   engine  -> isolate     data... and kMessage behind the last byte of each; kTaken; kClosed at the end, or an error at any time
//
// Whoever sends has room for kFetchWindowBytes and kSocketWindowMessages that the other side has not taken.
//
// Thread:   the isolate's.
// Limits:   Limits::subrequests_max and subrequests_at_once, enforced by the isolate; kFetchWindowBytes a body; kSocket... of a WebSocket.
// Errors:   a FetchResult; its name is `error.code` in JavaScript and the label of the metric.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/header_field.h"

namespace zts::js {

// Names one outgoing request; never given twice by an engine. 0: none.
using FetchId = uint64_t;

// What may be on its way of one body: a LAN's bandwidth at a millisecond, and 50 requests of a function at once are 12 MiB.
inline constexpr uint32_t kFetchWindowBytes = 256 * 1024;
// A body up to here goes out with the request's head.
inline constexpr size_t kFetchWholeBodyBytesMax = 64 * 1024;
// Method, URL and fields of a request together.
inline constexpr size_t kFetchHeadBytesMax = 64 * 1024;
inline constexpr size_t kFetchFieldsMax = 200;
// Messages that may be on their way: small ones cost some 100 bytes each beside their own.
inline constexpr uint32_t kSocketWindowMessages = 1024;
// A message that a WebSocket receives: the function has it whole in its memory, and twice while a text is made of it.
inline constexpr size_t kSocketMessageBytesMax = size_t{16} << 20;
// What a function has sent and the server has not taken yet; what does not fit ends the WebSocket, as the standard has it.
inline constexpr size_t kSocketBufferedBytesMax = size_t{32} << 20;
// Of a close frame (RFC 6455 5.5, without the code).
inline constexpr size_t kSocketReasonBytesMax = 123;
// A close frame without a code (RFC 6455 7.1.5).
inline constexpr uint16_t kSocketNoCode = 1005;

enum class FetchRedirect : uint8_t { kFollow, kError, kManual };

// How the request's body comes.
enum class FetchBody : uint8_t {
  kNone,
  kWhole,       // with the request
  kRewindable,  // of known length, piece by piece; can be asked for again
  kStream,      // of unknown length, piece by piece; once
  kSocket,      // none: a WebSocket
};

enum class SocketMessage : uint8_t { kText, kBinary };

struct FetchRequest {
  std::string_view method;
  std::string_view url;  // absolute, http or https, as the WHATWG URL standard serialises it
  std::span<const HeaderField> headers;
  FetchRedirect redirect = FetchRedirect::kFollow;
  FetchBody body_kind = FetchBody::kNone;
  uint64_t body_bytes = 0;  // of kRewindable
  std::string_view body;    // of kWhole
};

// How an outgoing request ended.
enum class FetchResult : uint8_t {
  kOk,
  kPolicy,       // the address is not one the function may reach
  kLimit,        // a limit of the platform or of the function
  kResolve,      // the name has no address
  kConnect,      // nobody answers there
  kTls,          // no trust, no common protocol
  kTimeout,
  kProtocol,     // the peer broke off, or what it sent is not HTTP
  kRedirect,     // too many, or not allowed
  kCanceled,     // by the function, or with its invocation
  kUnavailable,  // whoever makes the requests is away
};
inline constexpr int kFetchResults = 11;
// "ok", "egress-policy", "limit", "dns", "connect", ...
std::string_view FetchResultName(FetchResult result);

struct FetchHead {
  int status = 0;
  bool redirected = false;
  std::string_view url;
  std::string_view status_text;
  std::span<const HeaderField> headers;  // lower-case names
};

// Views are valid during the call.
struct FetchEvent {
  enum class Kind : uint8_t { kHead, kData, kEnd, kError, kWritable, kRewind, kMessage, kTaken, kClosed };
  Kind kind;
  const FetchHead* head = nullptr;           // kHead
  std::string_view bytes;                    // kData; the message of kError; the reason of kClosed
  FetchResult result = FetchResult::kOk;     // kError
  uint32_t credit = 0;                       // kWritable, kTaken: bytes
  uint32_t messages = 0;                     // kTaken
  SocketMessage message = SocketMessage::kText;  // kMessage
  uint16_t close_code = 0;                   // kClosed: as the server's close frame has it, or kSocketNoCode
};

// What an isolate asks of its engine.
class FetchDoor {
 public:
  virtual ~FetchDoor() = default;
  // 0: requests cannot be made now. No event comes before it returns.
  virtual FetchId Start(const FetchRequest& request) = 0;
  // REQUIRES for all: the request is under way, that is neither kEnd nor kError has come nor Cancel been called.
  virtual void SendBody(FetchId id, std::string_view bytes) = 0;
  virtual void FinishBody(FetchId id) = 0;
  // The answer to kRewind: what is sent from here on is the body from its start.
  virtual void Rewound(FetchId id) = 0;
  virtual void ReadMore(FetchId id, uint32_t bytes) = 0;
  virtual void Cancel(FetchId id) = 0;
  // Of a WebSocket that is open. `bytes` follow by SendBody, all of them before the next message.
  virtual void SendMessage(FetchId id, SocketMessage kind, uint64_t bytes) = 0;
  // The last of it; kSocketNoCode: a close frame without a code. kClosed follows when the server agrees.
  virtual void CloseSocket(FetchId id, uint16_t code, std::string_view reason) = 0;
  virtual void MessagesTaken(FetchId id, uint32_t bytes, uint32_t messages) = 0;
};

}  // namespace zts::js
