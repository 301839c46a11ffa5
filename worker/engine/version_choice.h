// Which of a function's two versions answers a request, while it has a canary.
//
//   x-zts-version names one of the two -> that one; else the sticky value's place in the hash's range, or a draw
//
// A client stays with its version while the canary's share grows: its place is fixed by function and canary, and only the bound moves. The
// same client gets the same version on every shard of every worker.
//
// Thread:   pure functions. None allocates.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/header_field.h"
#include "base/peer_address.h"
#include "worker/engine/route/catalog.h"

namespace zts {

// The header by which a client asks for a version, canaries at 0% included. A number that is neither is as none.
inline constexpr std::string_view kVersionHeader = "x-zts-version";

// `random` is a fresh draw.
const route::Entry& ChooseVersion(const route::Entry& entry, std::span<const HeaderField> headers, const PeerAddress& peer,
                                  uint64_t random);

// The parts of it.
const route::Entry* AskedVersion(const route::Entry& entry, std::span<const HeaderField> headers);
std::string_view StickyValue(const route::Split& split, std::span<const HeaderField> headers);
// In 0..kWholeShare-1, evenly.
uint32_t PlaceOf(std::string_view value, uint64_t salt);

}  // namespace zts
