// The .proto files that must stay compatible, as this build has them.
//
// Thread:   any.
#pragma once

#include "proto/wire_record.h"

namespace zts::proto {

// What other builds speak, and what is on disks. worker/ipc is not among them: both its ends are always of one build.
WireRecord RecordOfThisBuild();

}  // namespace zts::proto
