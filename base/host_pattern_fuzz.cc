// An allow-list's entry, as an owner wrote it, and what a URL says of a host: neither reads outside of itself, and an address that was
// written down is read back as the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/host_pattern.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto address = zts::IpAddress::Parse(text);
  if (address.ok()) {
    const auto again = zts::IpAddress::Parse(address->ToString());
    if (!again.ok() || !(*again == *address)) std::abort();
    const auto self = zts::HostPattern::Parse(address->is_v4() ? text : "[" + text + "]");
    if (self.ok() && !self->Matches(text, *address, 443)) std::abort();
  }
  const auto pattern = zts::HostPattern::Parse(text);
  if (pattern.ok()) pattern->Matches(text, zts::IpAddress::V4(127, 0, 0, 1), 80);
  return 0;
}
