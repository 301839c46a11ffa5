#include "worker/ipc/shared_counters.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <new>
#include <string>
#include <type_traits>

#include "base/check.h"

namespace zts::ipc {
namespace {

static_assert(std::atomic<uint64_t>::is_always_lock_free);
static_assert(std::is_trivially_destructible_v<ShardCounters>);

// The blocks begin at a cache line of their own.
constexpr size_t kHeaderBytes = 64;
static_assert(sizeof(SegmentHeader) <= kHeaderBytes);
static_assert(alignof(ShardCounters) <= kHeaderBytes);
// A shard and an offload thread a core (OffloadThreadsOf), of more cores than any machine has, and that for each of nine engine classes;
// bounds what a header may make a process map (4 MiB a block).
constexpr uint32_t kShardsMax = 2 * 1024 * 9;

size_t SegmentBytes(uint32_t shards) { return kHeaderBytes + size_t{shards} * sizeof(ShardCounters); }

Result<void*> MapWhole(int fd, size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return Error::FromErrno("map the shared counters");
  return memory;
}

}  // namespace

SharedCounters::SharedCounters(UniqueFd fd, void* memory, size_t bytes)
    : fd_(std::move(fd)),
      memory_(memory),
      bytes_(bytes),
      shards_max_(static_cast<uint32_t>((bytes - kHeaderBytes) / sizeof(ShardCounters))),
      shards_(shards_max_) {}

SharedCounters::~SharedCounters() { ::munmap(memory_, bytes_); }

Result<std::unique_ptr<SharedCounters>> SharedCounters::Create(uint32_t shards, uint32_t shards_max) {
  shards_max = std::max(shards, shards_max);
  if (shards == 0 || shards_max > kShardsMax) {
    return Invalid("shared counters need 1 to " + std::to_string(kShardsMax) + " shards, not " + std::to_string(shards_max));
  }
  UniqueFd fd(::memfd_create("zts-counters", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return Error::FromErrno("memfd_create for the shared counters");
  const size_t bytes = SegmentBytes(shards_max);
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) return Error::FromErrno("size the shared counters");
  // Of fixed size from here on: no peer can take pages away under the other.
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return Error::FromErrno("seal the shared counters");
  }
  ZTS_ASSIGN_OR_RETURN(void* memory, MapWhole(fd.get(), bytes));
  new (memory) SegmentHeader{kSegmentMagic, shards_max, static_cast<uint32_t>(sizeof(ShardCounters))};
  std::unique_ptr<SharedCounters> counters(new SharedCounters(std::move(fd), memory, bytes));
  counters->shards_ = shards;
  return counters;
}

Result<std::unique_ptr<SharedCounters>> SharedCounters::Map(UniqueFd fd) {
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return Error::FromErrno("stat the shared counters");
  const size_t size = static_cast<size_t>(info.st_size);
  if (size < SegmentBytes(1) || size > SegmentBytes(kShardsMax)) {
    return Error{ErrorCode::kCorrupt, "shared counters of " + std::to_string(size) + " bytes are of another build"};
  }
  const int seals = ::fcntl(fd.get(), F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
    return Error{ErrorCode::kCorrupt, "shared counters must be a memory file of sealed size"};
  }
  ZTS_ASSIGN_OR_RETURN(void* memory, MapWhole(fd.get(), size));
  const SegmentHeader header = *static_cast<const SegmentHeader*>(memory);
  if (header.magic != kSegmentMagic || header.shard_bytes != sizeof(ShardCounters) || header.shards > kShardsMax ||
      SegmentBytes(header.shards) != size) {
    ::munmap(memory, size);
    return Error{ErrorCode::kCorrupt, "shared counters have another layout; both programs must be of one build"};
  }
  return std::unique_ptr<SharedCounters>(new SharedCounters(std::move(fd), memory, size));
}

void SharedCounters::Grow(uint32_t shards) {
  ZTS_CHECK(shards <= shards_max_);
  for (uint32_t now = this->shards(); now < shards && !shards_.compare_exchange_weak(now, shards);) {
  }
}

ShardCounters& SharedCounters::shard(uint32_t index) const {
  ZTS_CHECK(index < shards_max_);
  char* first = static_cast<char*>(memory_) + kHeaderBytes;
  return *reinterpret_cast<ShardCounters*>(first + size_t{index} * sizeof(ShardCounters));
}

}  // namespace zts::ipc
