// The Host of a test that runs inside the host binary (macro zts_v8_test), started once a process.
//
// Thread:   any.
#pragma once

#include "jsruntime/host.h"

namespace zts::js {

Host& TestHost();

}  // namespace zts::js
