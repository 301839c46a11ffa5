#include "worker/engine/version_choice.h"

#include "base/bytes.h"

namespace zts {
namespace {

// The value of a cookie (RFC 6265 4.2.1), as it stands; empty when it is not there.
std::string_view CookieValue(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    const size_t end = header.find(';');
    std::string_view pair = header.substr(0, end);
    while (!pair.empty() && pair.front() == ' ') pair.remove_prefix(1);
    if (pair.size() > name.size() && pair[name.size()] == '=' && pair.starts_with(name)) return pair.substr(name.size() + 1);
    if (end == std::string_view::npos) break;
    header.remove_prefix(end + 1);
  }
  return {};
}

// A plain decimal number of a version; 0: none.
uint64_t ParseNumber(std::string_view text) {
  if (text.empty() || text.size() > 10) return 0;
  uint64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return 0;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return number;
}

}  // namespace

const route::Entry* AskedVersion(const route::Entry& entry, std::span<const HeaderField> headers) {
  for (const HeaderField& field : headers) {
    if (field.name.size() != kVersionHeader.size() || !EqualsIgnoreCase(field.name, kVersionHeader)) continue;
    const uint64_t number = ParseNumber(field.value);
    if (number == 0) return nullptr;
    if (number == entry.number) return &entry;
    return number == entry.split->canary->number ? entry.split->canary : nullptr;
  }
  return nullptr;
}

std::string_view StickyValue(const route::Split& split, std::span<const HeaderField> headers) {
  constexpr std::string_view kCookie = "cookie";
  const bool cookie = split.sticky == route::Sticky::kCookie;
  const std::string_view name = cookie ? kCookie : std::string_view(split.sticky_name);
  for (const HeaderField& field : headers) {
    if (field.name.size() != name.size() || !EqualsIgnoreCase(field.name, name)) continue;
    if (!cookie) return field.value;
    if (const std::string_view value = CookieValue(field.value, split.sticky_name); !value.empty()) return value;
  }
  return {};
}

uint32_t PlaceOf(std::string_view value, uint64_t salt) {
  uint64_t hash = salt ^ 0xCBF29CE484222325ull;
  for (const char c : value) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3ull;
  // Names that differ in their last characters only are spread too (the finisher of MurmurHash3).
  hash = (hash ^ (hash >> 33)) * 0xFF51AFD7ED558CCDull;
  hash = (hash ^ (hash >> 33)) * 0xC4CEB9FE1A85EC53ull;
  hash ^= hash >> 33;
  return static_cast<uint32_t>((hash >> 32) * route::kWholeShare >> 32);
}

const route::Entry& ChooseVersion(const route::Entry& entry, std::span<const HeaderField> headers, const PeerAddress& peer,
                                  uint64_t random) {
  const route::Split& split = *entry.split;
  if (const route::Entry* asked = AskedVersion(entry, headers)) return *asked;
  std::string_view value;
  if (split.sticky == route::Sticky::kPeer) {
    value = peer.address();
  } else if (split.sticky != route::Sticky::kNone) {
    value = StickyValue(split, headers);
  }
  // The high half of the product: even for a bound that is no power of two.
  const uint32_t place =
      !value.empty() ? PlaceOf(value, split.salt) : static_cast<uint32_t>((random >> 32) * route::kWholeShare >> 32);
  return place < split.share ? *split.canary : entry;
}

}  // namespace zts
