// The host's V8 platform, as the addon's entry has found it.
//
// Owner:    the host binary; set once, before Main.
// Thread:   any.
#pragma once

#include <node.h>

namespace zts::js {

// REQUIRES: called in a process that ZTS_HOST_MAIN has entered.
node::MultiIsolatePlatform* HostPlatform();

}  // namespace zts::js
