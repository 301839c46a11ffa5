#include "controller/catalog.h"

#include <algorithm>

namespace zts::controller {

const CatalogEntry* Catalog::Find(std::string_view function) const {
  const auto at = std::lower_bound(entries.begin(), entries.end(), function, [](const CatalogEntry& entry, std::string_view name) {
    return entry.version->function < name;
  });
  return at != entries.end() && at->version->function == function ? &*at : nullptr;
}

std::optional<CatalogDelta> Catalog::DeltaFrom(uint64_t base) const {
  if (base > version || base < removals_since) return std::nullopt;
  CatalogDelta delta;
  for (const CatalogEntry& entry : entries) {
    if (entry.changed_at > base) delta.upserts.push_back(entry);
  }
  for (const Removal& removal : removals) {
    // A function that was removed and made again is an upsert.
    if (removal.removed_at > base && Find(removal.function) == nullptr) delta.removals.push_back(removal.function);
  }
  std::sort(delta.removals.begin(), delta.removals.end());
  delta.removals.erase(std::unique(delta.removals.begin(), delta.removals.end()), delta.removals.end());
  return delta;
}

}  // namespace zts::controller
