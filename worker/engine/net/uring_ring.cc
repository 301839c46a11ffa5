#include "worker/engine/net/uring_ring.h"

#include <linux/time_types.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/check.h"
#include "base/unique_fd.h"

namespace zts::net {
namespace {

// Newer than the headers this is built with.
constexpr unsigned kSetupNoSqArray = 1u << 16;

struct FeatureName {
  const char* name;
  bool UringFeatures::*field;
};
constexpr FeatureName kFeatureNames[] = {
    {"multishot_accept", &UringFeatures::multishot_accept}, {"multishot_recv", &UringFeatures::multishot_recv},
    {"coop_taskrun", &UringFeatures::coop_taskrun},         {"single_issuer", &UringFeatures::single_issuer},
    {"defer_taskrun", &UringFeatures::defer_taskrun},       {"registered_ring", &UringFeatures::registered_ring},
    {"no_sqarray", &UringFeatures::no_sqarray},             {"batched_send", &UringFeatures::batched_send},
};

unsigned SetupFlags(const UringFeatures& features) {
  unsigned flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL;
  if (features.coop_taskrun) flags |= IORING_SETUP_COOP_TASKRUN;
  if (features.single_issuer) flags |= IORING_SETUP_SINGLE_ISSUER;
  if (features.defer_taskrun) flags |= IORING_SETUP_DEFER_TASKRUN;
  if (features.no_sqarray) flags |= kSetupNoSqArray;
  return flags;
}

// Drops the newest feature that is still on; false when nothing is left to drop.
bool DropNewest(UringFeatures* features) {
  for (bool UringFeatures::*field : {&UringFeatures::no_sqarray, &UringFeatures::defer_taskrun, &UringFeatures::single_issuer,
                                     &UringFeatures::coop_taskrun}) {
    if (std::exchange(features->*field, false)) return true;
  }
  return false;
}

int ReadDisabledSysctl() {
  std::FILE* file = std::fopen("/proc/sys/kernel/io_uring_disabled", "re");
  if (file == nullptr) return -1;
  int value = -1;
  if (std::fscanf(file, "%d", &value) != 1) value = -1;
  std::fclose(file);
  return value;
}

std::string LockedMemoryLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return "unlimited";
  return std::to_string(limit.rlim_cur / 1024) + " KiB";
}

// The first completion of what was put into the queue.
Cqe ProbeOne(Ring* ring) {
  Cqe cqe{.result = -ETIME};
  ring->Enter(1, kSecond);
  ring->NextCqe(&cqe);
  return cqe;
}

bool ProbeMultishotAccept(Ring* ring) {
  const UniqueFd not_a_socket(eventfd(0, EFD_CLOEXEC));
  io_uring_prep_multishot_accept(ring->GetSqe(), not_a_socket.get(), nullptr, nullptr, 0);
  // A kernel that knows the flag goes on to look at the descriptor.
  return ProbeOne(ring).result == -ENOTSOCK;
}

bool ProbeMultishotRecv(Ring* ring) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return false;
  const UniqueFd near(pair[0]);
  const UniqueFd far(pair[1]);
  if (::send(far.get(), "x", 1, MSG_NOSIGNAL) != 1) return false;
  io_uring_sqe* sqe = ring->GetSqe();
  io_uring_prep_recv_multishot(sqe, near.get(), nullptr, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = BufferRing::kGroup;
  const Cqe cqe = ProbeOne(ring);
  return cqe.result == 1 && (cqe.flags & IORING_CQE_F_MORE) != 0;
}

}  // namespace

// ---- features --------------------------------------------------------------------------------------------

std::vector<std::string> UringFeatures::Names() {
  std::vector<std::string> names;
  for (const FeatureName& feature : kFeatureNames) names.push_back(feature.name);
  return names;
}

const bool* UringFeatures::Find(std::string_view name) const {
  for (const FeatureName& feature : kFeatureNames) {
    if (name == feature.name) return &(this->*feature.field);
  }
  return nullptr;
}

Result<UringFeatures> UringFeatures::Without(std::string_view names) {
  UringFeatures features;
  while (!names.empty()) {
    const size_t end = std::min(names.find(','), names.size());
    const std::string_view name = names.substr(0, end);
    names.remove_prefix(std::min(end + 1, names.size()));
    const auto* found = std::find_if(std::begin(kFeatureNames), std::end(kFeatureNames),
                                     [name](const FeatureName& feature) { return name == feature.name; });
    if (found == std::end(kFeatureNames)) {
      std::string known;
      for (const std::string& one : Names()) known += (known.empty() ? "" : ", ") + one;
      return Invalid("io_uring has no feature \"" + std::string(name) + "\" to switch off; it has " + known);
    }
    features.*found->field = false;
  }
  return features;
}

