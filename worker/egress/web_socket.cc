#include "worker/egress/web_socket.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "worker/egress/field_rules.h"
#include "worker/egress/limits.h"

namespace zts::egress {
namespace {

using ipc::FetchResult;
using ipc::FrameType;

constexpr size_t kReadMax = static_cast<size_t>(kReadBytes);
// Reads and writes in a turn of one connection: the others wait.
constexpr int kRoundsPerTurn = 32;

// What a function may close with (WebSockets Standard, close()).
bool IsFunctionsCode(uint16_t code) { return code == 1000 || code == js::kSocketNoCode || (code >= 3000 && code <= 4999); }
constexpr uint16_t kGoingAway = 1001;

}  // namespace

WebSocket::WebSocket(StreamHost* host, const StreamSettings* settings, std::shared_ptr<const Function> function, uint64_t stream)
    : host_(host), settings_(settings), stream_(stream), easy_(curl_easy_init()), destination_(settings, std::move(function)),
      codec_(this, js::kSocketMessageBytesMax) {
  ZTS_CHECK(easy_ != nullptr);
}

WebSocket::~WebSocket() {
  settings_->sockets->SetAlarm(this, 0);
  if (fd_ >= 0) settings_->sockets->Unwatch(fd_);
  if (in_multi_) settings_->sockets->multi().Remove(easy_);
  curl_easy_cleanup(easy_);
  if (counted_) settings_->sockets->GiveBack(destination_.host_name());
}

// ---- the beginning ----------------------------------------------------------------------------------------------------------

void WebSocket::Start(const ipc::RequestFrame& request) {
  std::string protocols;
  for (const HeaderField& field : request.headers) {
    const bool known = Lower(field.name) == "sec-websocket-protocol" && IsFieldValue(field.value);
    if (!known) return FailWith({FetchResult::kProtocol, "the request is not well-formed"});
    protocols = field.value;
  }
  if (std::optional<Fail> fail = destination_.Read(request.url)) return FailWith(std::move(*fail));
  counted_ = settings_->sockets->Take(destination_.host_name());
  if (!counted_) {
    return FailWith({FetchResult::kLimit, "too many WebSockets at once on this machine, or to " + destination_.host_name()});
  }
  handshake_ = std::make_unique<WebSocketHandshake>(std::move(protocols));
  sending_ = handshake_->Request(destination_.authority(), destination_.path_and_query());
  destination_.SetUp(easy_);
  curl_easy_setopt(easy_, CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  alarm_ = settings_->clock->Now() + kUpgradeTimeout;
  settings_->sockets->SetAlarm(this, alarm_);
  in_multi_ = true;
  settings_->sockets->multi().Add(easy_, this);
}

void WebSocket::OnTransferDone(CURLcode result) {
  if (result != CURLE_OK) {
    in_multi_ = false;
    return FailWith(destination_.Describe(result));
  }
  curl_socket_t fd = CURL_SOCKET_BAD;
  const bool there = curl_easy_getinfo(easy_, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK && fd != CURL_SOCKET_BAD;
  if (!there || !settings_->sockets->Watch(fd, this)) {
    return FailWith({FetchResult::kConnect, "the connection with " + destination_.host_name() + " cannot be watched"});
  }
  fd_ = fd;
  state_ = State::kUpgrading;
  Advance();
}

size_t WebSocket::TakeHandshake(std::string_view bytes) {
  const WebSocketHandshake::Step step = handshake_->Take(bytes);
  if (step.state == WebSocketHandshake::State::kMore) return bytes.size();
  if (step.state == WebSocketHandshake::State::kRefused) {
    FailWith(handshake_->fail());
    return bytes.size();
  }
  ipc::HeadFrame head;
  const std::string url = destination_.url();
  head.status = 101;
  head.url = url;
  for (const auto& [name, value] : handshake_->fields()) head.headers.push_back({name, value});
  ipc::AppendHead(stream_, head, &host_->out());
  handshake_.reset();
  state_ = State::kOpen;
  alarm_ = settings_->clock->Now() + kSilenceMax;
  settings_->sockets->SetAlarm(this, alarm_);
  return step.used;
}

// ---- the shard's frames -----------------------------------------------------------------------------------------------------

Status WebSocket::OnFrame(const ipc::FrameReader::Frame& frame) {
  // It has heard of the head, or it speaks nonsense.
  if (state_ == State::kConnecting || state_ == State::kUpgrading) return NoFrameOfThisStream();
  switch (frame.header.type) {
    case FrameType::kMessage: {
      ZTS_ASSIGN_OR_RETURN(const ipc::MessageFrame message, ipc::DecodeMessage(frame.payload));
      return OnMessage(message);
    }
    case FrameType::kBody: return OnBody(frame.payload);
    case FrameType::kTaken: {
      ZTS_ASSIGN_OR_RETURN(const ipc::TakenFrame taken, ipc::DecodeTaken(frame.payload));
      return OnTaken(taken);
    }
    case FrameType::kClose: {
      ZTS_ASSIGN_OR_RETURN(const ipc::CloseFrame close, ipc::DecodeClose(frame.payload));
      return OnClose(close);
    }
    default: return NoFrameOfThisStream();
  }
}

Status WebSocket::OnMessage(const ipc::MessageFrame& message) {
  if (closing_ || message_left_ > 0 || window_.messages == 0) return Error{ErrorCode::kCorrupt, "a message out of turn"};
  --window_.messages;
  ++waiting_part_.messages;
  message_left_ = message.bytes;
  // What is sent while the server closes goes nowhere.
  if (state_ == State::kOpen) codec_.BeginMessage(message.kind, message.bytes);
  if (message.bytes == 0) Advance();
  return {};
}

Status WebSocket::OnBody(std::string_view bytes) {
  if (bytes.size() > message_left_ || bytes.size() > window_.bytes) return Error{ErrorCode::kCorrupt, "more of a message than there is"};
  message_left_ -= bytes.size();
  window_.bytes -= static_cast<uint32_t>(bytes.size());
  waiting_part_.bytes += static_cast<uint32_t>(bytes.size());
  if (codec_.missing() > 0) codec_.Append(bytes);
  Advance();
  return {};
}

Status WebSocket::OnTaken(const ipc::TakenFrame& taken) {
  room_bytes_ = std::min<uint64_t>(room_bytes_ + taken.bytes, ipc::kWindowBytes);
  room_messages_ = std::min<uint64_t>(room_messages_ + taken.messages, ipc::kWindowMessages);
  Advance();
  return {};
}

Status WebSocket::OnClose(const ipc::CloseFrame& close) {
  if (closing_ || message_left_ > 0 || !IsFunctionsCode(close.code)) return Error{ErrorCode::kCorrupt, "a close out of turn"};
  closing_ = true;
  if (state_ != State::kOpen) return {};
  codec_.Close(close.code, close.reason);
  alarm_ = settings_->clock->Now() + kCloseTimeout;
  settings_->sockets->SetAlarm(this, alarm_);
  Advance();
  return {};
}

void WebSocket::OnCancel() {
  if (state_ != State::kOpen || closing_) return;
  codec_.Close(kGoingAway, {});
  // The kernel's room for it is all that it gets.
  while (Write()) {
  }
}

// ---- the socket -------------------------------------------------------------------------------------------------------------

void WebSocket::Advance() {
  if (fd_ < 0) return;
  for (int round = 0; state_ != State::kOver; ++round) {
    if (round == kRoundsPerTurn) {
      again_ = true;
      return settings_->sockets->SetAlarm(this, settings_->clock->Now() + 1);
    }
    const bool wrote = Write();
    if (state_ == State::kOver) return;
    if (!Read() && !wrote) return;
  }
}

size_t WebSocket::RoomToRead() const {
  if (state_ != State::kOpen) return kReadMax;
  if (sending_control_ + waiting_control_ > kControlBytesMax) return 0;
  if (closing_) return kReadMax;
  // A message takes two bytes at least, and none is larger than its frames.
  return static_cast<size_t>(std::min({uint64_t{kReadMax}, room_bytes_, 2 * room_messages_}));
}

// Whether something came.
bool WebSocket::Read() {
  const size_t room = RoomToRead();
  if (room == 0) return false;
  char space[kReadMax];
  size_t got = 0;
  const CURLcode result = curl_easy_recv(easy_, space, room, &got);
  if (result == CURLE_AGAIN) return false;
  if (result != CURLE_OK || got == 0) {
    OnPeerGone(result);
    return false;
  }
  heard_ = settings_->clock->Now();
  pinged_ = false;
  TakeBytes({space, got});
  return true;
}

void WebSocket::TakeBytes(std::string_view bytes) {
  if (state_ == State::kUpgrading) bytes.remove_prefix(TakeHandshake(bytes));
  if (state_ != State::kOpen || bytes.empty()) return;
  const size_t before = codec_.out().size();
  codec_.Receive(bytes);
  waiting_control_ += codec_.out().size() - before;
  LookAtCodec();
}

// Whether something went.
bool WebSocket::Write() {
  if (sent_ == sending_.size()) {
    if (sending_part_.bytes + sending_part_.messages > 0) {
      ipc::AppendTaken(stream_, {sending_part_.bytes, sending_part_.messages}, &host_->out());
      window_.bytes += sending_part_.bytes;
      window_.messages += sending_part_.messages;
    }
    sending_part_ = std::exchange(waiting_part_, {});
    sending_control_ = std::exchange(waiting_control_, 0);
    sending_.clear();
    sent_ = 0;
    sending_.swap(codec_.out());
    if (sending_.empty()) return sending_part_.bytes + sending_part_.messages > 0;
  }
  size_t sent = 0;
  // libcurl wants what it has refused again, from the same address.
  const CURLcode result = curl_easy_send(easy_, sending_.data() + sent_, sending_.size() - sent_, &sent);
  if (result == CURLE_AGAIN) return false;
  if (result != CURLE_OK) {
    OnPeerGone(result);
    return false;
  }
  sent_ += sent;
  return true;
}

void WebSocket::OnPeerGone(CURLcode result) {
  const std::string& host = destination_.host_name();
  if (state_ == State::kLingering) return Finish();
  if (state_ == State::kOver) return;
  const std::string how = result == CURLE_OK ? "ended" : "broke off";
  if (state_ == State::kUpgrading) {
    return FailWith({FetchResult::kProtocol, "the connection with " + host + " " + how + " before the server had answered"});
  }
  FailWith({FetchResult::kProtocol, "the connection with " + host + " " + how + " without a close frame"});
}

void WebSocket::OnAlarm() {
  const Nanos now = settings_->clock->Now();
  const bool again = std::exchange(again_, false);
  if (now < alarm_) {
    settings_->sockets->SetAlarm(this, alarm_);
  } else {
    OnDue(now);
  }
  if (again) Advance();
}

void WebSocket::OnDue(Nanos now) {
  switch (state_) {
    case State::kConnecting:
    case State::kUpgrading:
      return FailWith({FetchResult::kTimeout, "no answer to the WebSocket's handshake in time from " + destination_.origin()});
    case State::kOpen:
      if (!closing_) return OnSilence(now);
      return FailWith({FetchResult::kTimeout, "the server has not answered the close frame in time"});
    case State::kLingering: return Finish();
    case State::kOver: return;
  }
}

void WebSocket::OnSilence(Nanos now) {
  if (RoomToRead() == 0) heard_ = now;  // it may have said much that nobody has taken yet
  const bool silent = now - heard_ >= kSilenceMax;
  if (silent && pinged_) {
    return FailWith({FetchResult::kTimeout, "the server has been silent for " + std::to_string(2 * kSilenceMax / kSecond) +
                                                " seconds, and does not answer a ping"});
  }
  alarm_ = (silent ? now : heard_) + kSilenceMax;
  settings_->sockets->SetAlarm(this, alarm_);
  if (!silent) return;
  pinged_ = true;
  codec_.Ping();
  Advance();
}

// ---- the server's frames ----------------------------------------------------------------------------------------------------

void WebSocket::OnMessageBytes(std::string_view bytes) {
  if (closing_) return;
  ipc::AppendBytes(FrameType::kData, stream_, bytes, &host_->out());
  room_bytes_ -= std::min<uint64_t>(room_bytes_, bytes.size());
}

void WebSocket::OnMessageEnd(js::SocketMessage kind, uint64_t bytes) {
  if (closing_) return;
  ipc::AppendMessage(stream_, {kind, bytes}, &host_->out());
  room_messages_ -= std::min<uint64_t>(room_messages_, 1);
}

void WebSocket::LookAtCodec() {
  if (const auto failure = codec_.failure()) {
    switch (*failure) {
      case WebSocketCodec::Failure::kTooLarge:
        fail_ = Fail{FetchResult::kLimit, "a message is larger than " + std::to_string(js::kSocketMessageBytesMax >> 20) + " MiB"};
        break;
      case WebSocketCodec::Failure::kText: fail_ = Fail{FetchResult::kProtocol, "the server sent a text that is not UTF-8"}; break;
      case WebSocketCodec::Failure::kProtocol: fail_ = Fail{FetchResult::kProtocol, "the server broke the WebSocket protocol"}; break;
    }
  }
  if (codec_.failure() || codec_.closed_by()) Linger();
}

// ---- the end ----------------------------------------------------------------------------------------------------------------

// What still comes is dropped. A connection that is given up with bytes unread takes our close frame along.
void WebSocket::Linger() {
  state_ = State::kLingering;
  alarm_ = settings_->clock->Now() + kLingerTimeout;
  settings_->sockets->SetAlarm(this, alarm_);
}

void WebSocket::Finish() {
  if (fail_) return FailWith(std::move(*fail_));
  ipc::AppendClose(stream_, {codec_.closed_by()->code, codec_.closed_by()->reason}, &host_->out());
  Over();
}

void WebSocket::FailWith(Fail fail) {
  ipc::AppendError(stream_, {fail.result, fail.message}, &host_->out());
  Over();
}

void WebSocket::Over() {
  state_ = State::kOver;
  host_->OnStreamOver(stream_);
}

}  // namespace zts::egress
