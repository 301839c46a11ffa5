// Which of a function's two versions answers a request, while it has a canary.
//
//   x-zts-version names one of the two -> that one; else the sticky value's place in the hash's range, or a draw
//
// A client stays with its version while the canary's share grows: its place is fixed by function and canary, and only the bound moves. The
// same client gets the same version on every shard of every worker.
//
// Thread:   pure functions but PeerText, which asks the kernel. None allocates.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/header_field.h"
#include "worker/engine/route/catalog.h"

namespace zts {

// The header by which a client asks for a version, canaries at 0% included. A number that is neither is as none.
inline constexpr std::string_view kVersionHeader = "x-zts-version";

struct PeerAddress {
  char bytes[16];
  uint8_t size = 0;  // 0: unknown
  std::string_view text() const { return {bytes, size}; }
};
// The peer's IP address, without port.
PeerAddress PeerOf(int socket);

// `peer` is asked only where it counts; `random` is a fresh draw.
template <typename Peer>
const route::Entry& ChooseVersion(const route::Entry& entry, std::span<const HeaderField> headers, Peer&& peer, uint64_t random);

// The parts of it.
const route::Entry* AskedVersion(const route::Entry& entry, std::span<const HeaderField> headers);
std::string_view StickyValue(const route::Split& split, std::span<const HeaderField> headers);
// In 0..kWholeShare-1, evenly.
uint32_t PlaceOf(std::string_view value, uint64_t salt);

template <typename Peer>
const route::Entry& ChooseVersion(const route::Entry& entry, std::span<const HeaderField> headers, Peer&& peer, uint64_t random) {
  const route::Split& split = *entry.split;
  if (const route::Entry* asked = AskedVersion(entry, headers)) return *asked;
  uint32_t place = 0;
  bool placed = false;
  if (split.sticky == route::Sticky::kPeer) {
    const PeerAddress address = peer();
    placed = address.size > 0;
    if (placed) place = PlaceOf(address.text(), split.salt);
  } else if (split.sticky != route::Sticky::kNone) {
    const std::string_view value = StickyValue(split, headers);
    placed = !value.empty();
    if (placed) place = PlaceOf(value, split.salt);
  }
  // The high half of the product: even for a bound that is no power of two.
  if (!placed) place = static_cast<uint32_t>((random >> 32) * route::kWholeShare >> 32);
  return place < split.share ? *split.canary : entry;
}

}  // namespace zts