Error UringSetupError(int error_number, int io_uring_disabled) {
  switch (error_number) {
    case ENOSYS:
      return {ErrorCode::kUnsupported,
              "io_uring is not in this kernel; Linux 5.19 or newer has it, or choose the epoll back end with --io=epoll"};
    case EPERM:
    case EACCES:
      if (io_uring_disabled > 0) {
        return {ErrorCode::kDenied, "io_uring is switched off on this machine (kernel.io_uring_disabled = " +
                                        std::to_string(io_uring_disabled) +
                                        "); switch it on with `sysctl -w kernel.io_uring_disabled=0`, or choose --io=epoll"};
      }
      return {ErrorCode::kDenied,
              "io_uring is refused, most likely by the container's seccomp profile; allow io_uring_setup, io_uring_enter and "
              "io_uring_register in it, or choose --io=epoll"};
    case ENOMEM:
      return {ErrorCode::kExhausted,
              "no memory for io_uring; raise the limit of locked memory (ulimit -l, LimitMEMLOCK=; it is " + LockedMemoryLimit() +
                  ") or the container's memory, or choose --io=epoll"};
    case EMFILE:
    case ENFILE:
      return {ErrorCode::kExhausted,
              "no descriptor is left for io_uring; raise the limit of open files (ulimit -n, LimitNOFILE=)"};
    case EINVAL:
      return {ErrorCode::kUnsupported, "this kernel's io_uring is too old; Linux 5.19 is needed, or choose --io=epoll"};
    default:
      return Error::FromErrno("io_uring (--io=epoll does without)", error_number);
  }
}

Result<UringFeatures> ProbeUring(const UringFeatures& wanted) {
  UringFeatures features = wanted;
  BufferRing buffers;
  Ring ring;
  ZTS_RETURN_IF_ERROR(ring.SetUp(8, 16, Ring::Start::kAtOnce, &features));
  ZTS_RETURN_IF_ERROR(buffers.Register(&ring, 2, 64));
  if (features.registered_ring) features.registered_ring = ring.RegisterDescriptor();
  if (features.multishot_accept) features.multishot_accept = ProbeMultishotAccept(&ring);
  if (features.multishot_recv) features.multishot_recv = ProbeMultishotRecv(&ring);
  return features;
}

// ---- ring ------------------------------------------------------------------------------------------------

Ring::~Ring() {
  if (made_) io_uring_queue_exit(&ring_);
}

Status Ring::SetUp(unsigned submissions, unsigned completions, Start start, UringFeatures* features) {
  if (!features->single_issuer) features->defer_taskrun = false;
  io_uring_params params;
  int fd;
  do {
    // A kernel that does not know a flag says EINVAL, so the flags go one by one, newest first.
    params = {};
    params.flags = SetupFlags(*features) | (start == Start::kDisabled ? unsigned{IORING_SETUP_R_DISABLED} : 0);
    params.cq_entries = completions;
    fd = io_uring_setup(submissions, &params);
  } while (fd == -EINVAL && DropNewest(features));
  if (fd < 0) return UringSetupError(-fd, ReadDisabledSysctl());
  // In two steps, because io_uring_queue_init_params fills an index array that no_sqarray does not have.
  if (const int mapped = io_uring_queue_mmap(fd, &params, &ring_); mapped < 0) {
    ::close(fd);
    return UringSetupError(-mapped, -1);
  }
  ring_.enter_ring_fd = fd;
  made_ = true;
  // Waiting with a time limit (Linux 5.11) and completions that are never dropped (5.5): older kernels fail above.
  ZTS_CHECK((params.features & IORING_FEAT_EXT_ARG) != 0 && (params.features & IORING_FEAT_NODROP) != 0);
  if (!features->no_sqarray) {
    // Entry i of the index array is entry i of the queue, for good.
    for (unsigned i = 0; i < ring_.sq.ring_entries; ++i) ring_.sq.array[i] = i;
  }
  return {};
}

