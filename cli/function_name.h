// Function names and NAME=VALUE settings as the command line has them, checked before anything is sent.
//
// Thread:   pure functions.
// Source:   a name is a host label (RFC 1123 2.1) and a path segment; proto/zts/v1/types.proto says the rule.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace zts::cli {

// Lower-case letters, digits and '-', 1 to 63, starts with a letter, does not end with '-'; NAME.NAMESPACE is two of them. The
// error proposes a name that is allowed.
Status CheckFunctionName(std::string_view name);
// The nearest allowed name: "My_Function" -> "my-function"; "fn" when nothing is left.
std::string NearestFunctionName(std::string_view text);

// NAME.NAMESPACE; NAME alone in the default namespace (also when `name_space` is empty), and where NAME has a namespace already.
std::string QualifiedName(const std::string& name, const std::string& name_space);

// Whether the qualified `name` is of `name_space`; every name is when that is empty.
bool IsInNamespace(std::string_view name, std::string_view name_space);

// "K=V"; the value may be empty or hold further '='. K is an identifier.
Result<std::pair<std::string, std::string>> ParseSetting(std::string_view text);

}  // namespace zts::cli
