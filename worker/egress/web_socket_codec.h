// The frames of a WebSocket, of the client's side: a server's bytes in, messages out, and the other way. The door to wslay, which reads and
// writes the frames; what they mean together is looked at here.
//
//   Receive(bytes)   the handler is told of the pieces of messages and of their ends; pings are answered, a close frame too
//   BeginMessage(kind, bytes), Append...   a message of ours as one frame, which may be sent piece by piece
//   Close(code, reason)                    our close frame, behind the message under way
//
// What is to be sent to the server gathers in out(). Frames of control never come inside of a message's frame: they wait for its end, and
// of pings only the last is answered then (RFC 6455 5.5.3).
//
// Owner:    WebSocket, one.
// Thread:   the egress process's only one.
// Life:     the handler outlives it, and does not destroy it while it is told.
// Limits:   a message that it receives: `message_bytes_max`.
// Errors:   failure(): what RFC 6455 7.1.7 wants a connection failed for. The close frame that says so is in out(), or waits as others do;
//           nothing is read any more.
// Sources:  RFC 6455 5 to 7, 8.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "jsruntime/fetch.h"

struct wslay_frame_context;
struct wslay_frame_iocb;

namespace zts::egress {

class WebSocketHandler {
 public:
  virtual ~WebSocketHandler() = default;
  virtual void OnMessageBytes(std::string_view bytes) = 0;
  // All of a message has been told; texts are UTF-8.
  virtual void OnMessageEnd(js::SocketMessage kind, uint64_t bytes) = 0;
};

class WebSocketCodec {
 public:
  enum class Failure : uint8_t { kProtocol, kText, kTooLarge };
  struct ClosedBy {
    uint16_t code = js::kSocketNoCode;
    std::string reason;
  };

  WebSocketCodec(WebSocketHandler* handler, uint64_t message_bytes_max);
  ~WebSocketCodec();
  WebSocketCodec(const WebSocketCodec&) = delete;

  // Looks at all of it, unless something ends the reading: a close frame, or a failure.
  void Receive(std::string_view bytes);

  // REQUIRES: the message before is whole, and Close was not called.
  void BeginMessage(js::SocketMessage kind, uint64_t bytes);
  // REQUIRES: no more than is missing.
  void Append(std::string_view bytes);
  uint64_t missing() const { return missing_; }
  // js::kSocketNoCode: a frame without a code. REQUIRES: the reason is within js::kSocketReasonBytesMax.
  void Close(uint16_t code, std::string_view reason);
  void Ping();

  std::string& out() { return out_; }

  bool close_sent() const { return close_sent_; }  // our close frame is in out(), or was
  // The server's close frame.
  const std::optional<ClosedBy>& closed_by() const { return closed_by_; }
  std::optional<Failure> failure() const { return failure_; }

 private:
  struct Callbacks;
  // UTF-8 that comes in pieces.
  class Utf8 {
   public:
    // False: no continuation makes it UTF-8.
    bool Take(std::string_view bytes);
    bool complete() const { return rest_.empty(); }
    void Reset() { rest_.clear(); }

   private:
    std::string rest_;  // a character that is not whole
  };

  bool BeginFrame(const wslay_frame_iocb& frame);
  bool TakePayload(std::string_view bytes);
  void EndFrame();
  void OnCloseFrame();
  bool Fail(Failure failure);

  void WriteFrame(uint8_t opcode, uint64_t size, std::string_view bytes);
  // Frames of control, as soon as no message is under way.
  void Control(uint8_t opcode, std::string payload);
  void WriteHeld();

  WebSocketHandler* const handler_;
  const uint64_t message_bytes_max_;
  wslay_frame_context* frames_ = nullptr;
  std::string_view in_;         // of Receive, not read yet
  std::string out_;
  bool reads_ = true;
  std::optional<ClosedBy> closed_by_;
  std::optional<Failure> failure_;

  // The frame and the message that arrive.
  bool in_frame_ = false;
  uint8_t opcode_ = 0;
  bool final_ = false;
  uint64_t frame_left_ = 0;
  std::string control_;         // the payload of a frame of control
  bool in_message_ = false;
  js::SocketMessage kind_ = js::SocketMessage::kText;
  uint64_t message_bytes_ = 0;
  Utf8 utf8_;

  // The message that is sent.
  js::SocketMessage sent_kind_ = js::SocketMessage::kText;
  uint64_t sent_size_ = 0;
  uint64_t missing_ = 0;        // of it
  // Frames of control that wait for its end.
  std::optional<std::string> held_pong_, held_close_;
  bool held_ping_ = false;
  bool close_begun_ = false;    // nothing follows the close frame, which may be held
  bool close_sent_ = false;
};

}  // namespace zts::egress
