#include "worker/engine/http/message.h"

namespace zts::http {
namespace {

struct RefusalText {
  int status;
  std::string_view name;
  std::string_view hint;
};

constexpr RefusalText kTexts[] = {
    {200, "none", ""},
    {400, "malformed",
     "The request does not follow HTTP/1.1 (RFC 9112); check the request line, the header lines and their CRLF ends."},
    {400, "ambiguous-framing",
     "The length of the body is not clear (RFC 9112 6.3); send one Content-Length or Transfer-Encoding: chunked, not both."},
    {400, "no-host",
     "An HTTP/1.1 request has exactly one Host header with a valid host name (RFC 9112 3.2)."},
    {414, "uri-too-long",
     "The URL is longer than 8 KiB; send large data in the body."},
    {431, "headers-too-large",
     "The headers are more than 100 or larger than 32 KiB in all; often a cookie has grown too large."},
    {413, "body-too-large", "The body is larger than this server accepts; send it in smaller pieces."},
    {417, "expectation-failed", "The only expectation this server knows is 100-continue."},
    {505, "version-not-supported", "This server speaks HTTP/1.1 and HTTP/1.0."},
    {501, "not-implemented",
     "This method or transfer coding is not supported; a body may be chunked, nothing else."},
    {408, "timeout", "The request did not arrive in time; send it again, faster."},
    {404, "unknown-route",
     "No function serves this host and path; `ztsctl list` shows the functions and their routes."},
    {503, "overloaded", "The server has no capacity for this request at the moment; try again shortly."},
    {503, "too-many-connections", "The server has as many connections as it takes; try again shortly."},
    {501, "websocket-not-supported",
     "Functions do not speak WebSocket here; answer with a ReadableStream (text/event-stream) to send what happens later."},
};
static_assert(sizeof(kTexts) / sizeof(kTexts[0]) == kRefusals);

const RefusalText& TextOf(Refusal refusal) {
  const auto index = static_cast<size_t>(refusal);
  return kTexts[index < kRefusals ? index : static_cast<size_t>(Refusal::kMalformed)];
}

}  // namespace

int RefusalStatus(Refusal refusal) { return TextOf(refusal).status; }
std::string_view RefusalName(Refusal refusal) { return TextOf(refusal).name; }
std::string_view RefusalHint(Refusal refusal) { return TextOf(refusal).hint; }

}  // namespace zts::http
