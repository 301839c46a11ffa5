#include "worker/egress/web_socket_codec.h"

#include <sys/random.h>
#include <wslay/wslay.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/utf8.h"

namespace zts::egress {
namespace {

bool IsControl(uint8_t opcode) { return wslay_is_ctrl_frame(opcode) != 0; }

// Masks are taken from the kernel's randomness, some hundred at a time (RFC 6455 10.3 wants them unforeseeable).
int NewMask(uint8_t* mask, size_t size) {
  static std::array<uint8_t, 1024> pool;
  static size_t used = pool.size();
  if (pool.size() - used < size) {
    for (size_t got = 0; got < pool.size();) {
      const ssize_t more = ::getrandom(pool.data() + got, pool.size() - got, 0);
      if (more < 0 && errno != EINTR) return -1;
      if (more > 0) got += static_cast<size_t>(more);
    }
    used = 0;
  }
  std::memcpy(mask, pool.data() + used, size);
  used += size;
  return 0;
}

// RFC 6455 7.4, and the codes registered since: 1012 to 1014.
bool MayBeSent(uint16_t code) {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

// How long the character is whose first byte this is; 0: it is none's.
size_t CharacterBytes(char first) {
  const auto byte = static_cast<uint8_t>(first);
  if (byte < 0x80) return 1;
  if (byte >= 0xc2 && byte <= 0xdf) return 2;
  if (byte >= 0xe0 && byte <= 0xef) return 3;
  return byte >= 0xf0 && byte <= 0xf4 ? 4 : 0;
}

// How many bytes at the end of `text` begin a character that is not whole.
size_t UnfinishedBytes(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const char at = text[text.size() - back];
    if ((static_cast<uint8_t>(at) & 0xc0) == 0x80) continue;
    return CharacterBytes(at) > back ? back : 0;
  }
  return 0;
}

std::string CloseBody(uint16_t code, std::string_view reason) {
  if (code == js::kSocketNoCode) return {};
  std::string body = {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  return body.append(reason);
}

}  // namespace

bool WebSocketCodec::Utf8::Take(std::string_view bytes) {
  std::string joined;
  if (!rest_.empty()) {
    joined = rest_.append(bytes);
    bytes = joined;
  }
  const size_t unfinished = UnfinishedBytes(bytes);
  rest_ = bytes.substr(bytes.size() - unfinished);
  return ValidateUtf8(bytes.substr(0, bytes.size() - unfinished)).ok();
}

struct WebSocketCodec::Callbacks {
  static ssize_t Read(uint8_t* buffer, size_t size, int, void* self) {
    std::string_view& in = static_cast<WebSocketCodec*>(self)->in_;
    if (in.empty()) return -1;
    const size_t given = std::min(size, in.size());
    std::memcpy(buffer, in.data(), given);
    in.remove_prefix(given);
    return static_cast<ssize_t>(given);
  }
  static ssize_t Write(const uint8_t* data, size_t size, int, void* self) {
    static_cast<WebSocketCodec*>(self)->out_.append(reinterpret_cast<const char*>(data), size);
    return static_cast<ssize_t>(size);
  }
  static int Mask(uint8_t* mask, size_t size, void*) { return NewMask(mask, size); }
};

WebSocketCodec::WebSocketCodec(WebSocketHandler* handler, uint64_t message_bytes_max)
    : handler_(handler), message_bytes_max_(message_bytes_max) {
  const wslay_frame_callbacks callbacks = {&Callbacks::Write, &Callbacks::Read, &Callbacks::Mask};
  ZTS_CHECK(wslay_frame_context_init(&frames_, &callbacks, this) == 0);
}

WebSocketCodec::~WebSocketCodec() { wslay_frame_context_free(frames_); }

// ---- what comes -------------------------------------------------------------------------------------------------------------

void WebSocketCodec::Receive(std::string_view bytes) {
  in_ = bytes;
  while (reads_) {
    wslay_frame_iocb frame{};
    const ssize_t got = wslay_frame_recv(frames_, &frame);
    if (got == WSLAY_ERR_WANT_READ) break;
    if (got < 0) {
      Fail(Failure::kProtocol);
      break;
    }
    if (!in_frame_ && !BeginFrame(frame)) break;
    if (!TakePayload({reinterpret_cast<const char*>(frame.data), static_cast<size_t>(got)})) break;
    frame_left_ -= static_cast<uint64_t>(got);
    if (frame_left_ == 0) EndFrame();
  }
  in_ = {};
}

// RFC 6455 5.2, 5.4. wslay has looked at the lengths, and at the FIN bit of frames of control.
bool WebSocketCodec::BeginFrame(const wslay_frame_iocb& frame) {
  // Extensions are not offered, and a server masks nothing.
  if (frame.rsv != 0 || frame.mask != 0) return Fail(Failure::kProtocol);
  in_frame_ = true;
  opcode_ = frame.opcode;
  final_ = frame.fin != 0;
  frame_left_ = frame.payload_length;
  if (IsControl(opcode_)) {
    control_.clear();
    return opcode_ <= WSLAY_PONG || Fail(Failure::kProtocol);
  }
  const bool continues = opcode_ == WSLAY_CONTINUATION_FRAME;
  if (opcode_ > WSLAY_BINARY_FRAME || continues != in_message_) return Fail(Failure::kProtocol);
  if (!continues) {
    kind_ = opcode_ == WSLAY_TEXT_FRAME ? js::SocketMessage::kText : js::SocketMessage::kBinary;
    in_message_ = true;
    message_bytes_ = 0;
    utf8_.Reset();
  }
  return frame_left_ <= message_bytes_max_ - message_bytes_ || Fail(Failure::kTooLarge);
}

bool WebSocketCodec::TakePayload(std::string_view bytes) {
  if (bytes.empty()) return true;
  if (IsControl(opcode_)) {
    control_.append(bytes);
    return true;
  }
  if (kind_ == js::SocketMessage::kText && !utf8_.Take(bytes)) return Fail(Failure::kText);
  message_bytes_ += bytes.size();
  handler_->OnMessageBytes(bytes);
  return true;
}

void WebSocketCodec::EndFrame() {
  in_frame_ = false;
  switch (opcode_) {
    case WSLAY_PING: return Control(WSLAY_PONG, control_);
    case WSLAY_PONG: return;
    case WSLAY_CONNECTION_CLOSE: return OnCloseFrame();
    default: break;
  }
  if (!final_) return;
  if (kind_ == js::SocketMessage::kText && !utf8_.complete()) {
    Fail(Failure::kText);
    return;
  }
  in_message_ = false;
  handler_->OnMessageEnd(kind_, message_bytes_);
}

void WebSocketCodec::OnCloseFrame() {
  ClosedBy closed;
  if (control_.size() == 1) {
    Fail(Failure::kProtocol);
    return;
  }
  if (!control_.empty()) {
    closed.code = static_cast<uint16_t>(static_cast<uint8_t>(control_[0]) << 8 | static_cast<uint8_t>(control_[1]));
    closed.reason = control_.substr(2);
    if (!MayBeSent(closed.code)) return void(Fail(Failure::kProtocol));
    if (!ValidateUtf8(closed.reason).ok()) return void(Fail(Failure::kText));
  }
  reads_ = false;
  Control(WSLAY_CONNECTION_CLOSE, CloseBody(closed.code, {}));
  closed_by_ = std::move(closed);
}

// RFC 6455 7.1.7. Always false.
bool WebSocketCodec::Fail(Failure failure) {
  failure_ = failure;
  reads_ = false;
  const uint16_t code = failure == Failure::kTooLarge ? WSLAY_CODE_MESSAGE_TOO_BIG
                        : failure == Failure::kText   ? WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA
                                                      : WSLAY_CODE_PROTOCOL_ERROR;
  Control(WSLAY_CONNECTION_CLOSE, CloseBody(code, {}));
  return false;
}

// ---- what goes --------------------------------------------------------------------------------------------------------------

void WebSocketCodec::BeginMessage(js::SocketMessage kind, uint64_t bytes) {
  ZTS_CHECK(missing_ == 0 && !close_begun_);
  sent_kind_ = kind;
  sent_size_ = missing_ = bytes;
  WriteFrame(kind == js::SocketMessage::kText ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, bytes, {});
}

void WebSocketCodec::Append(std::string_view bytes) {
  ZTS_CHECK(bytes.size() <= missing_);
  if (bytes.empty()) return;
  WriteFrame(sent_kind_ == js::SocketMessage::kText ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, sent_size_, bytes);
  missing_ -= bytes.size();
  if (missing_ == 0) WriteHeld();
}

void WebSocketCodec::Close(uint16_t code, std::string_view reason) { Control(WSLAY_CONNECTION_CLOSE, CloseBody(code, reason)); }

void WebSocketCodec::Ping() { Control(WSLAY_PING, {}); }

// A part of a frame of `size` bytes; its header in front of the first.
void WebSocketCodec::WriteFrame(uint8_t opcode, uint64_t size, std::string_view bytes) {
  wslay_frame_iocb frame{};
  frame.fin = 1;
  frame.opcode = opcode;
  frame.payload_length = size;
  frame.mask = 1;
  frame.data = reinterpret_cast<const uint8_t*>(bytes.data());
  frame.data_length = bytes.size();
  // Writing into memory takes all; only a kernel without randomness could refuse.
  ZTS_CHECK(wslay_frame_send(frames_, &frame) == static_cast<ssize_t>(bytes.size()));
}

void WebSocketCodec::Control(uint8_t opcode, std::string payload) {
  if (close_begun_) return;
  switch (opcode) {
    case WSLAY_CONNECTION_CLOSE:
      close_begun_ = true;
      held_close_ = std::move(payload);
      break;
    case WSLAY_PONG: held_pong_ = std::move(payload); break;
    default: held_ping_ = true;
  }
  if (missing_ == 0) WriteHeld();
}

void WebSocketCodec::WriteHeld() {
  if (const auto pong = std::exchange(held_pong_, {})) WriteFrame(WSLAY_PONG, pong->size(), *pong);
  if (std::exchange(held_ping_, false)) WriteFrame(WSLAY_PING, 0, {});
  if (const auto close = std::exchange(held_close_, {})) {
    WriteFrame(WSLAY_CONNECTION_CLOSE, close->size(), *close);
    close_sent_ = true;
  }
}

}  // namespace zts::egress
