// What the fields of a request or response may be made of, and their text in the forms that are compared.
//
// Thread:   pure functions.
// Sources:  RFC 9110 5.5, 5.6.2.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

namespace zts::egress {

bool IsToken(std::string_view text);
bool IsFieldValue(std::string_view text);
std::string Lower(std::string_view text);
// Without blanks and ends of lines around it.
std::string_view Trim(std::string_view text);

template <size_t N>
bool IsOneOf(std::string_view name, const std::string_view (&names)[N]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace zts::egress
