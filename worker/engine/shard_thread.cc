#include "worker/engine/shard_thread.h"

#include <pthread.h>
#include <sched.h>

#include <cstring>
#include <utility>

#include "base/log.h"

namespace zts {
namespace {

// A core that is not ours to have is no reason not to serve.
void PinTo(uint32_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (cpu < CPU_SETSIZE) CPU_SET(cpu, &set);
  const int error = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
  if (error != 0) {
    ZTS_LOG(kWarning) << "cannot pin a shard to CPU " << cpu << ": " << std::strerror(error);
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
  if (options_.cpu) PinTo(*options_.cpu);
  // On its own thread: a ring belongs to the thread that made it.
  auto io = net::CreateIo(options_.io);
  if (!io.ok()) return started_.set_value(std::move(io).error());
  features_ = (*io)->features();
  net::Loop loop(std::move(io).value(), &clock_);
  Shard shard({.loop = &loop,
               .warmup = options_.warmup,
               .watchdog = options_.watchdog,
               .counters = options_.counters,
               .logs = options_.logs,
               .listen_fd = options_.listener.get(),
               .request_seed = options_.request_seed});
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
