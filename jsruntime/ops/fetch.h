// Native half of web/fetch.js.
//
//   fetchStart(request) -> id, or "code:message" where it cannot be made. `request` is an array:
//     [method, url, [name, value, ...], redirect, bodyKind, bodyBytes, body]   redirect, bodyKind: FetchRedirect, FetchBody as numbers
//   fetchRead(id) -> Uint8Array; null at the end; undefined where there is nothing yet: fetchEvent follows
//   fetchSend(id, bytes, from, to)   a piece of the body, within the credit; false where the request is over
//   fetchFinish(id)   fetchRewound(id)   fetchCancel(id)
//   of a WebSocket (bodyKind kSocket), once it is open:
//   socketSend(id, isText, bytes, from) -> how much of a message went out behind its first `from` bytes; -1: it could not be begun, and
//     fetchEvent tells when there is room; undefined: the socket is over
//   socketUntaken(id) -> bytes of messages that are on their way
//   socketClose(id, code, reason)
//
// What the engine has to tell comes as fetchEvent(id, [kind, ...]) of web/fetch.js, see v8_isolate.cc.
//
// Thread:   the isolate's.
// Limits:   Limits::subrequests_max, subrequests_at_once, kFetchHeadBytesMax, kFetchFieldsMax.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> FetchOps();

}  // namespace zts::js
