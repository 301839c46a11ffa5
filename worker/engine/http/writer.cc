#include "worker/engine/http/writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace zts::http {
namespace {

// Under this an OutBuffer does not begin: a head and a small body in one piece.
constexpr size_t kFirstCapacity = 1024;

constexpr std::string_view ReasonOf(int status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 207: return "Multi-Status";
    case 208: return "Already Reported";
    case 226: return "IM Used";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 305: return "Use Proxy";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 418: return "I'm a Teapot";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 423: return "Locked";
    case 424: return "Failed Dependency";
    case 425: return "Too Early";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 506: return "Variant Also Negotiates";
    case 507: return "Insufficient Storage";
    case 508: return "Loop Detected";
    case 511: return "Network Authentication Required";
    default: return "";  // RFC 9112 4: the reason may be empty, the space before it may not
  }
}

constexpr int kFirstStatus = 100;
constexpr int kLastStatus = 599;

// Every status line, built by the compiler.
struct StatusLine {
  char text[48];
  uint8_t size;
};
struct StatusLines {
  std::array<StatusLine, kLastStatus - kFirstStatus + 1> lines{};
  constexpr StatusLines() {
    for (int status = kFirstStatus; status <= kLastStatus; ++status) {
      StatusLine& line = lines[status - kFirstStatus];
      Add(line, "HTTP/1.1 ");
      const char digits[] = {static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
                             static_cast<char>('0' + status % 10), ' '};
      Add(line, {digits, sizeof(digits)});
      Add(line, ReasonOf(status));
      Add(line, "\r\n");
    }
  }
  static constexpr void Add(StatusLine& line, std::string_view text) {
    for (const char c : text) line.text[line.size++] = c;
  }
};
constexpr StatusLines kStatusLines;

constexpr std::string_view kContentLength = "content-length: ";
constexpr std::string_view kRequestId = "x-zts-request-id: ";
constexpr std::string_view kVersion = "x-zts-version: ";
constexpr std::string_view kClose = "connection: close\r\n";
constexpr std::string_view kKeepAlive = "connection: keep-alive\r\n";
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kChunked = "transfer-encoding: chunked\r\n";
constexpr size_t kLengthDigitsMax = 20;
static_assert(kChunked.size() <= kContentLength.size() + kLengthDigitsMax + 2, "kOwnBytesMax counts the longer one");
// Everything AppendHead writes besides Date and fields.
constexpr size_t kOwnBytesMax =
    sizeof(StatusLine::text) + kContentLength.size() + kLengthDigitsMax + 2 + kKeepAlive.size() + 2;

char* Put(char* at, std::string_view text) {
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

char* PutNumber(char* at, size_t number) { return std::to_chars(at, at + kLengthDigitsMax, number).ptr; }

void PutTwoDigits(char* at, int number) {
  at[0] = static_cast<char>('0' + number / 10);
  at[1] = static_cast<char>('0' + number % 10);
}

// RFC 9112 6.3, RFC 9110 8.6: 1xx and 204 have no Content-Length; that of a 304 would speak of another response.
bool StatusHasLength(int status) { return status >= 200 && status != 204 && status != 304; }

// A civil date from days since 1970-01-01, by eras of 400 years that begin in March, so that the leap day is an era's last.
struct CivilDate {
  int year;
  int month;
  int day;
};
CivilDate CivilFromDays(int64_t days) {
  constexpr int64_t kDaysInEra = 146'097;
  constexpr int64_t kDaysFromMarch0000 = 719'468;
  const int64_t shifted = days + kDaysFromMarch0000;
  const int64_t era = shifted / kDaysInEra;
  const int64_t day_of_era = shifted - era * kDaysInEra;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / (kDaysInEra - 1)) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t march_month = (5 * day_of_year + 2) / 153;
  const int month = static_cast<int>(march_month < 10 ? march_month + 3 : march_month - 9);
  return {.year = static_cast<int>(era * 400 + year_of_era + (month <= 2 ? 1 : 0)),
          .month = month,
          .day = static_cast<int>(day_of_year - (153 * march_month + 2) / 5 + 1)};
}

}  // namespace

// ---- OutBuffer ------------------------------------------------------------------------------------------------------

OutBuffer::~OutBuffer() { std::free(data_); }

