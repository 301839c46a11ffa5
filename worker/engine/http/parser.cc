#include "worker/engine/http/parser.h"

#include <llhttp.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "base/check.h"
#include "worker/engine/http/head_rules.h"

namespace zts::http {
namespace {

const RequestHead kNoHead{};

// A state's own buffer beyond this goes back to the allocator between requests.
constexpr size_t kKeptBufferBytes = 4 * 1024;
// States a thread keeps for its parsers: as many as have a request under way in one pass, not one a connection.
constexpr size_t kKeptStates = 64;

// Where a parser stopped on its own account.
enum class Event : uint8_t { kNone, kHeadComplete, kChunkHeader, kChunkData, kMessageComplete };

}  // namespace

// What one request under way needs. Borrowed from the thread's free list for that long, so that all connections of a shard
// work in the same few kilobytes of cache.
struct Parser::State {
  llhttp_t llhttp;
  Event event;
  bool head_done;        // fields that come now are trailers
  bool in_value;
  bool broken_value;     // a value that is not in one piece: a folded line
  bool too_many_fields;
  bool in_trailers;
  char last_framing;     // the byte before, in what frames the chunks; 0 behind data
  size_t framing_bytes;  // since the last data
  std::string_view piece;

  // The head's bytes as they lie in memory: the caller's, or the own buffer.
  std::string_view head_bytes;
  bool owned;
  std::unique_ptr<char[]> buffer;
  size_t capacity = 0;

  State* next_free = nullptr;
  RequestHead head;

  void Begin();
  // Head bytes now lie in the own buffer, with room for `room` in all, and so do the views.
  void Own(size_t room);
  void Append(std::string_view bytes);
  bool TakeFraming(std::string_view bytes);
  bool FramingFits() const;
  Framing FramingSeen() const;
  Refusal VersionRefusal(std::string_view seen) const;
  Refusal ErrorRefusal(llhttp_errno_t error, std::string_view bytes) const;

  static State* Of(llhttp_t* parser) { return static_cast<State*>(parser->data); }
  static int OnUrl(llhttp_t* parser, const char* at, size_t bytes);
  static int OnName(llhttp_t* parser, const char* at, size_t bytes);
  static int OnValue(llhttp_t* parser, const char* at, size_t bytes);
  static int OnHeadersComplete(llhttp_t* parser);
  static int OnChunkHeader(llhttp_t* parser);
  static int OnBody(llhttp_t* parser, const char* at, size_t bytes);
  static int OnMessageComplete(llhttp_t* parser);
  static const llhttp_settings_t* Settings();

  static State* Borrow();
  static void GiveBack(State* state);
  struct FreeList;
  static thread_local FreeList free_list;
};

struct Parser::State::FreeList {
  State* first = nullptr;
  size_t count = 0;
  ~FreeList() {
    while (first != nullptr) delete std::exchange(first, first->next_free);
  }
};

thread_local Parser::State::FreeList Parser::State::free_list;

Parser::State* Parser::State::Borrow() {
  FreeList& list = free_list;
  if (list.first == nullptr) return new State;
  --list.count;
  return std::exchange(list.first, list.first->next_free);
}

void Parser::State::GiveBack(State* state) {
  FreeList& list = free_list;
  if (list.count >= kKeptStates) {
    delete state;
    return;
  }
  if (state->capacity > kKeptBufferBytes) {
    state->buffer.reset();
    state->capacity = 0;
  }
  state->next_free = std::exchange(list.first, state);
  ++list.count;
}

// ---- llhttp's callbacks ---------------------------------------------------------------------------------------------

const llhttp_settings_t* Parser::State::Settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t s{};
    s.on_url = OnUrl;
    s.on_header_field = OnName;
    s.on_header_value = OnValue;
    s.on_headers_complete = OnHeadersComplete;
    s.on_chunk_header = OnChunkHeader;
    s.on_body = OnBody;
    s.on_message_complete = OnMessageComplete;
    return s;
  }();
  return &settings;
}

void Parser::State::Begin() {
  llhttp_init(&llhttp, HTTP_REQUEST, Settings());
  llhttp.data = this;
  event = Event::kNone;
  head_done = false;
  in_value = true;
  broken_value = false;
  too_many_fields = false;
  in_trailers = false;
  last_framing = 0;
  framing_bytes = 0;
  head_bytes = {};
  owned = false;
  head.target = {};
  head.authority = {};
  head.field_count = 0;
  head.is_head = false;
  head.expects_continue = false;
  head.has_body = false;
  head.chunked = false;
  head.content_length = 0;
  head.asks_for_websocket = false;
}

int Parser::State::OnUrl(llhttp_t* parser, const char* at, size_t bytes) {
  std::string_view& target = Of(parser)->head.target;
  target = target.empty() ? std::string_view(at, bytes) : std::string_view(target.data(), target.size() + bytes);
  return 0;
}

