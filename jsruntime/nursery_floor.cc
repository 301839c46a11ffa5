#include "jsruntime/nursery_floor.h"

#include <v8.h>

#include <string>

namespace zts::js {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

// The process's, as the flag is.
std::shared_mutex& MakingIsolates() {
  static std::shared_mutex mutex;
  return mutex;
}

void SetFlag(size_t mib) {
  const std::string flag = "--min-semi-space-size=" + std::to_string(mib);
  v8::V8::SetFlagsFromString(flag.data(), flag.size());
}

}  // namespace

NurseryFloor::NurseryFloor(size_t nursery_bytes) {
  if (nursery_bytes == 0) {
    beside_ = std::shared_lock(MakingIsolates());
    return;
  }
  alone_ = std::unique_lock(MakingIsolates());
  SetFlag((nursery_bytes + kMiB - 1) / kMiB);
}

NurseryFloor::~NurseryFloor() {
  if (alone_.owns_lock()) SetFlag(0);
}

}  // namespace zts::js
