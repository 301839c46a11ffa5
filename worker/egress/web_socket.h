// One WebSocket of a function: connected by libcurl, agreed on by a handshake, then messages both ways until it is closed.
//
//   kConnecting -> kUpgrading -> kOpen -> kLingering -> over     or an error at any point
//
// libcurl resolves the name, connects (asking the policy) and does TLS (CURLOPT_CONNECT_ONLY); from then on it carries bytes. The
// server is read only as far as the shard has room for what may come of it, so that nothing is held here but what goes to the server, which
// is bounded by the shard's window. When the close frames have been exchanged, the server is given a moment to end the connection.
//
// Owner:    ShardLink, one a stream.
// Thread:   the egress process's only one.
// Life:     as stream.h says. It ends with kClose or kError.
// Limits:   kWebSocketsMax, kWebSocketsPerHostMax; kSocketMessageBytesMax of a message that comes; the windows of ipc/egress_frame.h.
// Errors:   as stream.h says.
// Sources:  RFC 6455 7; WebSockets Standard.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "worker/egress/destination.h"
#include "worker/egress/socket_set.h"
#include "worker/egress/stream.h"
#include "worker/egress/web_socket_codec.h"
#include "worker/egress/web_socket_handshake.h"
#include "worker/ipc/egress_frame.h"

namespace zts::egress {

class WebSocket final : public Stream, private Transfer, private SocketUser, private WebSocketHandler {
 public:
  WebSocket(StreamHost* host, const StreamSettings* settings, std::shared_ptr<const Function> function, uint64_t stream);
  ~WebSocket() override;

  void Start(const ipc::RequestFrame& request) override;
  Status OnFrame(const ipc::FrameReader::Frame& frame) override;
  // Says to the server that its client goes away (1001), as far as its socket takes it at once.
  void OnCancel() override;

 private:
  enum class State : uint8_t { kConnecting, kUpgrading, kOpen, kLingering, kOver };
  // Of the shard's window, or of what it has given up of it.
  struct Part {
    uint32_t bytes = 0;
    uint32_t messages = 0;
  };

  // --- from the shard ---
  Status OnMessage(const ipc::MessageFrame& message);
  Status OnBody(std::string_view bytes);
  Status OnTaken(const ipc::TakenFrame& taken);
  Status OnClose(const ipc::CloseFrame& close);

  // --- from libcurl and the socket ---
  void OnTransferDone(CURLcode result) override;
  bool keeps_connection() const override { return true; }
  void OnSocket() override { Advance(); }
  void OnAlarm() override;
  void OnDue(Nanos now);
  void OnSilence(Nanos now);
  // Reads and writes until neither goes on.
  void Advance();
  bool Read();
  size_t RoomToRead() const;
  bool Write();
  void TakeBytes(std::string_view bytes);
  size_t TakeHandshake(std::string_view bytes);
  void OnPeerGone(CURLcode result);

  // --- from the frames ---
  void OnMessageBytes(std::string_view bytes) override;
  void OnMessageEnd(js::SocketMessage kind, uint64_t bytes) override;
  void LookAtCodec();

  // --- the end ---
  void Linger();
  void Finish();
  void FailWith(Fail fail);
  void Over();

  StreamHost* const host_;
  const StreamSettings* const settings_;
  const uint64_t stream_;
  CURL* easy_;
  Destination destination_;
  State state_ = State::kConnecting;
  bool counted_ = false;   // by the set
  bool in_multi_ = false;
  int fd_ = -1;            // watched
  bool again_ = false;     // the alarm is for Advance

  std::unique_ptr<WebSocketHandshake> handshake_;
  WebSocketCodec codec_;
  std::optional<Fail> fail_;  // told when it has lingered
  bool closing_ = false;      // the function has closed it
  Nanos alarm_ = 0;
  Nanos heard_ = 0;           // when something came last
  bool pinged_ = false;       // since then

  // To the server: bytes that libcurl may be in the middle of, and behind them codec_.out(). With each, what is the shard's of it, and how
  // much is frames of control.
  std::string sending_;
  size_t sent_ = 0;
  Part sending_part_, waiting_part_;
  size_t sending_control_ = 0, waiting_control_ = 0;
  Part window_{ipc::kWindowBytes, ipc::kWindowMessages};  // the shard may still send
  uint64_t message_left_ = 0;                             // of the message it sends

  // To the shard: room that it has left.
  uint64_t room_bytes_ = ipc::kWindowBytes;
  uint64_t room_messages_ = ipc::kWindowMessages;
};

}  // namespace zts::egress
