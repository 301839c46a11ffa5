#include "jsruntime/fetch_table.h"

namespace zts::js {

void FetchTable::Abandon(uint64_t serial, FetchDoor* door) {
  for (auto at = fetches_.begin(); at != fetches_.end();) {
    if (at->second.serial != serial) {
      ++at;
      continue;
    }
    if (!at->second.ended && door != nullptr) door->Cancel(at->first);
    orphans_.push_back(at->first);
    at = fetches_.erase(at);
  }
}

}  // namespace zts::js
