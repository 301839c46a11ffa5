// Feeds bytes to a parser the way a session does and writes down every event, so that two ways of cutting can be compared.
//
// Each piece lives in memory of its own that is gone before the next one comes: a view that outlives its bytes is found by a
// sanitizer. Every view is read while it is valid, and the head once more when the request ends.
//
// Thread:   pure function.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace zts::http {

// "head GET / HTTP/1.1 authority=a", "field host: a", "body abc" (pieces joined), "complete", "refused 400 malformed", and at
// the end "more" when a request is unfinished; each on a line. Bytes that are not printable are written as \xHH.
std::string Transcript(std::span<const std::string_view> pieces);

}  // namespace zts::http
