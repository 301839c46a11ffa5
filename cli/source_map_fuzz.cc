// A map comes with a deployed bundle, from whoever deployed it: whatever is in it, the tool says "no map" or finds places in bounds.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cli/source_map.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto map = zts::cli::SourceMap::Parse({reinterpret_cast<const char*>(data), size});
  if (!map.ok()) return 0;
  size_t bytes = 0;
  for (const int line : {-1, 0, 1, 2, 3, 7, 1'000'000, INT32_MAX}) {
    for (const int column : {-1, 0, 1, 2, 9, 80, INT32_MAX}) {
      const auto place = map->Find(line, column);
      if (!place) continue;
      for (const char c : place->file) bytes += static_cast<unsigned char>(c);
      for (const char c : place->source_line) bytes += static_cast<unsigned char>(c);
    }
  }
  // Kept from being optimised away.
  return bytes == SIZE_MAX ? -1 : 0;
}
