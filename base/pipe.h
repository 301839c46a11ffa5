// A pipe whose two ends have owners and are not inherited by children unless they are given to one.
//
// Thread:   any.
// Errors:   no descriptors left.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace zts {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> MakePipe();

}  // namespace zts
