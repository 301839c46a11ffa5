// What to do about errors that people make often: a sentence beside the exception in the log, and in a deploy that fails.
//
// Names that do not exist here stay undefined, because libraries ask `typeof process` or `typeof Buffer` to choose their way, and a stub
// that throws when it is called would send them the wrong one. So the hint comes with the uncaught error.
//
// Thread:   a pure function.
#pragma once

#include <string_view>

namespace zts::js {

// `message` is an exception's first line, "ReferenceError: process is not defined". Empty where there is nothing to say.
std::string_view HintFor(std::string_view message);

}  // namespace zts::js
