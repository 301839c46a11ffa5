#include "worker/engine/http/head_rules.h"

#include <cstring>

#include "base/bytes.h"

namespace zts::http {
namespace {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
constexpr bool IsBlank(char c) { return c == ' ' || c == '\t'; }

constexpr uint8_t kToken = 1;
constexpr uint8_t kRegName = 2;  // unreserved and sub-delims (RFC 3986 3.2.2); '%' is looked at apart

struct CharTable {
  uint8_t classes[256] = {};
  constexpr CharTable() {
    for (int i = 0; i < 256; ++i) {
      const char c = static_cast<char>(i);
      if (IsDigit(c) || IsAlpha(c)) classes[i] = kToken | kRegName;
    }
    for (const char* p = "!#$%&'*+-.^_`|~"; *p != 0; ++p) classes[static_cast<uint8_t>(*p)] |= kToken;
    for (const char* p = "-._~!$&'()*+,;="; *p != 0; ++p) classes[static_cast<uint8_t>(*p)] |= kRegName;
  }
};
constexpr CharTable kChars;

bool Is(char c, uint8_t of) { return (kChars.classes[static_cast<uint8_t>(c)] & of) != 0; }

void TrimRight(std::string_view& value) {
  while (!value.empty() && IsBlank(value.back())) value.remove_suffix(1);
}

// The lines below walk from view to view and look at what lies between. All views lie inside the head and hold no LF, and
// the head's last byte is one: so every look at one byte, and at the byte behind a CR, stays inside.

// RFC 9112 3: method, target and version with one space between them.
const char* TakeRequestLine(std::string_view bytes, const RequestHead& head) {
  constexpr size_t kVersionBytes = 11;  // " HTTP/1.1" and CRLF
  // llhttp takes any number of blanks between method and target.
  if (head.method.empty() || !Is(head.method.back(), kToken) || head.target.empty()) return nullptr;
  if (head.target.data() != bytes.data() + head.method.size() + 1 || head.target.data()[-1] != ' ') return nullptr;
  const char* const at = head.target.data() + head.target.size();
  const auto left = static_cast<size_t>(bytes.data() + bytes.size() - at);
  if (left < kVersionBytes) return nullptr;
  const char* const version = head.minor_version == 1 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n";
  return std::memcmp(at, version, kVersionBytes) == 0 ? at + kVersionBytes : nullptr;
}

// RFC 9112 5: name ":" OWS value OWS CRLF; no blank in front of the colon, no folded line. The value loses the blanks
// around it.
const char* TakeField(const char* at, HeaderField& field) {
  if (field.name.data() != at || field.name.empty()) return nullptr;
  at += field.name.size();
  if (*at++ != ':') return nullptr;
  while (IsBlank(*at)) ++at;
  if (field.value.empty()) {
    field.value = {at, 0};
  } else {
    if (field.value.data() != at) return nullptr;
    at += field.value.size();
    if (IsBlank(at[-1])) TrimRight(field.value);
    while (IsBlank(*at)) ++at;
  }
  return at[0] == '\r' && at[1] == '\n' ? at + 2 : nullptr;
}

// RFC 9112 2.2: nothing but these lines and the empty one, so that no byte is unaccounted for.
bool TakeLines(std::string_view bytes, RequestHead& head) {
  if (bytes.empty() || bytes.back() != '\n') return false;
  const char* at = TakeRequestLine(bytes, head);
  for (size_t i = 0; i < head.field_count && at != nullptr; ++i) at = TakeField(at, head.fields[i]);
  return at != nullptr && bytes.data() + bytes.size() - at == 2 && at[0] == '\r';
}

// The next element of a comma-separated list, without its blanks (RFC 9110 5.6.1).
std::string_view NextElement(std::string_view& list) {
  const size_t comma = list.find(',');
  std::string_view element = list.substr(0, comma);
  list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  while (!element.empty() && IsBlank(element.front())) element.remove_prefix(1);
  TrimRight(element);
  return element;
}

// The fields that decide something, as they are met.
struct Seen {
  int hosts = 0;
  std::string_view host;
  int lengths = 0;
  std::string_view length;
  bool transfer_encoding = false;
  bool chunked = false;        // the last coding met
  bool behind_chunked = false; // a coding after chunked
  bool unknown_coding = false;
  bool empty_coding = true;
  bool expects_continue = false;
  bool expects_else = false;
  bool websocket = false;
};

// RFC 9112 6.1: several field lines are one list.
void SeeCodings(std::string_view list, Seen& seen) {
  seen.transfer_encoding = true;
  while (!list.empty()) {
    const std::string_view coding = NextElement(list);
    if (coding.empty()) continue;
    seen.empty_coding = false;
    if (seen.chunked) seen.behind_chunked = true;
    if (EqualsIgnoreCase(coding, "chunked")) {
      seen.chunked = true;
    } else {
      seen.unknown_coding = true;
    }
  }
}

void SeeExpectations(std::string_view list, Seen& seen) {
  while (!list.empty()) {
    const std::string_view expectation = NextElement(list);
    if (expectation.empty()) continue;
    (EqualsIgnoreCase(expectation, "100-continue") ? seen.expects_continue : seen.expects_else) = true;
  }
}

void SeeUpgrades(std::string_view list, Seen& seen) {
  while (!list.empty()) seen.websocket = EqualsIgnoreCase(NextElement(list), "websocket") || seen.websocket;
}

// A token against a name of lower-case letters and '-': in both, bit 5 is all that case changes.
template <size_t kSize>
bool IsNamed(std::string_view token, const char (&lower)[kSize]) {
  uint8_t difference = 0;
  for (size_t i = 0; i + 1 < kSize; ++i) difference |= static_cast<uint8_t>((token[i] | 0x20) ^ lower[i]);
  return difference == 0;
}

void See(const HeaderField& field, Seen& seen) {
  switch (field.name.size()) {
    case 4:
      if (IsNamed(field.name, "host")) {
        ++seen.hosts;
        seen.host = field.value;
      }
      break;
    case 6:
      if (IsNamed(field.name, "expect")) SeeExpectations(field.value, seen);
      break;
    case 7:
      if (IsNamed(field.name, "upgrade")) SeeUpgrades(field.value, seen);
      break;
    case 14:
      if (IsNamed(field.name, "content-length")) {
        ++seen.lengths;
        seen.length = field.value;
      }
      break;
    case 17:
      if (IsNamed(field.name, "transfer-encoding")) SeeCodings(field.value, seen);
      break;
  }
}

// RFC 9112 6.1: chunked is the only coding here, and the last one; with anything behind it, with a length beside it or in
// HTTP/1.0 it could be read in two ways.
Refusal JudgeTransferEncoding(const Seen& seen, RequestHead& head) {
  const bool ambiguous = head.minor_version == 0 || seen.lengths > 0 || seen.behind_chunked || seen.empty_coding;
  if (ambiguous) return Refusal::kSmuggling;
  if (seen.unknown_coding) return Refusal::kNotImplemented;
  head.chunked = true;
  head.has_body = true;
  return Refusal::kNone;
}

// RFC 9112 6.3, RFC 9110 8.6: one Content-Length of digits; a list of equal numbers is refused as well.
Refusal JudgeLength(const Seen& seen, RequestHead& head) {
  const auto length = ParseInteger<uint64_t>(seen.length);
  if (seen.lengths > 1 || !length) return Refusal::kSmuggling;
  head.content_length = *length;
  head.has_body = *length > 0;
  return Refusal::kNone;
}

Refusal JudgeFraming(const Seen& seen, const Framing& framing, RequestHead& head) {
  Refusal refusal = Refusal::kNone;
  if (seen.transfer_encoding) {
    refusal = JudgeTransferEncoding(seen, head);
  } else if (seen.lengths > 0) {
    refusal = JudgeLength(seen, head);
  }
  if (refusal != Refusal::kNone) return refusal;
  const bool agree = head.chunked == framing.chunked && (seen.lengths > 0) == framing.has_length &&
                     (!framing.has_length || head.content_length == framing.content_length);
  return agree ? Refusal::kNone : Refusal::kSmuggling;
}

// RFC 9112 3.2.2: the authority of the target replaces the Host field.
Refusal SplitAbsoluteForm(RequestHead& head) {
  std::string_view rest = head.target;
  const size_t colon = rest.find("://");
  if (colon == std::string_view::npos) return Refusal::kMalformed;
  const std::string_view scheme = rest.substr(0, colon);
  if (!EqualsIgnoreCase(scheme, "http") && !EqualsIgnoreCase(scheme, "https")) return Refusal::kMalformed;
  rest.remove_prefix(colon + 3);
  const size_t end = rest.find_first_of("/?");
  head.authority = rest.substr(0, end);
  // RFC 9110 4.2.1: no http URI has an empty host.
  const bool has_host = !head.authority.empty() && head.authority.front() != ':';
  if (!has_host || !IsValidAuthority(head.authority)) return Refusal::kNoHost;
  rest.remove_prefix(head.authority.size());
  if (rest.empty()) rest = head.method == "OPTIONS" ? "*" : "/";  // RFC 9112 3.2.4, 3.2.1
  head.target = rest;
  return Refusal::kNone;
}

// RFC 9112 3.2: origin, absolute and asterisk form; the authority form belongs to CONNECT.
Refusal JudgeTarget(RequestHead& head) {
  // RFC 9112 3.2.1: a fragment is never sent.
  if (std::memchr(head.target.data(), '#', head.target.size()) != nullptr) return Refusal::kMalformed;
  if (head.target.front() == '/') return Refusal::kNone;
  if (head.target == "*") return head.method == "OPTIONS" ? Refusal::kNone : Refusal::kMalformed;
  return SplitAbsoluteForm(head);
}

// RFC 9112 3.2: exactly one valid Host in HTTP/1.1, at most one in HTTP/1.0.
Refusal JudgeHost(const Seen& seen, RequestHead& head) {
  if (seen.hosts > 1 || (seen.hosts == 0 && head.minor_version == 1)) return Refusal::kNoHost;
  if (seen.hosts == 1 && !IsValidAuthority(seen.host)) return Refusal::kNoHost;
  head.authority = seen.host;
  return Refusal::kNone;
}

// RFC 9110 10.1.1: HTTP/1.0 has no expectations; they are ignored there.
Refusal JudgeExpectations(const Seen& seen, RequestHead& head) {
  if (head.minor_version == 0) return Refusal::kNone;
  if (seen.expects_else) return Refusal::kExpectationFailed;
  head.expects_continue = seen.expects_continue && head.has_body;
  return Refusal::kNone;
}

// The digits behind a ':' may be missing (RFC 3986 3.2.3).
bool IsValidPort(std::string_view text) {
  if (text.size() > 5) return false;
  uint32_t port = 0;
  for (const char c : text) {
    if (!IsDigit(c)) return false;
    port = port * 10 + static_cast<uint32_t>(c - '0');
  }
  return port <= 65535;
}

// "[...]" of RFC 3986 3.2.2, by its characters: an address that is none matches no route anyway.
bool IsValidLiteral(std::string_view text) {
  if (text.size() < 2) return false;
  for (const char c : text) {
    if (!IsHex(c) && c != ':' && c != '.') return false;
  }
  return true;
}

}  // namespace

bool IsTokenChar(char c) { return Is(c, kToken); }

bool IsValidAuthority(std::string_view text) {
  size_t i = 0;
  if (!text.empty() && text.front() == '[') {
    const size_t close = text.find(']');
    if (close == std::string_view::npos || !IsValidLiteral(text.substr(1, close - 1))) return false;
    i = close + 1;
    return i == text.size() || (text[i] == ':' && IsValidPort(text.substr(i + 1)));
  }
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (Is(c, kRegName)) continue;
    if (c == ':') return IsValidPort(text.substr(i + 1));
    if (c != '%' || text.size() - i < 3 || !IsHex(text[i + 1]) || !IsHex(text[i + 2])) return false;
    i += 2;
  }
  return true;
}

Refusal CheckHead(std::string_view bytes, const Framing& framing, RequestHead& head) {
  if (!TakeLines(bytes, head)) return Refusal::kMalformed;
  if (head.method == "CONNECT") return Refusal::kNotImplemented;
  head.is_head = head.method == "HEAD";
  // RFC 9112 9.3.
  head.keep_alive = !framing.connection_close && (head.minor_version == 1 || framing.connection_keep_alive);

  Seen seen;
  for (const HeaderField& field : head.headers()) See(field, seen);
  Refusal refusal = JudgeFraming(seen, framing, head);
  if (refusal == Refusal::kNone) refusal = JudgeHost(seen, head);
  if (refusal == Refusal::kNone) refusal = JudgeTarget(head);
  if (refusal == Refusal::kNone) refusal = JudgeExpectations(seen, head);
  // RFC 9110 7.8: only HTTP/1.1 upgrades, and only where Connection says so too. h2c and whatever else is offered may be ignored, and
  // is: the answer is one of HTTP/1.1. A client of WebSocket can do nothing with that, and is told.
  head.asks_for_websocket = seen.websocket && framing.connection_upgrade && head.minor_version == 1 && head.method == "GET";
  return refusal;
}

}  // namespace zts::http
