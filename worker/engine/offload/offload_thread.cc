#include "worker/engine/offload/offload_thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/log.h"
#include "worker/engine/core_split.h"
#include "worker/engine/limits.h"

namespace zts::offload {

Result<std::unique_ptr<OffloadThread>> OffloadThread::Start(const Options& options) {
  std::unique_ptr<OffloadThread> self(new OffloadThread(options));
  self->thread_ = std::thread([raw = self.get()] { raw->Run(); });
  Status started = self->started_.get_future().get();
  if (!started.ok()) {
    self->ended_ = true;
    return std::move(started).error();
  }
  return self;
}

OffloadThread::~OffloadThread() {
  EndLoop();
  release_.set_value();
  if (thread_.joinable()) thread_.join();
}

void OffloadThread::Run() {
  const std::string name = "zts-offload-" + std::to_string(options_.index);
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  BindTo(options_.cores);
  // In Linux a thread has a niceness of its own (setpriority(2), "C library/kernel differences").
  if (::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kOffloadNiceness) != 0) {
    ZTS_LOG(kWarning) << "an offload thread keeps the priority of a shard: " << std::strerror(errno);
  }
  auto io = net::CreateIo(options_.io);
  if (!io.ok()) return started_.set_value(std::move(io).error());
  net::Loop loop(std::move(io).value(), &clock_);
  OffloadHost host({.loop = &loop,
                    .warmup = options_.warmup,
                    .watchdog = options_.watchdog,
                    .counters = options_.counters,
                    .logs = options_.logs,
                    .budget = options_.budget});
  host_ = &host;
  started_.set_value({});
  host.Run();
  loop_ended_.set_value();
  release_.get_future().wait();
}

void OffloadThread::EndLoop() {
  if (ended_) return;
  ended_ = true;
  host_->Stop();
  loop_ended_.get_future().wait();
}

}  // namespace zts::offload
