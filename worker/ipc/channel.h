// Length-prefixed messages with an optional descriptor each, over a connected Unix stream socket.
//
// Owner:    one end each: supervisor, engine.
// Thread:   Send: any (serialised inside). Receive: one thread.
// Limits:   kIpcMessageBytesMax a message; a peer that sends more is broken and the channel is closed.
// Errors:   a closed or broken peer is a Result; partial reads and writes are handled inside.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace zts::ipc {

// A Prepare that names 16 Ki functions is 300 KiB; a log batch is bounded at 1 MiB.
inline constexpr size_t kIpcMessageBytesMax = 4 * 1024 * 1024;

class Channel {
 public:
  explicit Channel(UniqueFd socket);
  // A connected pair; the second is for the child process.
  static Result<std::pair<UniqueFd, UniqueFd>> MakePair();

  // `descriptor` (or -1) is duplicated into the peer. Blocks while the peer's queue is full; where the socket has a send time-out
  // and it passes, kTimeout and the channel is closed.
  Status Send(std::string_view message, int descriptor = -1);

  struct Message {
    std::string bytes;
    UniqueFd descriptor;  // invalid when none came along
  };
  // Blocks for the next message. kAborted: the peer has closed.
  Result<Message> Receive();

  // Ends both directions; a blocked Receive returns kAborted. Any thread.
  void Shutdown();
  int fd() const { return socket_.get(); }

 private:
  UniqueFd socket_;
  std::mutex send_mutex_;
};

}  // namespace zts::ipc
