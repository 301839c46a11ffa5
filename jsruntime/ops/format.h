// Native half of web/format.js: what an object really is, which JavaScript cannot ask without running the object's own code.
//
//   kindOf(value) -> ValueKind as a number
//   isProxy(value) -> whether reading it can be seen
//   lookInside(value) -> proxy: [target]; promise: [state, result]; Map or Set iterator: [entries, isKeyValue]; else undefined
//
// Thread:   the isolate's.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

// By the same numbers in web/format.js.
enum class ValueKind {
  kPlain, kArray, kMap, kSet, kDate, kRegExp, kError, kPromise, kProxy, kTypedArray, kArrayBuffer, kDataView, kIterator, kBoxed,
  kArguments, kWeak, kGenerator, kModule, kFunction,
};

std::span<const Op> FormatOps();

}  // namespace zts::js
