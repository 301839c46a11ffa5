// Responses as bytes: status line, cached Date, fields, framing, into a buffer the session sends.
//
// Owner:    DateCache: one a shard. The functions are pure.
// Thread:   the shard's.
// Limits:   a head is at most kResponseHeadBytesMax; AppendHead refuses (returns false) beyond it and the session answers 500.
// Source:   RFC 9110 6.6.1 (Date), 8.6 (Content-Length), 15 (status codes); RFC 9112 4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/header_field.h"
#include "worker/engine/http/message.h"

namespace zts::http {

// A growable byte buffer that keeps its memory: after warm-up it allocates nothing.
// Thread: the shard's. Life: data() until the next Append/Reserve/Clear.
class OutBuffer {
 public:
  OutBuffer() = default;
  ~OutBuffer();
  OutBuffer(OutBuffer&& other) noexcept;
  OutBuffer& operator=(OutBuffer&& other) noexcept;
  // Room for `bytes` more behind the content; the caller writes there and calls Commit.
  char* Reserve(size_t bytes);
  void Commit(size_t bytes) { size_ += bytes; }
  void Append(std::string_view text);
  void Clear() { size_ = 0; }
  // Takes the first bytes away. REQUIRES: bytes <= size().
  void Drop(size_t bytes);
  // Takes the last bytes back. REQUIRES: bytes <= size().
  void Uncommit(size_t bytes) { size_ -= bytes; }
  std::string_view text() const { return {data_, size_}; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  // Gives memory above `bytes` back (after a large response); the content stays.
  void ShrinkTo(size_t bytes);

 private:
  void Resize(size_t capacity);

  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// "date: Fri, 20 Nov 2026 12:00:00 GMT\r\n" (RFC 9110 5.6.7), formatted at most once a second.
// Life: the line is valid until the next Line().
class DateCache {
 public:
  // `wall_now` in nanoseconds since 1970.
  std::string_view Line(Nanos wall_now);

 private:
  Nanos second_ = -1;
  char line_[40];
};

// How the end of a response's body is found (RFC 9112 6.3).
enum class BodyFraming : uint8_t {
  kLength,   // content-length
  kChunked,  // transfer-encoding: chunked; not for HTTP/1.0
  kNone,     // nothing is said: the end of the connection ends it, or there is none (HEAD)
};

struct ResponseHead {
  int status = 200;
  std::span<const HeaderField> fields;  // as ResponseView::headers says
  BodyFraming framing = BodyFraming::kLength;
  size_t content_length = 0;            // of kLength
  bool keep_alive = true;
  uint8_t minor_version = 1;            // of the request: a 1.0 client is told "keep-alive" or nothing
  std::string_view date_line;
  std::string_view request_id = {};     // x-zts-request-id, which the function's log names too; empty: none
  std::string_view extra_lines = {};    // each with its line end
  uint64_t version = 0;                 // x-zts-version, of the function's version that answers; 0: none
};

// Writes the head up to and including the empty line. 1xx, 204 and 304 carry no Content-Length (RFC 9110 8.6), 205 says 0
// (RFC 9110 15.3.6). False, and nothing written: the head is too large, or the status is not in 100..599.
bool AppendHead(OutBuffer& out, const ResponseHead& head);
// A small text/plain answer of our own: "HTTP error text" with x-zts-error.
struct ErrorAnswer {
  int status;
  std::string_view error_name;   // x-zts-error
  std::string_view message;      // body, one line; a newline is added
  std::string_view extra_line;   // e.g. "retry-after: 1\r\n"; may be empty
  bool keep_alive = false;
  bool with_body = true;                // false for HEAD
  uint8_t minor_version = 1;
};
void AppendError(OutBuffer& out, const ErrorAnswer& answer, std::string_view date_line);
// "HTTP/1.1 100 Continue\r\n\r\n"
void AppendContinue(OutBuffer& out);
// One chunk of at least one byte, and the end of them, without trailers (RFC 9112 7.1).
void AppendChunk(OutBuffer& out, std::string_view bytes);
void AppendLastChunk(OutBuffer& out);
// The most that AppendChunk writes beside the bytes.
inline constexpr size_t kChunkFramingBytes = 16 + 2 + 2;
// False for 1xx, 204, 205 and 304: no byte of a body may follow the head.
bool StatusHasBody(int status);

}  // namespace zts::http
