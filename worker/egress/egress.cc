#include "worker/egress/egress.h"

#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/log.h"
#include "worker/egress/limits.h"

namespace zts::egress {
namespace {

constexpr uint64_t kChannelToken = uint64_t{1} << 62;
constexpr MultiOptions kRequests = {.token_mark = uint64_t{1} << 63,
                                    .connections_per_host_max = kConnectionsPerHostMax,
                                    .connections_max = kConnectionsMax,
                                    .idle_connections_max = kIdleConnectionsMax};

uint32_t EventsOf(const ShardLink& link) { return EPOLLIN | (link.wants_write() ? EPOLLOUT : 0u); }

}  // namespace

Egress::Egress(UniqueFd channel) : channel_(std::move(channel)) {}

Egress::~Egress() {
  // Transfers leave the multi before it goes.
  links_.clear();
}

Status Egress::Start() {
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return Error::FromErrno("epoll_create1");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kChannelToken;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, channel_.fd(), &event) != 0) return Error::FromErrno("epoll_ctl");
  multi_ = std::make_unique<Multi>(epoll_.get(), &clock_, kRequests);
  sockets_ = std::make_unique<SocketSet>(epoll_.get(), &clock_);
  settings_.multi = multi_.get();
  settings_.sockets = sockets_.get();
  settings_.clock = &clock_;
  return {};
}

int Egress::Run() {
  if (Status started = Start(); !started.ok()) {
    ZTS_LOG(kError) << started.error().message;
    return kExitStart;
  }
  while (exit_ < 0) Wait();
  return exit_;
}

// Until the next moment that somebody waits for; -1: nobody does.
int Egress::TimeoutMs() const {
  int timeout = -1;
  for (const Nanos due : {multi_->due(), sockets_->due()}) {
    if (due == 0) continue;
    const Nanos left = std::max<Nanos>(due - clock_.Now(), 0);
    const int of_this = static_cast<int>(std::min<Nanos>((left + kMillisecond - 1) / kMillisecond, 60'000));
    timeout = timeout < 0 ? of_this : std::min(timeout, of_this);
  }
  return timeout;
}

void Egress::Wait() {
  std::array<epoll_event, 256> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), TimeoutMs());
  for (int i = 0; i < count && exit_ < 0; ++i) {
    const uint64_t token = events[static_cast<size_t>(i)].data.u64;
    if (token == kChannelToken) {
      DrainChannel();
    } else if (const int fd = multi_->FdOf(token); fd >= 0) {
      multi_->OnSocket(fd, events[static_cast<size_t>(i)].events);
    } else if (sockets_->OnEvent(token, events[static_cast<size_t>(i)].events)) {
      continue;
    } else if (const auto link = links_.find(static_cast<int>(token)); link != links_.end()) {
      link->second.link->OnReadable();
    }
  }
  if (multi_->due() != 0 && multi_->due() <= clock_.Now()) multi_->OnTime();
  if (sockets_->due() != 0 && sockets_->due() <= clock_.Now()) sockets_->OnTime();
  FlushLinks();
}

void Egress::FlushLinks() {
  for (auto at = links_.begin(); at != links_.end();) {
    ShardLink& link = *at->second.link;
    link.Flush();
    if (!link.alive()) {
      at = links_.erase(at);
      continue;
    }
    const uint32_t wanted = EventsOf(link);
    epoll_event event{};
    event.events = wanted;
    event.data.u64 = static_cast<uint64_t>(link.fd());
    if (wanted != std::exchange(at->second.events, wanted)) {
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, link.fd(), &event);
    }
    ++at;
  }
}

// ---- the supervisor ---------------------------------------------------------------------------------------------------------

// All that has come by now. False: the supervisor is gone.
bool Egress::DrainChannel() {
  for (;;) {
    pollfd waiting{channel_.fd(), POLLIN, 0};
    if (::poll(&waiting, 1, 0) <= 0) return true;
    if (!ReceiveOne()) return false;
  }
}

bool Egress::ReceiveOne() {
  auto received = channel_.Receive();
  if (!received.ok()) {
    exit_ = received.error().code == ErrorCode::kAborted ? kExitDone : kExitProtocol;
    return false;
  }
  ipc::ToEgress message;
  const bool parsed = message.ParseFromString(received->bytes);
  const Status handled = parsed ? Handle(message, std::move(received->descriptor)) : Internal("what came is no message");
  if (handled.ok()) return true;
  ZTS_LOG(kError) << "the supervisor speaks nonsense: " << handled.error().message;
  exit_ = kExitProtocol;
  return false;
}

Status Egress::Handle(const ipc::ToEgress& message, UniqueFd descriptor) {
  switch (message.message_case()) {
    case ipc::ToEgress::kConfigure: {
      settings_.ca_file = message.configure().ca_file();
      ipc::FromEgress answer;
      answer.mutable_ready()->set_library(curl_version());
      return channel_.Send(answer.SerializeAsString());
    }
    case ipc::ToEgress::kAddFunction:
      AddFunction(message.add_function());
      return {};
    case ipc::ToEgress::kRemoveFunctions:
      for (const uint64_t id : message.remove_functions().version_ids()) functions_.erase(id);
      return {};
    case ipc::ToEgress::kAddShard: return AddShard(std::move(descriptor));
    case ipc::ToEgress::MESSAGE_NOT_SET: break;
  }
  return Internal("an empty message");
}

void Egress::AddFunction(const ipc::AddFunctionPolicy& add) {
  auto function = std::make_shared<Function>();
  function->name = add.function() + " v" + std::to_string(add.number());
  std::vector<HostPattern> allowed;
  for (const std::string& entry : add.allow_net()) {
    auto pattern = HostPattern::Parse(entry);
    if (pattern.ok()) {
      allowed.push_back(std::move(pattern).value());
    } else {
      ZTS_LOG(kWarning) << function->name << ": " << pattern.error().message << "; it allows nothing";
    }
  }
  function->policy = Policy(std::move(allowed));
  functions_[add.version_id()] = std::move(function);
}

Status Egress::AddShard(UniqueFd socket) {
  if (!socket.valid()) return Internal("a shard without a socket");
  auto link = std::make_unique<ShardLink>(std::move(socket), &settings_, [this](uint64_t version_id) { return Find(version_id); });
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<uint64_t>(link->fd());
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, link->fd(), &event) != 0) return Error::FromErrno("watching a shard");
  const int fd = link->fd();
  links_[fd] = {std::move(link), event.events};
  return {};
}

// What the supervisor says of a function it says before the engine has it, on another socket: what is not known yet may be waiting there.
std::shared_ptr<const Function> Egress::Find(uint64_t version_id) {
  auto found = functions_.find(version_id);
  if (found == functions_.end() && DrainChannel()) found = functions_.find(version_id);
  if (found != functions_.end()) return found->second;
  auto unknown = std::make_shared<Function>();
  unknown->name = "a function that is unknown here";
  return unknown;
}

}  // namespace zts::egress
