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
// Owner:    Session, one a connection; idle ones hold no buffer.
// Thread:   the shard's.
// Limits:   kTargetBytesMax, kHeadBytesMax, kHeaderCountMax; body size is the session's to bound.
// Errors:   every byte sequence ends in one of the five answers; none reaches a CHECK.
// Source:   RFC 9110, RFC 9112.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "worker/engine/http/message.h"

namespace zts::http {

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
  const RequestHead& head() const { return head_; }
  // Valid after kBody, until the bytes it points into go.
  std::string_view body() const { return body_; }
  Refusal refusal() const { return refusal_; }

  // Copies what head() points to into the parser's own buffer and points the views there, so that the receive buffer can go.
  // Idempotent.
  void PinHead();
  // Bytes of a request have been consumed but it is not complete.
  bool mid_request() const;
  // After a refusal or to reuse the object for another connection.
  void Reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  RequestHead head_;
  std::string_view body_;
  Refusal refusal_ = Refusal::kNone;
};

}  // namespace zts::http
