#include "worker/egress/exchange.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "worker/egress/field_rules.h"
#include "worker/egress/limits.h"

namespace zts::egress {
namespace {

using ipc::BodyKind;
using ipc::FetchResult;
using ipc::FrameType;

constexpr std::string_view kUserAgent = "zts";
constexpr char kCodings[] = "gzip, deflate, br";
// What belongs to a connection is ours to say, or nobody's (RFC 9110 7.6.1); what frames the body is libcurl's.
constexpr std::string_view kOurs[] = {"host",    "connection", "keep-alive", "proxy-connection", "transfer-encoding",   "te",
                                      "trailer", "upgrade",    "expect",     "content-length",   "proxy-authorization", "http2-settings"};
// Fetch standard, "request-body-header name".
constexpr std::string_view kOfBody[] = {"content-encoding", "content-language", "content-location", "content-type"};
constexpr std::string_view kSecrets[] = {"authorization", "cookie"};

}  // namespace

Exchange::Exchange(StreamHost* host, const StreamSettings* settings, std::shared_ptr<const Function> function, uint64_t stream)
    : host_(host), settings_(settings), stream_(stream), easy_(curl_easy_init()), destination_(settings, std::move(function)),
      lines_(nullptr, &curl_slist_free_all) {
  ZTS_CHECK(easy_ != nullptr);
}

Exchange::~Exchange() {
  if (running_) settings_->multi->Remove(easy_);
  curl_easy_cleanup(easy_);
}

// ---- the request ------------------------------------------------------------------------------------------------------------

void Exchange::Start(const ipc::RequestFrame& request) {
  deadline_ = settings_->clock->Now() + kTotalTimeout;
  if (!TakeRequest(request)) return FailWith(FetchResult::kProtocol, "the request is not well-formed");
  if (const std::optional<Fail> fail = destination_.Read(request.url)) return FailWith(fail->result, fail->message);
  StartHop();
}

Status Exchange::OnFrame(const ipc::FrameReader::Frame& frame) {
  switch (frame.header.type) {
    case FrameType::kBody: return OnBody(frame.payload);
    case FrameType::kBodyEnd: return OnBodyEnd();
    case FrameType::kRewind: return OnRewound();
    case FrameType::kCredit: {
      ZTS_ASSIGN_OR_RETURN(const uint32_t bytes, ipc::DecodeCredit(frame.payload));
      return OnCredit(bytes);
    }
    default: return NoFrameOfThisStream();
  }
}

// Nothing of it is trusted: what would be something else on the wire than here is refused.
bool Exchange::TakeRequest(const ipc::RequestFrame& request) {
  method_ = request.method;
  redirect_ = request.redirect;
  body_kind_ = request.body_kind;
  body_bytes_ = body_kind_ == BodyKind::kWhole ? request.body.size() : request.body_bytes;
  body_ = request.body;
  body_ended_ = body_kind_ == BodyKind::kWhole;
  if (!IsToken(method_) || method_ == "CONNECT" || method_ == "TRACE") return false;
  for (const HeaderField& field : request.headers) {
    if (!IsToken(field.name) || !IsFieldValue(field.value)) return false;
    std::string name = Lower(field.name);
    if (IsOneOf(name, kOurs)) continue;
    fields_.emplace_back(std::move(name), std::string(field.value));
  }
  return true;
}

void Exchange::StartHop() {
  response_ = Response::kHead;
  recv_paused_ = send_paused_ = false;
  curl_easy_reset(easy_);
  SetUrl();
  SetRequest();
  SetBody();
  SetLimits();
  running_ = true;
  settings_->multi->Add(easy_, this);
}

void Exchange::SetUrl() {
  destination_.SetUp(easy_);
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &Exchange::OnHeaderLine);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &Exchange::OnData);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
}

void Exchange::SetRequest() {
  curl_slist* lines = nullptr;
  accept_encoding_ = kCodings;
  bool has_agent = false, has_type = false;
  for (const auto& [name, value] : fields_) {
    if (name == "accept-encoding") {
      accept_encoding_ = value;
      continue;
    }
    has_agent |= name == "user-agent";
    has_type |= name == "content-type";
    // A field without a value is written with a semicolon for libcurl, which would leave it out otherwise.
    lines = curl_slist_append(lines, (value.empty() ? name + ";" : name + ": " + value).c_str());
  }
  // What libcurl would add by itself.
  lines = curl_slist_append(lines, "expect:");
  if (!has_type) lines = curl_slist_append(lines, "content-type:");
  if (!has_agent) curl_easy_setopt(easy_, CURLOPT_USERAGENT, std::string(kUserAgent).c_str());
  lines_.reset(lines);
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, lines_.get());
  curl_easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, accept_encoding_.c_str());
}

