// What a deploy may say: names, routes, environment, limits. Every refusal is one sentence that names the field and the rule.
//
// What passes here is safe to put into host labels, paths, keys of the store and the catalog of every worker.
//
// Thread:   pure functions.
// Limits:   "what a deploy may bring" in limits.h.
// Errors:   kInvalid; kExhausted where a size is beyond its bound.
// Source:   host names RFC 1123 2.1, path characters RFC 3986 3.3.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "controller/model.h"
#include "controller/traffic.h"

namespace zts::controller {

// Lower-case letters, digits and '-', starts with a letter, ends with none of '-': a host label and a path segment. Outside of the
// default namespace NAME.NAMESPACE, each such a label.
Status ValidateFunctionName(std::string_view name);

// What stack traces show: one line, no control characters.
Status ValidateMainModule(std::string_view name);

// "HOST/PATH", "/PATH" or "HOST" in its one canonical form: host in lower case, path without a trailing '/', "host/" for all of a host.
// Two routes are the same route exactly when these are equal.
Result<std::string> NormalizeRoute(std::string_view text);

// Checks all of a configuration and brings its routes into canonical form.
Status ValidateConfig(VersionConfig& config);

// The name of the header or cookie, where one is meant; a header's is brought into lower case.
Status ValidateSticky(Sticky& sticky);

// Steps that grow up to all requests, and bounds that mean something; what is left at 0 gets its default.
Status ValidatePromotion(Promotion& promotion);

// What people write about a version, as one line of at most so many bytes: control characters become blanks.
std::string OneLine(std::string_view text, size_t bytes_max);

Status ValidateBundleSize(uint64_t bytes);

}  // namespace zts::controller
