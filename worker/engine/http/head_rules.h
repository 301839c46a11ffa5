// What a request head must be beyond llhttp's grammar: exact lines, one framing, one host, a target we serve.
//
// The parser calls CheckHead once a head is complete, with the raw method, target and fields in place; everything else
// in the RequestHead is filled here.
//
// Thread:   pure functions.
// Errors:   a Refusal; kNone when the request is to be served.
// Source:   RFC 9110 4.2, 7.2, 7.8, 8.6, 10.1.1; RFC 9112 2.2, 3.2, 5, 6.1, 6.3.
#pragma once

#include <cstdint>
#include <string_view>

#include "worker/engine/http/message.h"

namespace zts::http {

// What llhttp concluded on its own; a difference between its reading and ours is refused, whoever is right.
struct Framing {
  bool chunked = false;
  bool has_length = false;
  uint64_t content_length = 0;
  bool connection_close = false;
  bool connection_keep_alive = false;
  bool connection_upgrade = false;
};

// `bytes` is the whole head, from the method to the empty line; the views of `head` point into it. minor_version is set.
// A target in absolute form without a path comes back as "?query" when it has a query: the caller puts the "/" in front.
Refusal CheckHead(std::string_view bytes, const Framing& framing, RequestHead& head);

// host [ ":" port ] as RFC 9110 4.2 and 7.2 have it, without user information; the empty host is one.
bool IsValidAuthority(std::string_view text);

// A character of a token (RFC 9110 5.6.2).
bool IsTokenChar(char c);

}  // namespace zts::http
