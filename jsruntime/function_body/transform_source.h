// transform.js with its parser, as part of the program: the body of a function that returns transform().
//
// Life:     the program's. ASCII.
#pragma once

#include <string_view>

namespace zts::js {

std::string_view TransformSource();

}  // namespace zts::js
