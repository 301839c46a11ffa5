// A shard's end of a Unix socket that carries frames to another process of the worker: what a pass writes goes out at its end, in one send.
//
// A socket that breaks is given up, and the next one comes from the supervisor. Sockets are named by slots of generation 0, which belong to
// no session: the upper byte of the index says whose the socket is, the rest counts the sockets that it has had.
//
// Owner:    EgressLink, ClassLink, ClassPort; one each.
// Thread:   the shard's.
// Life:     the loop outlives it. Bytes that are with the Io stay until it has told their end.
// Limits:   its owner's: what waits to be sent is not bounded here.
// Errors:   false from what the peer may break: the owner calls Disconnect.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "base/slot_map.h"
#include "base/unique_fd.h"
#include "worker/engine/net/loop.h"

namespace zts {

class FrameSocket {
 public:
  // Whose socket an event is of, of those that no session has.
  static constexpr uint32_t kEgress = 0;
  static constexpr uint32_t kFront = 255;  // of a class's engine; between them: its classes' numbers
  static bool IsOne(SlotId slot) { return slot.generation == 0; }
  static uint32_t OwnerOf(SlotId slot) { return slot.index >> kSerialBits; }

  FrameSocket(net::Loop* loop, uint32_t owner) : loop_(loop), owner_(owner) {}

  // From here on by this socket. REQUIRES: not connected.
  void Connect(UniqueFd socket);
  void Disconnect();
  bool connected() const { return handle_ >= 0; }

  // What is to be sent next; only while connected.
  std::string& out() { return out_; }
  [[nodiscard]] bool Flush() { return out_.empty() || !connected() || broken_ || !sending_.empty() || Send(); }
  // Flush has failed on the socket in use.
  bool broken() const { return broken_; }

  // The loop's events of its slots. Whether the event is of the socket in use, or of one before it.
  bool IsCurrent(SlotId slot) const { return connected() && slot == Slot(); }
  [[nodiscard]] bool OnSent(SlotId slot, int error);
  void OnClosed(SlotId slot) { closing_.erase(slot.index); }

 private:
  static constexpr uint32_t kSerialBits = 24;
  SlotId Slot() const { return {owner_ << kSerialBits | serial_, 0}; }
  bool Send();

  net::Loop* const loop_;
  const uint32_t owner_;
  net::Handle handle_ = -1;
  uint32_t serial_ = 0;  // of the socket in use; counts from 1
  bool broken_ = false;
  std::string out_;
  std::string sending_;  // with the Io
  // Of sockets that are closing: their bytes stay until kClosed.
  std::unordered_map<uint32_t, std::string> closing_;
};

}  // namespace zts