Status Ring::Restrict() {
  std::vector<io_uring_restriction> rules;
  const auto allow = [&rules](uint16_t kind, uint8_t what) {
    io_uring_restriction rule{};
    rule.opcode = kind;
    rule.sqe_op = what;  // a union with the other kinds' fields
    rules.push_back(rule);
  };
  for (const uint8_t operation : {IORING_OP_RECV, IORING_OP_SEND, IORING_OP_ACCEPT, IORING_OP_READ, IORING_OP_ASYNC_CANCEL}) {
    allow(IORING_RESTRICTION_SQE_OP, operation);
  }
  allow(IORING_RESTRICTION_SQE_FLAGS_ALLOWED, IOSQE_BUFFER_SELECT | IOSQE_CQE_SKIP_SUCCESS);
  for (const uint8_t registration : {IORING_REGISTER_RING_FDS, IORING_UNREGISTER_RING_FDS}) {
    allow(IORING_RESTRICTION_REGISTER_OP, registration);
  }
  const int result = io_uring_register_restrictions(&ring_, rules.data(), static_cast<unsigned>(rules.size()));
  if (result < 0) return UringSetupError(-result, -1).Under("restricting the ring");
  return {};
}

void Ring::Enable() { ZTS_CHECK(io_uring_enable_rings(&ring_) >= 0); }

unsigned Ring::PublishSqes() {
  io_uring_smp_store_release(ring_.sq.ktail, ring_.sq.sqe_tail);
  return ring_.sq.sqe_tail - *ring_.sq.khead;
}

int Ring::Submit() { return io_uring_enter2(ring_.enter_ring_fd, PublishSqes(), 0, EnterFlags(), nullptr, _NSIG / 8); }

int Ring::Enter(unsigned min_complete, Nanos timeout) {
  const unsigned submit = PublishSqes();
  const unsigned flags = EnterFlags() | IORING_ENTER_GETEVENTS;
  if (min_complete == 0 || timeout < 0) {
    return io_uring_enter2(ring_.enter_ring_fd, submit, min_complete, flags, nullptr, _NSIG / 8);
  }
  __kernel_timespec limit{.tv_sec = timeout / kSecond, .tv_nsec = timeout % kSecond};
  io_uring_getevents_arg argument{};
  argument.ts = reinterpret_cast<uint64_t>(&limit);
  return io_uring_enter2(ring_.enter_ring_fd, submit, min_complete, flags | IORING_ENTER_EXT_ARG,
                         reinterpret_cast<sigset_t*>(&argument), sizeof(argument));
}

Cqe Ring::PeekAt(unsigned place) const {
  const io_uring_cqe& cqe = ring_.cq.cqes[place & ring_.cq.ring_mask];
  return {cqe.user_data, cqe.res, cqe.flags};
}

bool Ring::NextCqe(Cqe* cqe) {
  if (!HasCqe()) return false;
  *cqe = PeekAt(CqBegin());
  TakeOne();
  return true;
}

// ---- buffers ---------------------------------------------------------------------------------------------

BufferRing::~BufferRing() {
  if (memory_ != nullptr) munmap(memory_, count_ * stride());
  if (ring_ != nullptr) munmap(ring_, count_ * sizeof(io_uring_buf));
}

Status BufferRing::Register(Ring* ring, size_t count, size_t buffer_bytes) {
  ZTS_CHECK(count > 0 && count <= 32768 && (count & (count - 1)) == 0);
  const auto map = [](size_t bytes) { return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); };
  count_ = count;
  buffer_bytes_ = buffer_bytes;
  void* entries = map(count * sizeof(io_uring_buf));
  if (entries == MAP_FAILED) return Error::FromErrno("mapping the ring of receive buffers");
  ring_ = static_cast<io_uring_buf_ring*>(entries);
  void* memory = map(count * stride());
  if (memory == MAP_FAILED) return Error::FromErrno("mapping receive buffers (raise the memory limit of the process)");
  memory_ = static_cast<std::byte*>(memory);
  // A pass touches many buffers, a few lines each: huge pages save their TLB entries. Only a wish.
  (void)madvise(memory_, count * stride(), MADV_HUGEPAGE);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uint64_t>(ring_);
  registration.ring_entries = static_cast<uint32_t>(count);
  registration.bgid = kGroup;
  if (const int result = io_uring_register_buf_ring(ring->get(), &registration, 0); result < 0) {
    return UringSetupError(-result, -1).Under("registering receive buffers");
  }
  io_uring_buf_ring_init(ring_);
  for (size_t i = 0; i < count; ++i) Add(static_cast<uint32_t>(i));
  Publish();
  return {};
}

void BufferRing::Add(uint32_t buffer) {
  const MutableBytes space = At(buffer);
  io_uring_buf_ring_add(ring_, space.data(), static_cast<unsigned>(space.size()), static_cast<uint16_t>(buffer),
                        io_uring_buf_ring_mask(static_cast<uint32_t>(count_)), added_++);
}

void BufferRing::Publish() {
  if (added_ > 0) io_uring_buf_ring_advance(ring_, std::exchange(added_, 0));
}

}  // namespace zts::net
