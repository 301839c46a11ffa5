#include "worker/engine/session_context.h"

namespace zts {

void SessionContext::NextRequestId(char (&id)[16]) {
  // An odd multiplier makes the count walk through all 64-bit numbers in an order that does not look like counting.
  uint64_t bits = request_seed + ++request_count * 0x9e3779b97f4a7c15u;
  for (int i = 15; i >= 0; --i, bits >>= 4) id[i] = "0123456789abcdef"[bits & 15];
}

}  // namespace zts
