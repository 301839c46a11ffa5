#include "worker/supervisor/engine_process.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <thread>

#include "base/log.h"
#include "worker/ipc/channel.h"

namespace zts::supervisor {
namespace {

// The engine reads its channel on a thread that does nothing else: one that does not for this long is broken.
constexpr timeval kSendTimeout{5, 0};
// An engine that has closed its channel has this long to end by itself.
constexpr int kExitGraceMs = 2'000;

class RealProcess final : public EngineProcess {
 public:
  RealProcess(ChildProcess child, UniqueFd socket, uint64_t generation, EngineSink* sink)
      : child_(std::move(child)), pid_(child_.pid()), channel_(std::move(socket)) {
    reader_ = std::thread([this, generation, sink] { Read(generation, sink); });
  }

  ~RealProcess() override {
    child_.Kill();
    reader_.join();
  }

  Status Send(const ipc::ToEngine& message, int descriptor) override {
    return channel_.Send(message.SerializeAsString(), descriptor);
  }
  void Kill() override { child_.Kill(); }
  pid_t pid() const override { return pid_; }

 private:
  void Read(uint64_t generation, EngineSink* sink) {
    while (true) {
      auto received = channel_.Receive();
      if (!received.ok()) {
        if (received.error().code != ErrorCode::kAborted) {
          ZTS_LOG(kError) << "channel of engine " << pid_ << ": " << received.error().message;
        }
        break;
      }
      ipc::FromEngine message;
      if (!message.ParseFromString(received->bytes)) {
        ZTS_LOG(kError) << "engine " << pid_ << " sent what is no message; it is ended";
        break;
      }
      sink->OnMessage(generation, std::move(message));
    }
    channel_.Shutdown();
    sink->OnExit(generation, WaitForExit());
  }

  ExitStatus WaitForExit() {
    auto status = child_.Wait(kExitGraceMs);
    if (!status.ok()) {
      child_.Kill();
      status = child_.Wait(-1);
    }
    return status.ok() ? *status : ExitStatus{false, -1};
  }

  ChildProcess child_;
  const pid_t pid_;
  ipc::Channel channel_;
  std::thread reader_;
};

}  // namespace

ProcessLauncher::ProcessLauncher(std::vector<std::string> command, std::vector<std::string> environment)
    : command_(std::move(command)), environment_(std::move(environment)) {}

Result<std::unique_ptr<EngineProcess>> ProcessLauncher::Launch(uint64_t generation, EngineSink* sink) {
  ZTS_ASSIGN_OR_RETURN(auto ends, ipc::Channel::MakePair());
  if (::setsockopt(ends.first.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendTimeout, sizeof kSendTimeout) != 0) {
    return Error::FromErrno("set the channel's send time-out");
  }
  ZTS_ASSIGN_OR_RETURN(ChildProcess child,
                       ChildProcess::Start({command_, environment_, std::move(ends.second)}));
  return std::unique_ptr<EngineProcess>(
      std::make_unique<RealProcess>(std::move(child), std::move(ends.first), generation, sink));
}

}  // namespace zts::supervisor
