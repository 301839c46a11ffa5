#include "worker/engine/net/testing/io_contract.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "base/check.h"
#include "base/unique_fd.h"

namespace zts::net {
namespace {

class TcpPeer final : public Peer {
 public:
  explicit TcpPeer(const SocketAddress& address) : fd_(socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    ZTS_CHECK(fd_.valid());
    if (connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
      ZTS_CHECK(errno == ECONNREFUSED);
      reset_ = true;
      fd_.reset();
      return;
    }
    ZTS_CHECK(fcntl(fd_.get(), F_SETFL, O_NONBLOCK) == 0);
  }

  explicit TcpPeer(UniqueFd fd) : fd_(std::move(fd)) { ZTS_CHECK(fcntl(fd_.get(), F_SETFL, O_NONBLOCK) == 0); }

  size_t Write(std::string_view bytes) override {
    if (!fd_.valid()) return 0;
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == ECONNRESET || errno == EPIPE)) reset_ = true;
    return sent < 0 ? 0 : static_cast<size_t>(sent);
  }

  uint16_t port() const override {
    sockaddr_in own{};
    socklen_t size = sizeof(own);
    ZTS_CHECK(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&own), &size) == 0);
    return ntohs(own.sin_port);
  }

  std::string Read() override {
    static std::array<char, 256 * 1024> space;
    const ssize_t got = fd_.valid() ? ::recv(fd_.get(), space.data(), space.size(), 0) : -1;
    if (got == 0) ended_ = true;
    if (got < 0 && errno == ECONNRESET) reset_ = true;
    return got < 0 ? std::string() : std::string(space.data(), static_cast<size_t>(got));
  }

  // A connection that was reset has nothing left to finish.
  void Finish() override { ZTS_CHECK(shutdown(fd_.get(), SHUT_WR) == 0 || errno == ENOTCONN); }

  void Reset() override {
    const linger hard{.l_onoff = 1, .l_linger = 0};
    ZTS_CHECK(setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)) == 0);
    fd_.reset();
  }

  bool saw_end() const override { return ended_; }
  bool saw_reset() const override { return reset_; }

 private:
  UniqueFd fd_;
  bool ended_ = false;
  bool reset_ = false;
};

class TcpNetwork final : public Network {
 public:
  TcpNetwork(const NetworkOptions& options, IoFactory factory) : options_(options), factory_(std::move(factory)) {
    auto set = OpenListeners(ParseSocketAddress("127.0.0.1:0").value(), 1);
    ZTS_CHECK(set.ok());
    listeners_ = std::move(set).value();
  }
  Result<std::unique_ptr<Io>> MakeIo() override { return factory_(options_); }
  int listen_fd() const override { return listeners_.sockets[0].get(); }
  std::unique_ptr<Peer> Connect() override { return std::make_unique<TcpPeer>(listeners_.address); }
  // As the shards have it with the egress process.
  std::pair<std::unique_ptr<Peer>, UniqueFd> Pair() override {
    int ends[2];
    ZTS_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    return {std::make_unique<TcpPeer>(UniqueFd(ends[0])), UniqueFd(ends[1])};
  }
  bool has_descriptors() const override { return true; }
  const Clock& clock() const override { return clock_; }

 private:
  SystemClock clock_;
  NetworkOptions options_;
  IoFactory factory_;
  ListenerSet listeners_;
};

// Every look moves it on, so that what waits for a time gets there after the same number of passes on any machine.
class TickingClock final : public Clock {
 public:
  Nanos Now() const override { return now_ += 10 * kMicrosecond; }
  Nanos WallNow() const override { return Now(); }

 private:
  mutable Nanos now_ = kSecond;
};

class FakePeer final : public Peer {
 public:
  explicit FakePeer(FakeIo* io) : FakePeer(io, io->Connect()) {}
  FakePeer(FakeIo* io, FakeIo::PeerId id) : io_(io), id_(id) {}
  size_t Write(std::string_view bytes) override { return io_->PeerWrite(id_, bytes); }
  uint16_t port() const override { return io_->PeerPort(id_); }
  std::string Read() override { return io_->PeerRead(id_); }
  void Finish() override { io_->PeerFinish(id_); }
  void Reset() override { io_->PeerReset(id_); }
  bool saw_end() const override { return io_->PeerSawEnd(id_); }
  bool saw_reset() const override { return io_->PeerSawReset(id_); }

 private:
  FakeIo* io_;
  FakeIo::PeerId id_;
};

class FakeNetwork final : public Network {
 public:
  FakeNetwork(const NetworkOptions& options, const FakeFaults& faults) : options_(options), faults_(faults) {}
  Result<std::unique_ptr<Io>> MakeIo() override {
    auto io = std::make_unique<FakeIo>(FakeIoOptions{.seed = options_.seed,
                                                     .faults = faults_,
                                                     .clock = &clock_,
                                                     .buffer_count = options_.buffer_count,
                                                     .buffer_bytes = options_.buffer_bytes,
                                                     .linger_timeout = options_.linger_timeout});
    io_ = io.get();
    return std::unique_ptr<Io>(std::move(io));
  }
  int listen_fd() const override { return -1; }
  std::unique_ptr<Peer> Connect() override { return std::make_unique<FakePeer>(io_); }
  std::pair<std::unique_ptr<Peer>, UniqueFd> Pair() override {
    auto [id, socket] = io_->ConnectForAdoption();
    return {std::make_unique<FakePeer>(io_, id), std::move(socket)};
  }
  bool has_descriptors() const override { return false; }
  const Clock& clock() const override { return clock_; }

 private:
  NetworkOptions options_;
  FakeFaults faults_;
  TickingClock clock_;
  FakeIo* io_ = nullptr;
};

}  // namespace

std::unique_ptr<Network> MakeTcpNetwork(const NetworkOptions& options, const IoFactory& factory) {
  return std::make_unique<TcpNetwork>(options, factory);
}

std::unique_ptr<Network> MakeFakeNetwork(const NetworkOptions& options, const FakeFaults& faults) {
  return std::make_unique<FakeNetwork>(options, faults);
}

}  // namespace zts::net
