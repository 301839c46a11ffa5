#include "worker/ipc/channel.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include <array>
#include <cstdint>

namespace zts::ipc {
namespace {

// Travels in front of each message. Both ends run on one machine, so it is as it lies in memory.
struct Header {
  uint32_t bytes;
  uint32_t descriptors;  // 0 or 1: lets the receiver see that the kernel could not install one
};

// The kernel refuses to hold more descriptors in flight than a process may open; the peer takes them within this time or is broken.
constexpr int kInFlightRetries = 5'000;
constexpr timespec kInFlightPause{0, 1'000'000};

Error Closed() { return {ErrorCode::kAborted, "the peer has closed the channel"}; }

void AttachDescriptor(msghdr* message, char* control, size_t control_bytes, int descriptor) {
  message->msg_control = control;
  message->msg_controllen = control_bytes;
  cmsghdr* part = CMSG_FIRSTHDR(message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(part), &descriptor, sizeof(int));
}

// Takes the first descriptor that came along; further ones are closed.
void TakeDescriptors(msghdr* message, UniqueFd* out) {
  for (cmsghdr* part = CMSG_FIRSTHDR(message); part != nullptr; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int descriptor;
      std::memcpy(&descriptor, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      UniqueFd owned(descriptor);
      if (!out->valid()) *out = std::move(owned);
    }
  }
}

// Drops the first `sent` bytes from the pieces.
void Advance(std::array<iovec, 2>* pieces, size_t sent) {
  for (iovec& piece : *pieces) {
    const size_t part = sent < piece.iov_len ? sent : piece.iov_len;
    piece.iov_base = static_cast<char*>(piece.iov_base) + part;
    piece.iov_len -= part;
    sent -= part;
  }
}

Status SendAll(int fd, std::array<iovec, 2> pieces, int descriptor) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  bool attach = descriptor >= 0;
  int retries = kInFlightRetries;
  while (pieces[0].iov_len + pieces[1].iov_len > 0) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    if (attach) AttachDescriptor(&message, control, sizeof control, descriptor);
    const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      // The descriptor went with the first byte.
      attach = false;
      Advance(&pieces, static_cast<size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == ETOOMANYREFS && --retries > 0) {
      ::nanosleep(&kInFlightPause, nullptr);
      continue;
    }
    if (errno == EPIPE || errno == ECONNRESET) return Closed();
    // Only a socket with a send time-out gets here: the peer does not read.
    if (errno == EAGAIN) return Error{ErrorCode::kTimeout, "the peer does not read the channel"};
    return Error::FromErrno("send on the channel");
  }
  return {};
}

// Reads exactly `bytes`; a descriptor that comes along goes to `descriptor`.
Status ReceiveExactly(int fd, char* out, size_t bytes, UniqueFd* descriptor) {
  while (bytes > 0) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    iovec piece{out, bytes};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t got = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0 || (got < 0 && errno == ECONNRESET)) return Closed();
    if (got < 0) return Error::FromErrno("receive on the channel");
    TakeDescriptors(&message, descriptor);
    out += got;
    bytes -= static_cast<size_t>(got);
  }
  return {};
}

}  // namespace

Channel::Channel(UniqueFd socket) : socket_(std::move(socket)) {}

Result<std::pair<UniqueFd, UniqueFd>> Channel::MakePair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return Error::FromErrno("socketpair");
  return std::make_pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Status Channel::Send(std::string_view message, int descriptor) {
  if (message.size() > kIpcMessageBytesMax) {
    return Invalid("a message of " + std::to_string(message.size()) + " bytes is larger than a channel carries (" +
                   std::to_string(kIpcMessageBytesMax) + ")");
  }
  Header header{static_cast<uint32_t>(message.size()), descriptor >= 0 ? 1u : 0u};
  std::array<iovec, 2> pieces{iovec{&header, sizeof header},
                              iovec{const_cast<char*>(message.data()), message.size()}};
  std::lock_guard lock(send_mutex_);
  Status sent = SendAll(socket_.get(), pieces, descriptor);
  // Part of a message may be out: what follows could not be told apart.
  if (!sent.ok()) Shutdown();
  return sent;
}

Result<Channel::Message> Channel::Receive() {
  Header header{};
  Message message;
  ZTS_RETURN_IF_ERROR(
      ReceiveExactly(socket_.get(), reinterpret_cast<char*>(&header), sizeof header, &message.descriptor));
  if (header.bytes > kIpcMessageBytesMax || header.descriptors > 1) {
    Shutdown();
    return Error{ErrorCode::kCorrupt, "the peer sent a message of " + std::to_string(header.bytes) +
                                          " bytes; the channel is closed"};
  }
  message.bytes.resize(header.bytes);
  ZTS_RETURN_IF_ERROR(ReceiveExactly(socket_.get(), message.bytes.data(), header.bytes, &message.descriptor));
  if (header.descriptors == 1 && !message.descriptor.valid()) {
    Shutdown();
    return Error{ErrorCode::kExhausted, "a descriptor could not be received; raise the limit of open files"};
  }
  return message;
}

void Channel::Shutdown() { ::shutdown(socket_.get(), SHUT_RDWR); }

}  // namespace zts::ipc
