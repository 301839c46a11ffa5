// Native half of web/url.js.
//
//   urlParse(input, base, parts) -> href, or undefined where it is no URL
//   urlSet(href, which, value, parts) -> the href after the setter; `which` is a UrlPart
//   urlCanParse(input, base) -> boolean
//
// `parts` is an Int32Array of eight: the fields of ada_url_components in their order, -1 for none. The getters of URL then
// are slices of one JavaScript string, and nothing native is kept.
//
// Thread:   the isolate's.
// Limits:   inputs beyond 2^30 bytes are no URLs (offsets are 31 bits).
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

// The second argument of urlSet, by the same numbers in web/url.js.
enum class UrlPart { kHref, kProtocol, kUsername, kPassword, kHost, kHostname, kPort, kPathname, kSearch, kHash };

std::span<const Op> UrlOps();

}  // namespace zts::js