// A name or value that the end of the input cuts comes in two calls, whose bytes lie next to each other in the own buffer.
int Parser::State::OnName(llhttp_t* parser, const char* at, size_t bytes) {
  State& s = *Of(parser);
  RequestHead& head = s.head;
  if (s.head_done) return 0;
  if (!s.in_value) {
    std::string_view& name = head.fields[head.field_count - 1].name;
    if (name.data() + name.size() == at) {
      name = {name.data(), name.size() + bytes};
      return 0;
    }
  }
  s.in_value = false;
  if (head.field_count == kHeaderCountMax) {
    // Judged when the head is complete, so that the answer does not depend on the cuts; the surplus overwrites itself.
    s.too_many_fields = true;
    --head.field_count;
  }
  head.fields[head.field_count++] = {{at, bytes}, {}};
  return 0;
}

int Parser::State::OnValue(llhttp_t* parser, const char* at, size_t bytes) {
  State& s = *Of(parser);
  if (s.head_done) return 0;
  std::string_view& value = s.head.fields[s.head.field_count - 1].value;
  if (!s.in_value) {
    s.in_value = true;
    value = {at, bytes};
    return 0;
  }
  if (value.data() + value.size() != at) s.broken_value = true;
  value = {value.data(), value.size() + bytes};
  return 0;
}

int Parser::State::OnHeadersComplete(llhttp_t* parser) {
  State& s = *Of(parser);
  s.head_done = true;
  s.event = Event::kHeadComplete;
  // RFC 9110 7.8: a server may ignore Upgrade; what follows is an ordinary body.
  parser->upgrade = 0;
  return HPE_PAUSED;
}

int Parser::State::OnChunkHeader(llhttp_t* parser) {
  Of(parser)->event = Event::kChunkHeader;
  return HPE_PAUSED;
}

int Parser::State::OnBody(llhttp_t* parser, const char* at, size_t bytes) {
  State& s = *Of(parser);
  s.event = Event::kChunkData;
  s.piece = {at, bytes};
  return HPE_PAUSED;
}

int Parser::State::OnMessageComplete(llhttp_t* parser) {
  Of(parser)->event = Event::kMessageComplete;
  return HPE_PAUSED;
}

// ---- memory ---------------------------------------------------------------------------------------------------------

void Parser::State::Own(size_t room) {
  if (owned && room <= capacity) return;
  std::unique_ptr<char[]> old;
  if (room > capacity) {
    const size_t bytes = std::max(room, std::min(2 * capacity, kHeadBytesMax));
    old = std::exchange(buffer, std::unique_ptr<char[]>(new char[bytes]));
    capacity = bytes;
  }
  const char* const from = head_bytes.data();
  const size_t size = head_bytes.size();
  std::memcpy(buffer.get(), from, size);
  const auto move = [&](std::string_view& view) {
    // What points elsewhere ("/" for an absolute form without path) stays.
    if (view.data() < from || view.data() + view.size() > from + size) return;
    view = {buffer.get() + (view.data() - from), view.size()};
  };
  move(head.method);
  move(head.target);
  move(head.authority);
  for (size_t i = 0; i < head.field_count; ++i) {
    move(head.fields[i].name);
    move(head.fields[i].value);
  }
  head_bytes = {buffer.get(), size};
  owned = true;
}

void Parser::State::Append(std::string_view bytes) {
  Own(head_bytes.size() + bytes.size());
  std::memcpy(buffer.get() + head_bytes.size(), bytes.data(), bytes.size());
  head_bytes = {buffer.get(), head_bytes.size() + bytes.size()};
}

// ---- judging --------------------------------------------------------------------------------------------------------

Framing Parser::State::FramingSeen() const {
  return {.chunked = (llhttp.flags & F_CHUNKED) != 0,
          .has_length = (llhttp.flags & F_CONTENT_LENGTH) != 0,
          .content_length = llhttp.content_length,
          .connection_close = (llhttp.flags & F_CONNECTION_CLOSE) != 0,
          .connection_keep_alive = (llhttp.flags & F_CONNECTION_KEEP_ALIVE) != 0,
          .connection_upgrade = (llhttp.flags & F_CONNECTION_UPGRADE) != 0};
}

// `seen` is what llhttp has looked at, from the head's first byte.
Refusal Parser::State::VersionRefusal(std::string_view seen) const {
  const int major = llhttp.http_major;
  const int minor = llhttp.http_minor;
  if (major == 1 && minor <= 1) return Refusal::kNone;
  // Nothing read yet, unless the line is over: then it had no version, which is HTTP/0.9. llhttp says so with the next byte only,
  // which may never come.
  const bool open = major == 0 && minor == 0 && seen.find('\n') == std::string_view::npos;
  return open ? Refusal::kNone : Refusal::kVersionNotSupported;
}

