#include "base/utf8.h"

#include <cstddef>
#include <string>

namespace zts {
namespace {

// The length of the well-formed sequence at the front, 0 for none.
size_t Utf8Length(std::string_view text) {
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto follows = [&](size_t i, unsigned min = 0x80, unsigned max = 0xbf) { return at(i) >= min && at(i) <= max; };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const unsigned min = lead == 0xe0 ? 0xa0 : 0x80;
    const unsigned max = lead == 0xed ? 0x9f : 0xbf;
    return follows(1, min, max) && follows(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const unsigned min = lead == 0xf0 ? 0x90 : 0x80;
    const unsigned max = lead == 0xf4 ? 0x8f : 0xbf;
    return follows(1, min, max) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

Status ValidateUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = Utf8Length(text.substr(i));
    if (length == 0) return Invalid("not UTF-8 at byte " + std::to_string(i));
    i += length;
  }
  return {};
}

}  // namespace zts
