// What code caches and snapshots are good for: V8's version, its flags and the CPU's features.
//
// Thread:   any, after the host has started.
#pragma once

#include <string>

namespace zts::js {

// "14.6.202.34-node.34": V8's version.
std::string V8Version();

// "14.6.202.34-node.34|x86-64|1f2e3d4c": the last part is V8's own tag over version, flags and CPU features.
std::string ArtifactKey();

}  // namespace zts::js