Refusal Parser::State::ErrorRefusal(llhttp_errno_t error, std::string_view bytes) const {
  const char* const at = llhttp_get_error_pos(&llhttp);
  const bool inside = at >= bytes.data() && at < bytes.data() + bytes.size();
  switch (error) {
    case HPE_UNEXPECTED_CONTENT_LENGTH:
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_INVALID_TRANSFER_ENCODING:
      return Refusal::kSmuggling;
    case HPE_INVALID_METHOD:
      // RFC 9110 9.1: a method that llhttp does not know, as far as it can be told at its first strange character.
      return inside && IsTokenChar(*at) ? Refusal::kNotImplemented : Refusal::kMalformed;
    default:
      return Refusal::kMalformed;
  }
}

// Lines that frame chunks end with CRLF, are not folded and have a name; CR and LF stand nowhere else. llhttp lets some of
// that pass.
bool Parser::State::TakeFraming(std::string_view bytes) {
  framing_bytes += bytes.size();
  char last = last_framing;
  for (const char c : bytes) {
    if ((last == '\r') != (c == '\n')) return false;
    if (last == '\n' && in_trailers && (c == ' ' || c == '\t' || c == ':')) return false;
    last = c;
  }
  last_framing = last;
  return true;
}

bool Parser::State::FramingFits() const { return framing_bytes <= (in_trailers ? kTrailerBytesMax : kChunkLineBytesMax); }

// ---- the parser -----------------------------------------------------------------------------------------------------

Parser::Parser() : head_(&kNoHead) {}
Parser::~Parser() { Reset(); }

void Parser::Reset() {
  if (state_ != nullptr) State::GiveBack(std::exchange(state_, nullptr));
  head_ = &kNoHead;
  body_ = {};
  body_left_ = 0;
  refusal_ = Refusal::kNone;
  phase_ = Phase::kIdle;
  empty_line_bytes_ = 0;
}

bool Parser::mid_request() const {
  if (phase_ == Phase::kIdle) return empty_line_bytes_ % 2 != 0;
  return phase_ != Phase::kRefused;
}

void Parser::PinHead() {
  if (state_ != nullptr && state_->head_done) state_->Own(state_->head_bytes.size());
}

Parser::Step Parser::Parse(std::string_view bytes) {
  switch (phase_) {
    case Phase::kIdle:
      return BeginHead(bytes);
    case Phase::kHead:
      return ContinueHead(bytes);
    case Phase::kLength:
      return TakeBody(bytes);
    case Phase::kChunked:
      return TakeChunks(bytes);
    case Phase::kEnd:
      phase_ = Phase::kIdle;
      return {ParseState::kComplete, 0};
    case Phase::kRefused:
      return {ParseState::kRefused, 0};
  }
  return {ParseState::kRefused, 0};
}

Parser::Step Parser::Refuse(Refusal refusal, size_t used) {
  refusal_ = refusal;
  phase_ = Phase::kRefused;
  return {ParseState::kRefused, used};
}

std::optional<size_t> Parser::SkipEmptyLines(std::string_view bytes) {
  size_t used = 0;
  for (; used < bytes.size(); ++used) {
    const bool want_lf = empty_line_bytes_ % 2 != 0;
    const char c = bytes[used];
    if (c != (want_lf ? '\n' : '\r')) {
      if (want_lf || c == '\n') return std::nullopt;
      break;
    }
    if (++empty_line_bytes_ > 2 * kEmptyLinesMax) return std::nullopt;
  }
  return used;
}

Parser::Step Parser::BeginHead(std::string_view bytes) {
  const auto skipped = SkipEmptyLines(bytes);
  if (!skipped) return Refuse(Refusal::kMalformed, bytes.size());
  bytes.remove_prefix(*skipped);
  if (bytes.empty()) return {ParseState::kNeedMore, *skipped};
  empty_line_bytes_ = 0;
  phase_ = Phase::kHead;
  if (state_ == nullptr) state_ = State::Borrow();
  State& s = *state_;
  s.Begin();
  head_ = &s.head;
  s.head_bytes = bytes.substr(0, kHeadBytesMax);
  Step step = RunHead(s.head_bytes);
  step.used += *skipped;
  if (step.state == ParseState::kNeedMore) s.Own(s.head_bytes.size());
  return step;
}

Parser::Step Parser::ContinueHead(std::string_view bytes) {
  if (bytes.empty()) return {ParseState::kNeedMore, 0};
  State& s = *state_;
  const size_t before = s.head_bytes.size();
  s.Append(bytes.substr(0, kHeadBytesMax - before));
  return RunHead(s.head_bytes.substr(before));
}

