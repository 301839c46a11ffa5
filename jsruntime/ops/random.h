// The one door to randomness for tenants' code: the kernel's generator, read ahead in small amounts.
//
// Bytes are wiped as they are handed out, and the pool lives in the thread, not in an isolate: it is in no snapshot, and two
// isolates never see the same bytes.
//
// Thread:   any; each has its own pool.
// Errors:   none to handle: getrandom(2) for up to 256 bytes cannot fail once the kernel is up; CHECKed.
#pragma once

#include <cstdint>
#include <span>

namespace zts::js {

void FillRandom(std::span<uint8_t> out);
// How often this thread has asked.
uint64_t RandomDraws();

}  // namespace zts::js
