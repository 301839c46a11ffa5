// Native half of web/format.js and of node:util: what an object really is, which JavaScript cannot ask without running the object's own
// code.
//
//   kindOf(value) -> ValueKind as a number
//   isProxy(value) -> whether reading it can be seen; and isAsyncFunction() and its like, by V8's names
//   lookInside(value) -> proxy: [target, handler]; promise: [state, result]; Map, Set or an iterator of one: [entries, isKeyValue]; else
//     undefined
//   ownNonIndexKeys(object, filter) -> its own names and symbols that are no index; filter 2: the enumerable ones
//   classNameOf(object) -> the name of what has made it
//   callSites(count) -> [{ functionName, scriptId, scriptName, lineNumber, columnNumber, column }] of the callers
//
// Thread:   the isolate's.
// Limits:   kCallSitesMax.
#pragma once

#include <span>

#include "jsruntime/ops/registry.h"

namespace zts::js {

// By the same numbers in web/format.js.
enum class ValueKind {
  kPlain, kArray, kMap, kSet, kDate, kRegExp, kError, kPromise, kProxy, kTypedArray, kArrayBuffer, kDataView, kIterator, kBoxed,
  kArguments, kWeak, kGenerator, kModule, kFunction,
};

// Node's own limit of util.getCallSites().
inline constexpr int kCallSitesMax = 200;

std::span<const Op> FormatOps();

}  // namespace zts::js
