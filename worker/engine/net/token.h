// What travels through the kernel with an operation and comes back with its result: kind, handle, generation.
//
// The kernel may answer late, when the handle already names another connection. The generation of the handle's table entry
// moves at each close, so such an answer is recognised and thrown away.
//
// Thread:   a value.
// Limits:   24 bits of handle: sixteen million descriptors, more than a process can have open.
#pragma once

#include <cstdint>

namespace zts::net {

enum class TokenKind : uint8_t {
  kWake,
  kListener,
  kConnection,  // epoll has one registration a connection
  kRecv,
  kSend,
  kSendNow,     // one of TrySendAll: index is its place there, generation counts the calls
  kCancel,
};

struct Token {
  TokenKind kind = TokenKind::kWake;
  uint32_t index = 0;
  uint32_t generation = 0;
  bool operator==(const Token&) const = default;

  static constexpr uint32_t kIndexMax = (1u << 24) - 1;

  uint64_t Pack() const { return uint64_t{generation} << 32 | uint64_t{index} << 8 | static_cast<uint8_t>(kind); }
  static Token Unpack(uint64_t packed) {
    return {static_cast<TokenKind>(packed & 0xff), static_cast<uint32_t>(packed >> 8) & kIndexMax,
            static_cast<uint32_t>(packed >> 32)};
  }
};

}  // namespace zts::net
