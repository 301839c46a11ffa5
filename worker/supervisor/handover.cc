#include "worker/supervisor/handover.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "worker/supervisor/handover.pb.h"

namespace zts::supervisor {
namespace {

constexpr const char* kSocketName = "handover.sock";
// As many as a worker can have shards.
constexpr uint32_t kListenersMax = 1024;
// What one Logs message carries at most, far below what a channel does.
constexpr size_t kLogBytesMax = size_t{512} << 10;

Error Nonsense(const std::string& what) { return {ErrorCode::kCorrupt, "handover: the other worker sent " + what}; }

// A Unix socket's path has room for 107 bytes, a data folder's may be longer: the name goes by way of the folder's descriptor.
struct SocketPath {
  UniqueFd folder;
  sockaddr_un address{};
};

Result<SocketPath> PathIn(const std::string& data_dir) {
  SocketPath path;
  path.folder = UniqueFd(::open(data_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!path.folder.valid()) return Error::FromErrno("open " + data_dir);
  path.address.sun_family = AF_UNIX;
  const std::string name = "/proc/self/fd/" + std::to_string(path.folder.get()) + "/" + kSocketName;
  name.copy(path.address.sun_path, sizeof path.address.sun_path - 1);
  return path;
}

const sockaddr* AsSockaddr(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

void SetTimeout(int fd, int which, Nanos timeout) {
  const timeval time{static_cast<time_t>(timeout / kSecond), 0};
  ::setsockopt(fd, SOL_SOCKET, which, &time, sizeof time);
}

Status Send(ipc::Channel& channel, const HandoverMessage& message, int descriptor = -1) {
  return channel.Send(message.SerializeAsString(), descriptor);
}

struct Received {
  HandoverMessage message;
  UniqueFd descriptor;
};

Result<Received> Receive(ipc::Channel& channel, Nanos timeout) {
  SetTimeout(channel.fd(), SO_RCVTIMEO, timeout);
  ZTS_ASSIGN_OR_RETURN(ipc::Channel::Message raw, channel.Receive());
  Received received;
  received.descriptor = std::move(raw.descriptor);
  if (!received.message.ParseFromString(raw.bytes)) return Nonsense("a message that cannot be parsed");
  return received;
}

Status Expect(ipc::Channel& channel, HandoverMessage::MessageCase wanted, Nanos timeout) {
  ZTS_ASSIGN_OR_RETURN(const Received received, Receive(channel, timeout));
  if (received.message.message_case() != wanted) return Nonsense("another message than the one that is due");
  return {};
}

HandoverMessage::Log ToMessage(const LogRecord& record) {
  HandoverMessage::Log log;
  log.set_time_ns(record.time);
  log.set_function(record.function);
  log.set_number(record.number);
  log.set_severity(record.severity);
  log.set_message(record.message);
  log.set_request_id(record.request_id);
  log.set_dropped_before(record.dropped_before);
  return log;
}

LogRecord FromMessage(const HandoverMessage::Log& log) {
  return {log.time_ns(), log.function(), log.number(), log.severity(), log.message(), log.request_id(), log.dropped_before()};
}

}  // namespace

// --- the new worker ------------------------------------------------------------------------------

Result<std::unique_ptr<Predecessor>> Predecessor::Find(const std::string& data_dir) {
  ZTS_ASSIGN_OR_RETURN(const SocketPath path, PathIn(data_dir));
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return Error::FromErrno("socket");
  if (::connect(socket.get(), AsSockaddr(path.address), sizeof path.address) != 0) {
    if (errno != ECONNREFUSED && errno != ENOENT) return Error::FromErrno("connect to " + data_dir + "/" + kSocketName);
    return Error{ErrorCode::kNotFound, "the worker that is using " + data_dir + " does not hand its place over now (it starts, " +
                                           "drains, or is doing so already); try again in a moment"};
  }
  SetTimeout(socket.get(), SO_SNDTIMEO, kHandoverStepTimeout);
  std::unique_ptr<Predecessor> predecessor(new Predecessor(std::make_unique<ipc::Channel>(std::move(socket))));
  ZTS_RETURN_IF_ERROR(predecessor->Begin());
  return predecessor;
}

Status Predecessor::Begin() {
  HandoverMessage begin;
  begin.mutable_begin();
  ZTS_RETURN_IF_ERROR(Send(*channel_, begin));
  ZTS_ASSIGN_OR_RETURN(const Received offer, Receive(*channel_, kHandoverStepTimeout));
  if (!offer.message.has_offer()) return Nonsense("no offer");
  const uint32_t listeners = offer.message.offer().listeners();
  if (listeners == 0 || listeners > kListenersMax) return Nonsense("an offer of " + std::to_string(listeners) + " listeners");
  offer_.http_address = offer.message.offer().http_address();
  offer_.admin_address = offer.message.offer().admin_address();
  while (offer_.listeners.size() < listeners) {
    ZTS_ASSIGN_OR_RETURN(Received next, Receive(*channel_, kHandoverStepTimeout));
    if (!next.message.has_listener() || !next.descriptor.valid()) return Nonsense("no listening socket");
    offer_.listeners.push_back(std::move(next.descriptor));
  }
  ZTS_ASSIGN_OR_RETURN(Received lock, Receive(*channel_, kHandoverStepTimeout));
  if (!lock.message.has_lock() || !lock.descriptor.valid()) return Nonsense("no lock");
  offer_.lock = std::move(lock.descriptor);
  return {};
}

Status Predecessor::Hold() {
  HandoverMessage hold;
  hold.mutable_hold();
  ZTS_RETURN_IF_ERROR(Send(*channel_, hold));
  return Expect(*channel_, HandoverMessage::kHeld, kHandoverStepTimeout);
}

Status Predecessor::Release() {
  HandoverMessage serving;
  serving.mutable_serving();
  ZTS_RETURN_IF_ERROR(Send(*channel_, serving));
  return Expect(*channel_, HandoverMessage::kReleased, kHandoverStepTimeout);
}

void Predecessor::RelayLogs(const std::function<void(std::vector<LogRecord>)>& take) {
  for (;;) {
    const Result<Received> received = Receive(*channel_, 0);
    if (!received.ok() || !received->message.has_logs()) return;
    std::vector<LogRecord> records;
    for (const HandoverMessage::Log& log : received->message.logs().records()) records.push_back(FromMessage(log));
    take(std::move(records));
  }
}

// --- the old one ---------------------------------------------------------------------------------

Result<std::unique_ptr<HandoverPort>> HandoverPort::Open(const std::string& data_dir, Hooks hooks) {
  ZTS_ASSIGN_OR_RETURN(const SocketPath path, PathIn(data_dir));
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return Error::FromErrno("socket");
  // What a worker that was killed has left, or the one whose place this is.
  ::unlinkat(path.folder.get(), kSocketName, 0);
  if (::bind(socket.get(), AsSockaddr(path.address), sizeof path.address) != 0 || ::listen(socket.get(), 1) != 0) {
    return Error::FromErrno("listen on " + data_dir + "/" + kSocketName);
  }
  std::unique_ptr<HandoverPort> port(new HandoverPort(std::move(socket), std::move(hooks)));
  port->thread_ = std::thread([port = port.get()] { port->Run(); });
  return port;
}

HandoverPort::~HandoverPort() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    // Wakes the thread, in whichever of the two it waits.
    ::shutdown(socket_.get(), SHUT_RDWR);
    if (successor_ != nullptr && !released_) successor_->Shutdown();
  }
  thread_.join();
}

void HandoverPort::Run() {
  for (;;) {
    UniqueFd peer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    {
      std::lock_guard lock(mutex_);
      if (ending_) return;
      if (!peer.valid()) {
        if (errno == EINTR || errno == ECONNABORTED) continue;
        ZTS_LOG(kError) << "handover: " << Error::FromErrno("accept").message << "; no other worker can take this one's place";
        return;
      }
      SetTimeout(peer.get(), SO_SNDTIMEO, kHandoverStepTimeout);
      successor_ = std::make_unique<ipc::Channel>(std::move(peer));
    }
    if (Serve()) return;
    std::lock_guard lock(mutex_);
    successor_.reset();
  }
}

bool HandoverPort::Serve() {
  Status step = Expect(*successor_, HandoverMessage::kBegin, kHandoverStepTimeout);
  if (!step.ok()) return false;  // nothing was given yet
  ZTS_LOG(kInfo) << "another worker is taking this one's place";
  step = Offer();
  if (step.ok()) step = Expect(*successor_, HandoverMessage::kHold, kHandoverStartTimeout);
  if (step.ok()) {
    hooks_.hold();
    HandoverMessage held;
    held.mutable_held();
    step = Send(*successor_, held);
    if (step.ok()) step = Expect(*successor_, HandoverMessage::kServing, kHandoverStartTimeout);
  }
  if (!step.ok()) {
    ZTS_LOG(kWarning) << "the other worker did not get as far as serving (" << step.error().message << "); this one serves on";
    hooks_.resume();
    return false;
  }
  {
    std::lock_guard lock(mutex_);
    released_ = true;
  }
  hooks_.release();
  HandoverMessage released;
  released.mutable_released();
  // A successor that has gone meanwhile is started again by whoever started it.
  (void)Send(*successor_, released);
  return true;
}

Status HandoverPort::Offer() {
  ZTS_ASSIGN_OR_RETURN(const HandoverOffer offer, hooks_.offer());
  HandoverMessage message;
  message.mutable_offer()->set_http_address(offer.http_address);
  message.mutable_offer()->set_admin_address(offer.admin_address);
  message.mutable_offer()->set_listeners(static_cast<uint32_t>(offer.listeners.size()));
  ZTS_RETURN_IF_ERROR(Send(*successor_, message));
  for (const UniqueFd& listener : offer.listeners) {
    message.mutable_listener();
    ZTS_RETURN_IF_ERROR(Send(*successor_, message, listener.get()));
  }
  message.mutable_lock();
  return Send(*successor_, message, offer.lock.get());
}

void HandoverPort::SendLogs(const std::vector<LogRecord>& records) {
  {
    std::lock_guard lock(mutex_);
    if (!released_) return;
  }
  HandoverMessage message;
  size_t bytes = 0;
  const auto send = [&] {
    // Nobody else would take them.
    if (bytes > 0 && !Send(*successor_, message).ok()) {
      ZTS_LOG(kWarning) << "handover: some last log records are lost";
    }
    message.Clear();
    bytes = 0;
  };
  for (const LogRecord& record : records) {
    *message.mutable_logs()->add_records() = ToMessage(record);
    bytes += record.message.size() + sizeof record;
    if (bytes >= kLogBytesMax) send();
  }
  send();
}

}  // namespace zts::supervisor
