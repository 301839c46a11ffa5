#include "worker/egress/address_policy.h"

#include <algorithm>
#include <array>

namespace zts::egress {
namespace {

struct Block {
  std::array<uint8_t, 16> start;
  int bits;
  std::string_view kind;
};

struct V4Block {
  std::array<uint8_t, 4> start;
  int bits;
  std::string_view kind;
};

constexpr V4Block kV4[] = {
    {{0, 0, 0, 0}, 8, "unspecified"},      // "this network": Linux connects it to itself
    {{10, 0, 0, 0}, 8, "private"},
    {{100, 64, 0, 0}, 10, "shared"},       // carrier-grade NAT
    {{127, 0, 0, 0}, 8, "loopback"},
    {{169, 254, 0, 0}, 16, "link-local"},  // and the clouds' metadata
    {{172, 16, 0, 0}, 12, "private"},
    {{192, 0, 0, 0}, 24, "reserved"},
    {{192, 0, 2, 0}, 24, "documentation"},
    {{192, 88, 99, 0}, 24, "reserved"},
    {{192, 168, 0, 0}, 16, "private"},
    {{198, 18, 0, 0}, 15, "reserved"},     // benchmarks
    {{198, 51, 100, 0}, 24, "documentation"},
    {{203, 0, 113, 0}, 24, "documentation"},
    {{224, 0, 0, 0}, 4, "multicast"},
    {{240, 0, 0, 0}, 4, "reserved"},       // and the broadcast address
};

constexpr Block kV6[] = {
    {{}, 128, "unspecified"},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, "loopback"},
    {{0xfe, 0x80}, 10, "link-local"},
    {{0xfe, 0xc0}, 10, "private"},         // site-local, of old
    {{0xfc}, 7, "private"},                // unique local
    {{0xff}, 8, "multicast"},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation"},
    {{0x3f, 0xff}, 20, "documentation"},
    {{0x20, 0x01}, 23, "reserved"},        // protocols, Teredo and ORCHID among them
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, "private"},  // local NAT64
};

// Addresses that carry an IPv4 one, and where.
struct Carrier {
  std::array<uint8_t, 16> start;
  int bits;
  size_t at;
};
constexpr Carrier kCarriers[] = {
    {{0x00, 0x64, 0xff, 0x9b}, 96, 12},    // NAT64
    {{0x20, 0x02}, 16, 2},                 // 6to4
};

// The global unicast addresses that are given out; all else waits for a meaning.
constexpr std::array<uint8_t, 16> kGlobalUnicast{0x20};
constexpr int kGlobalUnicastBits = 3;
constexpr int kV4Prefix = 96;

std::string_view KindOfV4(const IpAddress& address) {
  for (const V4Block& block : kV4) {
    const IpAddress start = IpAddress::V4(block.start[0], block.start[1], block.start[2], block.start[3]);
    if (address.InNetwork(start, kV4Prefix + block.bits)) return block.kind;
  }
  return {};
}

constexpr uint16_t kBadPorts[] = {
    0,    1,    7,    9,    11,   13,   15,   17,   19,   20,   21,   22,   23,   25,   37,   42,   43,    53,   69,   77,   79,
    87,   95,   101,  102,  103,  104,  109,  110,  111,  113,  115,  117,  119,  123,  135,  137,  139,   143,  161,  179,  389,
    427,  465,  512,  513,  514,  515,  526,  530,  531,  532,  540,  548,  554,  556,  563,  587,  601,   636,  989,  990,  993,
    995,  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
};
static_assert(std::is_sorted(std::begin(kBadPorts), std::end(kBadPorts)));

}  // namespace

std::string_view SpecialPurpose(const IpAddress& address) {
  if (address.is_v4()) return KindOfV4(address);
  for (const Block& block : kV6) {
    if (address.InNetwork({block.start}, block.bits)) return block.kind;
  }
  for (const Carrier& carrier : kCarriers) {
    if (!address.InNetwork({carrier.start}, carrier.bits)) continue;
    const uint8_t* inner = address.bytes.data() + carrier.at;
    return KindOfV4(IpAddress::V4(inner[0], inner[1], inner[2], inner[3]));
  }
  return address.InNetwork({kGlobalUnicast}, kGlobalUnicastBits) ? std::string_view() : "reserved";
}

std::string_view Policy::Refusal(std::string_view host, const IpAddress& address, uint16_t port) const {
  const std::string_view kind = SpecialPurpose(address);
  if (kind.empty()) return {};
  const bool allowed =
      std::any_of(allowed_.begin(), allowed_.end(), [&](const HostPattern& one) { return one.Matches(host, address, port); });
  return allowed ? std::string_view() : kind;
}

bool IsBadPort(uint16_t port) { return std::binary_search(std::begin(kBadPorts), std::end(kBadPorts), port); }

}  // namespace zts::egress
