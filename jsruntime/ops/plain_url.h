// Finds the parts of an http(s) URL that is already in its canonical form, in one pass and without allocating.
//
// Nearly every URL a function sees is of that kind: the href is the input, and only offsets are missing. What is in any way
// unusual (credentials, default ports, odd hosts, dot segments, anything that needs escaping) is left to ada. The rule is
// one-sided: to refuse is always right, to accept must give exactly ada's answer; plain_url_test
// holds the two against each other.
//
// Thread:   a pure function.
#pragma once

#include <string_view>

#include "jsruntime/ops/ada.h"

namespace zts::js {

bool ParsePlainUrl(std::string_view input, ada_url_components* parts);

}  // namespace zts::js
