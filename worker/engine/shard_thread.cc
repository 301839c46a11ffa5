#include "worker/engine/shard_thread.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "base/log.h"
#include "worker/engine/core_split.h"
#include "worker/engine/limits.h"
#include "worker/engine/thread_times.h"

namespace zts {
namespace {

// The kernel's sched_attr (sched_setattr(2)), which glibc does not declare yet.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = SCHED_OTHER;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;  // for SCHED_OTHER: the length of a slice (Linux 6.12); 0 is the system's, some milliseconds
  uint64_t deadline = 0;
  uint64_t period = 0;
};

// Asks for short slices: a thread that wakes with a shorter slice than the running one's takes the core at once, where it would
// otherwise wait for that slice to end. Its share of the CPU stays the same. It matters when the warm-up thread, or another process, is
// on the shard's core just as a request arrives. Older kernels ignore the value.
void AskForShortSlices() {
  SchedulingAttributes attributes;
  // What the thread has stays as it is, its niceness above all.
  const bool known = syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) == 0;
  attributes.runtime = kShardSlice;
  if (!known || attributes.policy != SCHED_OTHER || syscall(SYS_sched_setattr, 0, &attributes, 0) != 0) {
    ZTS_LOG(kDebug) << "no short slices for shards: " << std::strerror(errno);
  }
}

}  // namespace

Result<std::unique_ptr<ShardThread>> ShardThread::Start(Options options) {
  std::unique_ptr<ShardThread> self(new ShardThread(std::move(options)));
  self->thread_ = std::thread([raw = self.get()] { raw->Run(); });
  Status started = self->started_.get_future().get();
  if (!started.ok()) {
    self->ended_ = true;
    return std::move(started).error();
  }
  return self;
}

ShardThread::ShardThread(Options options) : options_(std::move(options)) {}

ShardThread::~ShardThread() {
  EndLoop();
  release_.set_value();
  if (thread_.joinable()) thread_.join();
}

void ShardThread::Run() {
  const std::string name = "zts-shard-" + std::to_string(options_.index);
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  BindTo(options_.cpu ? std::vector<uint32_t>{*options_.cpu} : options_.cores);
  AskForShortSlices();
  // On its own thread: a ring belongs to the thread that made it.
  auto io = net::CreateIo(options_.io);
  if (!io.ok()) return started_.set_value(std::move(io).error());
  features_ = (*io)->features();
  net::Loop loop(std::move(io).value(), &clock_);
  RunDelay run_delay;
  if (options_.balance != nullptr) {
    options_.balance->Watch(options_.index, [times = std::make_shared<ThreadTimes>()] { return times->Read().busy(); });
  }
  Shard shard({.loop = &loop,
               .warmup = options_.warmup,
               .watchdog = options_.watchdog,
               .counters = options_.counters,
               .logs = options_.logs,
               .offload = options_.offload,
               .budget = options_.budget,
               .listen_fd = options_.listener.get(),
               .request_seed = options_.request_seed,
               .balance = options_.balance,
               .index = options_.index,
               .tell = options_.tell,
               .run_delay = &run_delay});
  loop_ = &loop;
  shard_ = &shard;
  started_.set_value({});
  shard.Run();
  loop_ended_.set_value();
  release_.get_future().wait();
}

void ShardThread::Post(std::function<void(Shard&)> task) {
  loop_->Post([shard = shard_, task = std::move(task)] { task(*shard); });
}

void ShardThread::EndLoop() {
  if (ended_) return;
  ended_ = true;
  loop_->Stop();
  loop_ended_.get_future().wait();
}

}  // namespace zts
