#include "worker/engine/session_context.h"

namespace zts {

void SessionContext::NextRequestId(char (&id)[16]) {
  // An odd multiplier makes the count walk through all 64-bit numbers in an order that does not look like counting.
  uint64_t bits = request_seed + ++request_count * 0x9e3779b97f4a7c15u;
  for (int i = 15; i >= 0; --i, bits >>= 4) id[i] = "0123456789abcdef"[bits & 15];
}

uint64_t SessionContext::Draw() {
  if (draw_state == 0) draw_state = request_seed | 1;
  draw_state ^= draw_state >> 12;
  draw_state ^= draw_state << 25;
  draw_state ^= draw_state >> 27;
  return draw_state * 0x2545F4914F6CDD1Du;
}

void SessionContext::RecordLatencies() {
  if (unflushed.empty()) return;
  const Nanos now = loop->clock().Now();
  for (const Unflushed& answer : unflushed) {
    counters->functions[answer.counter_row].latency.Record(now - answer.started);
    counters->latency.Record(now - answer.started);
    if (answer.version_row != 0) counters->versions[answer.version_row % ipc::kVersionRows].latency.Record(now - answer.started);
  }
  unflushed.clear();
}

}  // namespace zts