void Exchange::SetBody() {
  if (body_kind_ == BodyKind::kNone) {
    if (method_ == "HEAD") {
      curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
    } else if (method_ == "POST" || method_ == "PUT") {
      // Fetch standard, HTTP-network-or-cache fetch: these say that there is nothing.
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, "");
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(0));
    } else {
      curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
    }
    if (method_ != "HEAD" && method_ != "GET") curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, method_.c_str());
    return;
  }
  curl_easy_setopt(easy_, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, method_.c_str());
  curl_easy_setopt(easy_, CURLOPT_READFUNCTION, &Exchange::OnRead);
  curl_easy_setopt(easy_, CURLOPT_READDATA, this);
  curl_easy_setopt(easy_, CURLOPT_SEEKFUNCTION, &Exchange::OnSeek);
  curl_easy_setopt(easy_, CURLOPT_SEEKDATA, this);
  const bool known = body_kind_ != BodyKind::kStream;
  curl_easy_setopt(easy_, CURLOPT_INFILESIZE_LARGE, known ? static_cast<curl_off_t>(body_bytes_) : static_cast<curl_off_t>(-1));
  body_at_ = 0;
  body_sent_ = 0;
}

void Exchange::SetLimits() {
  const Nanos left = std::max<Nanos>(deadline_ - settings_->clock->Now(), kMillisecond);
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(left / kMillisecond));
  curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_TIME, static_cast<long>(kIdleTimeout / kSecond));
  curl_easy_setopt(easy_, CURLOPT_MAXAGE_CONN, static_cast<long>(kIdleConnectionAge / kSecond));
  curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE, kReadBytes);
}

// ---- the request's body -----------------------------------------------------------------------------------------------------

Status Exchange::OnBody(std::string_view bytes) {
  if (rewinding_) return {};
  if (body_kind_ != BodyKind::kRewindable && body_kind_ != BodyKind::kStream) return {};  // dropped by a redirect
  if (body_ended_ || bytes.size() > window_) return Error{ErrorCode::kCorrupt, "more body than the window"};
  window_ -= static_cast<uint32_t>(bytes.size());
  body_.append(bytes);
  UpdatePause();
  return {};
}

Status Exchange::OnBodyEnd() {
  if (rewinding_ || body_kind_ == BodyKind::kNone) return {};
  body_ended_ = true;
  UpdatePause();
  return {};
}

Status Exchange::OnRewound() {
  if (!rewinding_) return Error{ErrorCode::kCorrupt, "a rewind nobody asked for"};
  rewinding_ = false;
  return {};
}

size_t Exchange::OnRead(char* out, size_t size, size_t count, void* self) {
  auto* exchange = static_cast<Exchange*>(self);
  exchange->in_callback_ = true;
  const size_t given = exchange->GiveBody(out, size * count);
  exchange->in_callback_ = false;
  return given;
}

size_t Exchange::GiveBody(char* out, size_t room) {
  const size_t there = body_.size() - body_at_;
  if (there == 0) {
    if (body_ended_ && (body_kind_ == BodyKind::kStream || body_sent_ == body_bytes_)) return 0;
    if (body_ended_) return CURL_READFUNC_ABORT;  // shorter than was said
    send_paused_ = true;
    return CURL_READFUNC_PAUSE;
  }
  const size_t given = std::min(there, room);
  std::memcpy(out, body_.data() + body_at_, given);
  body_at_ += given;
  body_sent_ += given;
  if (body_kind_ == BodyKind::kWhole) return given;
  if (body_at_ == body_.size()) {
    body_.clear();
    body_at_ = 0;
  }
  window_ += static_cast<uint32_t>(given);
  credit_owed_ += static_cast<uint32_t>(given);
  if (credit_owed_ >= ipc::kWindowBytes / 4) ipc::AppendCredit(stream_, std::exchange(credit_owed_, 0), &host_->out());
  return given;
}

