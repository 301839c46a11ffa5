#include "worker/ipc/shared_counters.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <new>
#include <string>
#include <type_traits>

namespace zts::ipc {
namespace {

static_assert(std::atomic<uint64_t>::is_always_lock_free);
static_assert(std::is_trivially_destructible_v<ShardCounters>);

// The blocks begin at a cache line of their own.
constexpr size_t kHeaderBytes = 64;
static_assert(sizeof(SegmentHeader) <= kHeaderBytes);
static_assert(alignof(ShardCounters) <= kHeaderBytes);
// More than any machine has cores; bounds what a header may make a process map (4 MiB a shard).
constexpr uint32_t kShardsMax = 4096;

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
      shards_(static_cast<uint32_t>((bytes - kHeaderBytes) / sizeof(ShardCounters))) {}

SharedCounters::~SharedCounters() { ::munmap(memory_, bytes_); }

Result<std::unique_ptr<SharedCounters>> SharedCounters::Create(uint32_t shards) {
  if (shards == 0 || shards > kShardsMax) {
    return Invalid("shared counters need 1 to " + std::to_string(kShardsMax) + " shards, not " + std::to_string(shards));
  }
  UniqueFd fd(::memfd_create("zts-counters", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return Error::FromErrno("memfd_create for the shared counters");
  const size_t bytes = SegmentBytes(shards);
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) return Error::FromErrno("size the shared counters");
  // Of fixed size from here on: no peer can take pages away under the other.
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return Error::FromErrno("seal the shared counters");
  }
  ZTS_ASSIGN_OR_RETURN(void* memory, MapWhole(fd.get(), bytes));
  new (memory) SegmentHeader{kSegmentMagic, shards, static_cast<uint32_t>(sizeof(ShardCounters))};
  return std::unique_ptr<SharedCounters>(new SharedCounters(std::move(fd), memory, bytes));
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

uint32_t SharedCounters::shards() const { return shards_; }

ShardCounters& SharedCounters::shard(uint32_t index) const {
  ZTS_CHECK(index < shards_);
  char* first = static_cast<char*>(memory_) + kHeaderBytes;
  return *reinterpret_cast<ShardCounters*>(first + size_t{index} * sizeof(ShardCounters));
}

}  // namespace zts::ipc
