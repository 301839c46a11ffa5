// An HTTP/1.1 request head and the facts the rest of the engine needs from it: views, no sockets, no parsing.
//
// Life:     views point into the receive buffer or the session's own buffer; whoever holds a RequestHead knows which.
// Limits:   kHeaderCountMax fields.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/header_field.h"
#include "worker/engine/limits.h"

namespace zts::http {

struct RequestHead {
  std::string_view method;     // token, as received
  std::string_view target;     // origin form "/a?b"; absolute form is split into authority + target; "*" for OPTIONS *
  std::string_view authority;  // of the target in absolute form, else the Host field
  std::array<HeaderField, kHeaderCountMax> fields;
  size_t field_count = 0;
  uint8_t minor_version = 1;   // HTTP/1.x
  bool keep_alive = true;      // RFC 9112 9.3
  bool is_head = false;
  bool expects_continue = false;  // RFC 9110 10.1.1
  bool has_body = false;          // Content-Length > 0 or chunked
  bool chunked = false;
  uint64_t content_length = 0;    // when !chunked
  bool asks_for_websocket = false;  // RFC 6455 4.1

  std::span<const HeaderField> headers() const { return {fields.data(), field_count}; }
};

// Why a request is refused: each has its status, its counter and a sentence.
enum class Refusal : uint8_t {
  kNone,
  kMalformed,             // 400
  kSmuggling,             // 400: conflicting or ambiguous framing (RFC 9112 6.1, 6.3)
  kNoHost,                // 400: RFC 9112 3.2
  kUriTooLong,            // 414
  kHeadersTooLarge,       // 431: bytes or count
  kBodyTooLarge,          // 413
  kExpectationFailed,     // 417
  kVersionNotSupported,   // 505
  kNotImplemented,        // 501: transfer coding or method form we do not speak
  kTimeout,               // 408: head or body did not arrive in time
  kUnknownRoute,          // 404
  kOverloaded,            // 503 + Retry-After
  kTooManyConnections,    // 503
  kWebSocket,             // 501: an opening handshake
};
inline constexpr int kRefusals = 15;

int RefusalStatus(Refusal refusal);
// "uri-too-long": for x-zts-error and the metric's label.
std::string_view RefusalName(Refusal refusal);
// One line for people: what is wrong and what to do.
std::string_view RefusalHint(Refusal refusal);

}  // namespace zts::http