OutBuffer::OutBuffer(OutBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

OutBuffer& OutBuffer::operator=(OutBuffer&& other) noexcept {
  if (this != &other) {
    std::free(data_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
  }
  return *this;
}

void OutBuffer::Resize(size_t capacity) {
  if (capacity == 0) {
    std::free(std::exchange(data_, nullptr));
  } else {
    data_ = static_cast<char*>(std::realloc(data_, capacity));
    ZTS_CHECK(data_ != nullptr);
  }
  capacity_ = capacity;
}

char* OutBuffer::Reserve(size_t bytes) {
  if (capacity_ - size_ < bytes) Resize(std::max({size_ + bytes, 2 * capacity_, kFirstCapacity}));
  return data_ + size_;
}

void OutBuffer::Append(std::string_view text) {
  if (text.empty()) return;
  Put(Reserve(text.size()), text);
  Commit(text.size());
}

void OutBuffer::Drop(size_t bytes) {
  ZTS_CHECK(bytes <= size_);
  size_ -= bytes;
  if (size_ > 0) std::memmove(data_, data_ + bytes, size_);
}

void OutBuffer::ShrinkTo(size_t bytes) {
  const size_t wanted = std::max(bytes, size_);
  if (capacity_ > wanted) Resize(wanted);
}

// ---- Date -----------------------------------------------------------------------------------------------------------

std::string_view DateCache::Line(Nanos wall_now) {
  constexpr std::string_view kDays = "ThuFriSatSunMonTueWed";  // 1970-01-01 was a Thursday
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  constexpr std::string_view kForm = "date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
  static_assert(kForm.size() <= sizeof(line_));

  const Nanos second = std::max<Nanos>(wall_now, 0) / kSecond;
  if (second != second_) {
    second_ = second;
    const int64_t days = second / 86'400;
    const int of_day = static_cast<int>(second % 86'400);
    const CivilDate date = CivilFromDays(days);
    Put(line_, kForm);
    Put(line_ + 6, kDays.substr(3 * static_cast<size_t>(days % 7), 3));
    PutTwoDigits(line_ + 11, date.day);
    Put(line_ + 14, kMonths.substr(3 * static_cast<size_t>(date.month - 1), 3));
    PutTwoDigits(line_ + 18, date.year / 100);
    PutTwoDigits(line_ + 20, date.year % 100);
    PutTwoDigits(line_ + 23, of_day / 3'600);
    PutTwoDigits(line_ + 26, of_day / 60 % 60);
    PutTwoDigits(line_ + 29, of_day % 60);
  }
  return {line_, kForm.size()};
}

// ---- heads ----------------------------------------------------------------------------------------------------------

bool StatusHasBody(int status) { return StatusHasLength(status) && status != 205; }

bool AppendHead(OutBuffer& out, const ResponseHead& head) {
  if (head.status < kFirstStatus || head.status > kLastStatus) return false;
  size_t bytes = kOwnBytesMax + head.date_line.size() + kRequestId.size() + head.request_id.size() + 2 +
                 kVersion.size() + kLengthDigitsMax + 2 + head.extra_lines.size();
  for (const HeaderField& field : head.fields) bytes += field.name.size() + field.value.size() + 4;
  if (bytes > kResponseHeadBytesMax) return false;

  char* const begin = out.Reserve(bytes);
  const StatusLine& line = kStatusLines.lines[static_cast<size_t>(head.status - kFirstStatus)];
  // The whole cell at once: a copy of fixed size is two instructions, and what is too much is written over.
  std::memcpy(begin, line.text, sizeof(line.text));
  char* at = Put(begin + line.size, head.date_line);
  if (!StatusHasLength(head.status)) {
    // Neither field (RFC 9112 6.1, RFC 9110 8.6).
  } else if (head.framing == BodyFraming::kLength || head.status == 205) {
    at = Put(at, kContentLength);
    at = PutNumber(at, head.status == 205 ? 0 : head.content_length);
    at = Put(at, "\r\n");
  } else if (head.framing == BodyFraming::kChunked) {
    at = Put(at, kChunked);
  }
  // RFC 9112 9.3: persistence is what 1.1 assumes and what 1.0 is told.
  if (!head.keep_alive) {
    at = Put(at, kClose);
  } else if (head.minor_version == 0) {
    at = Put(at, kKeepAlive);
  }
  if (!head.request_id.empty()) {
    at = Put(at, kRequestId);
    at = Put(at, head.request_id);
    at = Put(at, "\r\n");
  }
  if (head.version != 0) {
    at = Put(at, kVersion);
    at = PutNumber(at, head.version);
    at = Put(at, "\r\n");
  }
  at = Put(at, head.extra_lines);
  for (const HeaderField& field : head.fields) {
    at = Put(at, field.name);
    at = Put(at, ": ");
    at = Put(at, field.value);
    at = Put(at, "\r\n");
  }
  at = Put(at, "\r\n");
  out.Commit(static_cast<size_t>(at - begin));
  return true;
}

void AppendError(OutBuffer& out, const ErrorAnswer& answer, std::string_view date_line) {
  const HeaderField fields[] = {{"content-type", "text/plain; charset=utf-8"}, {"x-zts-error", answer.error_name}};
  const ResponseHead head{.status = answer.status,
                          .fields = fields,
                          .content_length = answer.message.size() + 1,
                          .keep_alive = answer.keep_alive,
                          .minor_version = answer.minor_version,
                          .date_line = date_line};
  ZTS_CHECK(AppendHead(out, head));
  if (!answer.extra_line.empty()) {
    // In front of the empty line that ends the head.
    out.Uncommit(2);
    out.Append(answer.extra_line);
    out.Append("\r\n");
  }
  if (!answer.with_body || !StatusHasBody(answer.status)) return;
  out.Append(answer.message);
  out.Append("\n");
}

void AppendChunk(OutBuffer& out, std::string_view bytes) {
  char* const begin = out.Reserve(bytes.size() + kChunkFramingBytes);
  char* at = std::to_chars(begin, begin + 16, bytes.size(), 16).ptr;
  at = Put(at, "\r\n");
  at = Put(at, bytes);
  at = Put(at, "\r\n");
  out.Commit(static_cast<size_t>(at - begin));
}

void AppendLastChunk(OutBuffer& out) { out.Append("0\r\n\r\n"); }

void AppendContinue(OutBuffer& out) { out.Append(kContinue); }

}  // namespace zts::http
