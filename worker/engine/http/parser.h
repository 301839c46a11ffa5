// Bytes of one connection in, requests out: llhttp in strict mode, with views instead of copies.
//
// The session owns the bytes and the rhythm: it calls Parse on what has arrived and gets back how much was used and what to do.
// Requests come one at a time; pipelined bytes behind a request are not looked at before the next call.
//
//   Parse(bytes) -> kNeedMore   all bytes used so far are part of an unfinished head or body; feed the next ones
//                -> kHead       the head is complete: head() is valid; `used` bytes consumed
//                -> kBody       a piece of body: body() is a view into `bytes`; consumed
//                -> kComplete   the request has ended; the next Parse starts another
//                -> kRefused    refusal() says why; the connection is to be answered and closed
//
// A head that arrives whole in one Parse has views into those bytes. One that arrives in pieces is gathered by the parser in a
// buffer of its own (bounded by kHeadBytesMax), and its views point there; either way they are valid until the next
// Reset/kComplete->Parse, and for the one-piece case only as long as the session keeps the bytes (see PinHead).
//
// llhttp knows the grammar; this class adds what a server of strangers needs on top: every separator of the head is looked at
// again (so that no bare LF, folded line or stray blank passes), and framing, Host, target and Expect are judged here. The
// same bytes give the same answers however they are cut.
//
//   parser.Parse("")   after kHead of a request without body answers kComplete at once: no bytes are needed for it.
//
// Owner:    Session, one a connection; after Reset it holds no memory but itself.
// Thread:   the shard's.
// Limits:   kTargetBytesMax, kHeadBytesMax, kHeaderCountMax, and those below; body size is the session's to bound.
// Errors:   every byte sequence ends in one of the five answers; none reaches a CHECK.
// Source:   RFC 9110, RFC 9112.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "worker/engine/http/message.h"

namespace zts::http {

// RFC 9112 2.2 asks to ignore at least one empty line in front of a request; old clients send one after a body.
inline constexpr size_t kEmptyLinesMax = 4;
// One line of chunk size with its extensions, which are ignored (RFC 9112 7.1.1). Sixteen digits and the odd signature fit.
inline constexpr size_t kChunkLineBytesMax = 512;
// All trailer fields, which are dropped (RFC 9110 6.5.1): checksums and signatures fit.
inline constexpr size_t kTrailerBytesMax = 8 * 1024;

enum class ParseState : uint8_t { kNeedMore, kHead, kBody, kComplete, kRefused };

class Parser {
 public:
  Parser();
  ~Parser();
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  struct Step {
    ParseState state;
    size_t used;  // bytes of the input consumed by this step
  };
  Step Parse(std::string_view bytes);

  // Valid from kHead until the next request begins.
  const RequestHead& head() const { return *head_; }
  // Valid after kBody, until the bytes it points into go.
  std::string_view body() const { return body_; }
  Refusal refusal() const { return refusal_; }

  // Copies what head() points to into the parser's own buffer and points the views there, so that the receive buffer can go.
  // Idempotent; REQUIRES: a head.
  void PinHead();
  // Bytes of a request have been consumed but it is not complete. Empty lines in front of a request are not yet a request, half
  // of one (a CR) is: a Reset now would forget it.
  bool mid_request() const;
  // After a refusal, to reuse the object for another connection, and when the connection goes idle: gives the memory back
  // (head() and its views go with it) to the thread's other parsers.
  void Reset();

 private:
  enum class Phase : uint8_t { kIdle, kHead, kLength, kChunked, kEnd, kRefused };
  struct State;

  Step BeginHead(std::string_view bytes);
  Step ContinueHead(std::string_view bytes);
  Step RunHead(std::string_view fresh);
  Step FinishHead(size_t used);
  Step TakeBody(std::string_view bytes);
  Step TakeChunks(std::string_view bytes);
  Step Refuse(Refusal refusal, size_t used);
  // The empty lines in front of a request; none when there are too many or they are no CRLF.
  std::optional<size_t> SkipEmptyLines(std::string_view bytes);

  State* state_ = nullptr;  // from BeginHead until Reset
  const RequestHead* head_;
  std::string_view body_;
  uint64_t body_left_ = 0;
  Refusal refusal_ = Refusal::kNone;
  Phase phase_ = Phase::kIdle;
  uint8_t empty_line_bytes_ = 0;
};

}  // namespace zts::http
