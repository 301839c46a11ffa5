// What the contract tests of Io need: an Io under test, and the other side of its connections.
//
// Thread:   one; Peer and Network are driven between passes of the Loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "worker/engine/net/io.h"
#include "worker/engine/net/listener.h"
#include "worker/engine/net/testing/fake_io.h"

namespace zts::net {

struct NetworkOptions {
  size_t buffer_count = 64;
  size_t buffer_bytes = 4096;
  Nanos linger_timeout = 10 * kSecond;
  uint64_t seed = 1;
};

// The far end of one connection. Nothing here waits.
class Peer {
 public:
  virtual ~Peer() = default;
  // The number of bytes taken, 0 when there is no room or no connection.
  virtual size_t Write(std::string_view bytes) = 0;
  // Of its end; of a connection that was made.
  virtual uint16_t port() const = 0;
  virtual std::string Read() = 0;
  virtual void Finish() = 0;
  virtual void Reset() = 0;
  // Valid after a Read that returned nothing. A refused connection is one that was reset.
  virtual bool saw_end() const = 0;
  virtual bool saw_reset() const = 0;
};

class Network {
 public:
  virtual ~Network() = default;
  // Once.
  virtual Result<std::unique_ptr<Io>> MakeIo() = 0;
  virtual int listen_fd() const = 0;
  virtual std::unique_ptr<Peer> Connect() = 0;
  // The far end of a connection that is not accepted, and the socket to adopt.
  virtual std::pair<std::unique_ptr<Peer>, UniqueFd> Pair() = 0;
  // Descriptors stand behind the handles, and an empty table of them can be tried.
  virtual bool has_descriptors() const = 0;
  // What the Loop goes by. A fake never sleeps, so its time is a count of looks at the clock: passes alone make it pass.
  virtual const Clock& clock() const = 0;
};

using IoFactory = std::function<Result<std::unique_ptr<Io>>(const NetworkOptions&)>;

std::unique_ptr<Network> MakeTcpNetwork(const NetworkOptions& options, const IoFactory& factory);
std::unique_ptr<Network> MakeFakeNetwork(const NetworkOptions& options, const FakeFaults& faults);

}  // namespace zts::net