// Feeds `fresh`, the end of head_bytes that llhttp has not seen.
Parser::Step Parser::RunHead(std::string_view fresh) {
  State& s = *state_;
  const llhttp_errno_t error = llhttp_execute(&s.llhttp, fresh.data(), fresh.size());
  const char* const stop = error == HPE_OK ? fresh.data() + fresh.size() : llhttp_get_error_pos(&s.llhttp);
  const std::string_view seen(s.head_bytes.data(), static_cast<size_t>(stop - s.head_bytes.data()));
  const Refusal version = s.VersionRefusal(seen);
  if (version != Refusal::kNone) return Refuse(version, fresh.size());
  if (error == HPE_PAUSED && s.event == Event::kHeadComplete) {
    s.head_bytes = seen;
    return FinishHead(static_cast<size_t>(stop - fresh.data()));
  }
  if (error != HPE_OK) return Refuse(s.ErrorRefusal(error, fresh), fresh.size());
  if (s.head_bytes.size() < kHeadBytesMax) return {ParseState::kNeedMore, fresh.size()};
  return Refuse(s.head.target.size() > kTargetBytesMax ? Refusal::kUriTooLong : Refusal::kHeadersTooLarge, fresh.size());
}

Parser::Step Parser::FinishHead(size_t used) {
  State& s = *state_;
  RequestHead& head = s.head;
  if (head.target.size() > kTargetBytesMax) return Refuse(Refusal::kUriTooLong, used);
  if (s.too_many_fields) return Refuse(Refusal::kHeadersTooLarge, used);
  if (s.broken_value || head.target.data() <= s.head_bytes.data()) return Refuse(Refusal::kMalformed, used);
  head.method = {s.head_bytes.data(), static_cast<size_t>(head.target.data() - s.head_bytes.data()) - 1};
  head.minor_version = s.llhttp.http_minor;
  const Refusal refusal = CheckHead(s.head_bytes, s.FramingSeen(), head);
  if (refusal != Refusal::kNone) return Refuse(refusal, used);
  if (head.target.front() == '?') {
    // "http://host?query" has the path "/" (RFC 9110 4.2.3), which has to stand somewhere.
    const size_t bytes = s.head_bytes.size();
    s.Own(bytes + 1 + head.target.size());
    char* const room = s.buffer.get() + bytes;
    room[0] = '/';
    std::memcpy(room + 1, head.target.data(), head.target.size());
    head.target = {room, 1 + head.target.size()};
  }
  body_left_ = head.content_length;
  phase_ = head.chunked ? Phase::kChunked : head.has_body ? Phase::kLength : Phase::kEnd;
  if (head.chunked) llhttp_resume(&s.llhttp);
  return {ParseState::kHead, used};
}

Parser::Step Parser::TakeBody(std::string_view bytes) {
  if (body_left_ == 0) {
    phase_ = Phase::kIdle;
    return {ParseState::kComplete, 0};
  }
  if (bytes.empty()) return {ParseState::kNeedMore, 0};
  body_ = bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(bytes.size(), body_left_)));
  body_left_ -= body_.size();
  return {ParseState::kBody, body_.size()};
}

Parser::Step Parser::TakeChunks(std::string_view bytes) {
  State& s = *state_;
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at != end) {
    s.event = Event::kNone;
    const llhttp_errno_t error = llhttp_execute(&s.llhttp, at, static_cast<size_t>(end - at));
    const char* stop = error == HPE_OK ? end : llhttp_get_error_pos(&s.llhttp);
    if (stop < at || stop > end) stop = end;
    const char* const framing_end = s.event == Event::kChunkData ? s.piece.data() : stop;
    const bool clean = s.TakeFraming({at, static_cast<size_t>(framing_end - at)});
    const size_t used = static_cast<size_t>(stop - bytes.data());
    if (!s.FramingFits()) return Refuse(s.in_trailers ? Refusal::kHeadersTooLarge : Refusal::kMalformed, used);
    if (!clean) return Refuse(Refusal::kMalformed, used);
    if (error == HPE_OK) break;
    if (error != HPE_PAUSED) return Refuse(Refusal::kMalformed, used);
    llhttp_resume(&s.llhttp);
    at = stop;
    switch (s.event) {
      case Event::kChunkHeader:
        s.in_trailers = s.llhttp.content_length == 0;
        if (s.in_trailers) s.framing_bytes = 0;
        break;
      case Event::kChunkData:
        s.framing_bytes = 0;
        s.last_framing = 0;
        body_ = s.piece;
        return {ParseState::kBody, used};
      case Event::kMessageComplete:
        phase_ = Phase::kIdle;
        return {ParseState::kComplete, used};
      case Event::kNone:
      case Event::kHeadComplete:
        return Refuse(Refusal::kMalformed, used);
    }
  }
  return {ParseState::kNeedMore, bytes.size()};
}

}  // namespace zts::http