// libcurl repeats a request on a new connection when a pooled one turns out to be dead.
int Exchange::OnSeek(void* self, curl_off_t offset, int origin) {
  auto* exchange = static_cast<Exchange*>(self);
  if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  if (exchange->body_kind_ != BodyKind::kWhole) return exchange->body_sent_ == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
  exchange->body_at_ = 0;
  exchange->body_sent_ = 0;
  return CURL_SEEKFUNC_OK;
}

// ---- the response -----------------------------------------------------------------------------------------------------------

size_t Exchange::OnHeaderLine(char* data, size_t size, size_t count, void* self) {
  return static_cast<Exchange*>(self)->TakeHeaderLine({data, size * count}) ? size * count : 0;
}

bool Exchange::TakeHeaderLine(std::string_view line) {
  if (response_ != Response::kHead) return true;  // a trailer
  head_bytes_ += line.size();
  if (line.starts_with("HTTP/")) {
    response_fields_.clear();
    head_bytes_ = line.size();
    const size_t blank = std::min(line.find(' '), line.size());
    const std::string_view rest = Trim(line.substr(blank));
    status_ = ParseInteger<int>(rest.substr(0, 3)).value_or(0);
    status_text_ = rest.size() > 4 ? rest.substr(4) : std::string_view();
    return true;
  }
  if (head_bytes_ > ipc::kResponseHeadBytesMax || response_fields_.size() >= kResponseFieldsMax) {
    fail_ = std::make_unique<Fail>(Fail{FetchResult::kLimit, "the response's headers are larger than " +
                                                                 std::to_string(ipc::kResponseHeadBytesMax / 1024) + " KiB or more than " +
                                                                 std::to_string(kResponseFieldsMax)});
    return false;
  }
  const std::string_view text = Trim(line);
  if (text.empty()) return TakeHead();
  if ((line.front() == ' ' || line.front() == '\t') && !response_fields_.empty()) {
    response_fields_.back().second.append(" ").append(text);  // RFC 9112 5.2
    return true;
  }
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || !IsToken(text.substr(0, colon))) return true;  // no field
  response_fields_.emplace_back(Lower(text.substr(0, colon)), std::string(Trim(text.substr(colon + 1))));
  return true;
}

bool Exchange::TakeHead() {
  if (status_ >= 100 && status_ < 200) return status_ != 101;  // more heads follow
  if (status_ < 200 || status_ > 599) {
    fail_ = std::make_unique<Fail>(Fail{FetchResult::kProtocol, "the response has the status " + std::to_string(status_)});
    return false;
  }
  const bool is_redirect = status_ == 301 || status_ == 302 || status_ == 303 || status_ == 307 || status_ == 308;
  if (is_redirect && redirect_ == ipc::Redirect::kError) {
    fail_ = std::make_unique<Fail>(Fail{FetchResult::kRedirect, "the response is a redirect, and redirect is \"error\""});
    return false;
  }
  const bool has_location = std::any_of(response_fields_.begin(), response_fields_.end(),
                                        [](const auto& field) { return field.first == "location"; });
  if (is_redirect && has_location && redirect_ == ipc::Redirect::kFollow) {
    response_ = Response::kRedirect;
    return true;
  }
  response_ = Response::kDeliver;
  SendHead();
  return true;
}

void Exchange::SendHead() {
  const bool has_body = method_ != "HEAD" && status_ != 204 && status_ != 304;
  const bool decoded = has_body && std::any_of(response_fields_.begin(), response_fields_.end(),
                                               [](const auto& field) { return field.first == "content-encoding"; });
  ipc::HeadFrame head;
  head.status = static_cast<uint16_t>(status_);
  head.redirected = hops_ > 0;
  const std::string url = destination_.url();
  head.url = url;
  head.status_text = status_text_;
  for (const auto& [name, value] : response_fields_) {
    // They describe bytes that the function never sees.
    if (decoded && (name == "content-encoding" || name == "content-length")) continue;
    head.headers.push_back({name, value});
  }
  ipc::AppendHead(stream_, head, &host_->out());
}

size_t Exchange::OnData(char* data, size_t size, size_t count, void* self) {
  auto* exchange = static_cast<Exchange*>(self);
  exchange->in_callback_ = true;
  const bool taken = exchange->TakeData({data, size * count});
  exchange->in_callback_ = false;
  return taken ? size * count : 0;
}

