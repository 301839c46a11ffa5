#include "worker/supervisor/egress_host.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <chrono>

#include "base/log.h"

namespace zts::supervisor {
namespace {

// It reads its channel first thing in each pass of its loop.
constexpr timeval kSendTimeout{5, 0};
constexpr int kExitGraceMs = 2'000;

}  // namespace

EgressHost::EgressHost(Options options) : options_(std::move(options)) {}

EgressHost::~EgressHost() { Stop(); }

void EgressHost::Stop() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    if (channel_ != nullptr) channel_->Shutdown();
    if (child_ != nullptr) child_->Kill();
  }
  ending_changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void EgressHost::Start() {
  thread_ = std::thread([this] { Run(); });
}

void EgressHost::Run() {
  for (;;) {
    const Nanos started = options_.clock->Now();
    RunOnce();
    const Nanos delay = restarts_.OnDeath(options_.clock->Now() - started, RestartPolicy::Culprit::kUnknown);
    std::unique_lock lock(mutex_);
    if (ending_changed_.wait_for(lock, std::chrono::nanoseconds(delay), [this] { return ending_; })) return;
  }
}

// One life of the process.
void EgressHost::RunOnce() {
  auto launched = Launch();
  if (!launched.ok()) {
    ZTS_LOG(kError) << "zts-egress cannot be started: " << launched.error().message;
    return;
  }
  const std::shared_ptr<ipc::Channel> channel = std::move(launched).value();
  const Status introduced = Introduce(channel);
  if (!introduced.ok()) {
    ZTS_LOG(kError) << "zts-egress does not become ready: " << introduced.error().message;
  } else {
    options_.on_up();
    // It has nothing more to say; what ends this is its end.
    while (channel->Receive().ok()) {
    }
  }
  Down();
}

Result<std::shared_ptr<ipc::Channel>> EgressHost::Launch() {
  ZTS_ASSIGN_OR_RETURN(auto ends, ipc::Channel::MakePair());
  if (::setsockopt(ends.first.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendTimeout, sizeof kSendTimeout) != 0) {
    return Error::FromErrno("set the channel's send time-out");
  }
  ZTS_ASSIGN_OR_RETURN(ChildProcess child, ChildProcess::Start({options_.command, options_.environment, std::move(ends.second)}));
  auto channel = std::make_shared<ipc::Channel>(std::move(ends.first));
  std::lock_guard lock(mutex_);
  child_ = std::make_unique<ChildProcess>(std::move(child));
  ++status_.starts;
  status_.pid = child_->pid();
  if (ending_) child_->Kill();
  return channel;
}

// What is added while it learns the rest waits for the lock, and is sent behind it.
Status EgressHost::Introduce(const std::shared_ptr<ipc::Channel>& channel) {
  ipc::ToEgress message;
  message.mutable_configure()->set_ca_file(options_.ca_file);
  ZTS_RETURN_IF_ERROR(channel->Send(message.SerializeAsString()));
  pollfd waiting{channel->fd(), POLLIN, 0};
  if (::poll(&waiting, 1, static_cast<int>(kReadyTimeout / kMillisecond)) <= 0) {
    return Error{ErrorCode::kTimeout, "no answer"};
  }
  ZTS_ASSIGN_OR_RETURN(const ipc::Channel::Message answer, channel->Receive());
  ipc::FromEgress ready;
  if (!ready.ParseFromString(answer.bytes) || !ready.has_ready()) return Internal("it answers nonsense");
  std::lock_guard lock(mutex_);
  for (const auto& [id, function] : functions_) ZTS_RETURN_IF_ERROR(channel->Send(function.message.SerializeAsString()));
  if (ending_) return Error{ErrorCode::kAborted, "the worker is stopping"};
  // From here on the others may use it.
  channel_ = channel;
  status_.up = true;
  ZTS_LOG(kInfo) << "egress " << status_.pid << " is ready: " << ready.ready().library();
  return {};
}

void EgressHost::Down() {
  std::unique_ptr<ChildProcess> child;
  bool ending;
  {
    std::lock_guard lock(mutex_);
    channel_.reset();
    status_.up = false;
    child = std::move(child_);
    ending = ending_;
  }
  auto status = child->Wait(ending ? 0 : kExitGraceMs);
  if (!status.ok()) {
    child->Kill();
    status = child->Wait(-1);
  }
  std::lock_guard lock(mutex_);
  status_.pid = 0;
  if (ending) return;
  ZTS_LOG(kError) << "zts-egress ended with " << (status.ok() ? status->ToString() : status.error().message)
                  << "; the requests it had under way have failed, and a new one is started";
}

bool EgressHost::Send(const ipc::ToEgress& message, int descriptor) {
  if (channel_ == nullptr) return false;
  const Status sent = channel_->Send(message.SerializeAsString(), descriptor);
  // Its end, which follows, is seen by who reads the channel.
  if (!sent.ok()) channel_->Shutdown();
  return sent.ok();
}

void EgressHost::AddFunction(const FunctionSpec& spec) {
  std::lock_guard lock(mutex_);
  const auto [at, added] = functions_.try_emplace(spec.version_id);
  at->second.forget_at = 0;
  if (!added) return;
  ipc::AddFunctionPolicy* add = at->second.message.mutable_add_function();
  add->set_version_id(spec.version_id);
  add->set_function(spec.function);
  add->set_number(spec.number);
  for (const std::string& host : spec.allow_net) add->add_allow_net(host);
  Send(at->second.message);
}

void EgressHost::Retain(const std::set<uint64_t>& version_ids) {
  std::lock_guard lock(mutex_);
  const Nanos now = options_.clock->Now();
  ipc::ToEgress message;
  for (auto at = functions_.begin(); at != functions_.end();) {
    Function& function = at->second;
    if (version_ids.count(at->first) > 0) {
      function.forget_at = 0;
    } else if (function.forget_at == 0) {
      function.forget_at = now + kForgetAfter;
    } else if (function.forget_at <= now) {
      message.mutable_remove_functions()->add_version_ids(at->first);
      at = functions_.erase(at);
      continue;
    }
    ++at;
  }
  if (message.has_remove_functions()) Send(message);
}

Result<std::vector<UniqueFd>> EgressHost::Connect(uint32_t shards) {
  std::lock_guard lock(mutex_);
  if (channel_ == nullptr) return Unavailable("zts-egress is not running");
  std::vector<UniqueFd> ours;
  for (uint32_t shard = 0; shard < shards; ++shard) {
    ZTS_ASSIGN_OR_RETURN(auto ends, ipc::Channel::MakePair());
    ipc::ToEgress message;
    message.mutable_add_shard()->set_shard(shard);
    if (!Send(message, ends.second.get())) return Unavailable("zts-egress is ending");
    ours.push_back(std::move(ends.first));
  }
  return ours;
}

EgressStatus EgressHost::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace zts::supervisor
