#include "jsruntime/ops/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace zts::js {
namespace {

// A getrandom call costs about as much as the pool holds UUIDs cheaply; up to 256 bytes it is neither interrupted nor cut short.
constexpr size_t kPoolBytes = 256;

struct Pool {
  uint8_t bytes[kPoolBytes];
  size_t used = kPoolBytes;
};

void ReadKernel(std::span<uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      ZTS_CHECK(errno == EINTR);
      continue;
    }
    out = out.subspan(static_cast<size_t>(got));
  }
}

thread_local uint64_t g_draws = 0;

}  // namespace

uint64_t RandomDraws() { return g_draws; }

void FillRandom(std::span<uint8_t> out) {
  ++g_draws;
  thread_local Pool pool;
  if (out.size() > kPoolBytes / 4) return ReadKernel(out);
  if (kPoolBytes - pool.used < out.size()) {
    ReadKernel(pool.bytes);
    pool.used = 0;
  }
  if (out.empty()) return;
  std::memcpy(out.data(), pool.bytes + pool.used, out.size());
  std::memset(pool.bytes + pool.used, 0, out.size());
  pool.used += out.size();
}

}  // namespace zts::js
