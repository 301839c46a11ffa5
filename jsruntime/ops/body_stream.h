// Native half of web/body_stream.js: bodies that come and go in pieces.
//
//   hooksOf(serial) -> object or undefined        what JavaScript keeps of the invocation (see calls.arrived and its like in
//   hook(serial, object)                          web/body_stream.js); gone with the invocation
//   bodyStreams(serial) -> boolean                whether the request's body is one that has not arrived whole with its head
//   bodyRead(serial, max) -> Uint8Array; null at the end; undefined when nothing is there yet: calls.arrived(hooks) follows
//   bodyDrop(serial)                              nobody will read the rest
//   responseChunk(serial, bytes, from) -> number  n >= 0: so many bytes from there on are taken, and there is room for more; -1 - n: n are
//                                                 taken, and calls.resume(hooks) follows; undefined: nobody waits for them any more
//   responseEnd(serial)                           the stream has ended
//   responseFail(serial, error)                   it has failed: logged as the invocation's exception
//
// bodyRead throws a TypeError when the body has failed or its invocation is over. The others do nothing for one that is over.
//
// Thread:   the isolate's.
// Limits:   a piece beyond the memory limit is a RangeError.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

std::span<const Op> BodyStreamOps();

}  // namespace zts::js