bool Exchange::TakeData(std::string_view bytes) {
  if (response_ == Response::kRedirect) {
    skipped_ += bytes.size();
    return skipped_ <= kRedirectBodyBytesMax;
  }
  if (pending_.size() + bytes.size() > kPendingBytesMax) {
    fail_ = std::make_unique<Fail>(Fail{FetchResult::kLimit, "the response expands too far when it is decompressed"});
    return false;
  }
  pending_.append(bytes);
  SendPending();
  UpdatePause();
  return true;
}

void Exchange::SendPending() {
  const size_t sent = static_cast<size_t>(std::min<uint64_t>(pending_.size(), credit_));
  if (sent == 0) return;
  ipc::AppendBytes(FrameType::kData, stream_, std::string_view(pending_).substr(0, sent), &host_->out());
  credit_ -= sent;
  pending_.erase(0, sent);
}

Status Exchange::OnCredit(uint32_t bytes) {
  credit_ = std::min<uint64_t>(credit_ + bytes, ipc::kWindowBytes);
  if (response_ != Response::kDeliver) return {};
  SendPending();
  if (done_) {
    if (pending_.empty()) Finish();
  } else {
    UpdatePause();
  }
  return {};
}

// Receiving rests while the shard has no room, sending while it has sent nothing.
void Exchange::UpdatePause() {
  const bool recv = !pending_.empty();
  const bool send = send_paused_ && body_.size() == body_at_ && !body_ended_;
  if (!running_ || (recv == recv_paused_ && send == send_paused_)) return;
  // What is unpaused runs its callbacks at once, which must not happen inside another one.
  if (in_callback_ && !recv) return;
  recv_paused_ = recv;
  send_paused_ = send;
  curl_easy_pause(easy_, (recv ? CURLPAUSE_RECV : 0) | (send ? CURLPAUSE_SEND : 0));
}

// ---- the end of a hop -------------------------------------------------------------------------------------------------------

void Exchange::OnTransferDone(CURLcode result) {
  running_ = false;
  if (fail_ != nullptr) return FailWith(fail_->result, fail_->message);
  // Of a redirect only its head counts.
  if (response_ == Response::kRedirect) return FollowRedirect();
  if (result != CURLE_OK) {
    Fail fail = destination_.Describe(result);
    return FailWith(fail.result, std::move(fail.message));
  }
  if (response_ != Response::kDeliver) return FailWith(FetchResult::kProtocol, "the response has no head");
  done_ = true;
  if (pending_.empty()) Finish();
}

void Exchange::Finish() {
  ipc::AppendSignal(FrameType::kEnd, stream_, &host_->out());
  host_->OnStreamOver(stream_);
}

void Exchange::FailWith(FetchResult result, std::string message) {
  ipc::AppendError(stream_, {result, message}, &host_->out());
  host_->OnStreamOver(stream_);
}

void Exchange::FollowRedirect() {
  if (++hops_ > kRedirectsMax) return FailWith(FetchResult::kRedirect, "more than " + std::to_string(kRedirectsMax) + " redirects");
  const auto location = std::find_if(response_fields_.begin(), response_fields_.end(),
                                     [](const auto& field) { return field.first == "location"; });
  const std::string before = destination_.origin();
  if (const std::optional<Fail> fail = destination_.Move(location->second)) return FailWith(fail->result, fail->message);
  const bool to_get = ((status_ == 301 || status_ == 302) && method_ == "POST") ||
                      (status_ == 303 && method_ != "GET" && method_ != "HEAD");
  if (body_kind_ == BodyKind::kStream && !to_get) {
    return FailWith(FetchResult::kRedirect, "the response redirects a request whose body is a stream, which cannot be sent twice");
  }
  if (to_get) DropBody();
  if (destination_.origin() != before) std::erase_if(fields_, [](const auto& field) { return IsOneOf(field.first, kSecrets); });
  if (body_kind_ == BodyKind::kRewindable) {
    body_.clear();
    body_ended_ = false;
    rewinding_ = true;
    window_ = ipc::kWindowBytes;
    credit_owed_ = 0;
    ipc::AppendSignal(FrameType::kRewind, stream_, &host_->out());
  }
  skipped_ = 0;
  StartHop();
}

void Exchange::DropBody() {
  method_ = "GET";
  body_kind_ = BodyKind::kNone;
  body_.clear();
  std::erase_if(fields_, [](const auto& field) { return IsOneOf(field.first, kOfBody); });
}

}  // namespace zts::egress
