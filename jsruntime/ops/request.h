// Native half of web/request.js and of the lazy side of web/headers.js: what JavaScript asks of an incoming request, by serial.
//
//   requestMethod(serial) -> string            requestUrl(serial) -> string, absolute
//   requestHeader(serial, name) -> string or null, fields of one name combined; `name` is lower-case
//   requestHeaders(serial) -> [name, value, name, value, ...], names lower-case
//   requestHasBody(serial) -> boolean          requestText(serial) -> string          requestBytes(serial) -> Uint8Array
//   bodyDecode(bytes) -> string                bodyEncode(string) -> Uint8Array
//
// Each throws a TypeError when the invocation is over: its bytes are gone.
//
// Thread:   the isolate's.
// Limits:   a buffer beyond the memory limit is a RangeError, a string beyond V8's length too.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> RequestOps();

}  // namespace zts::js
