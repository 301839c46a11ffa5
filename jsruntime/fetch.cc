#include "jsruntime/fetch.h"

namespace zts::js {

std::string_view FetchResultName(FetchResult result) {
  constexpr std::string_view kNames[kFetchResults] = {"ok",      "egress-policy", "limit",    "dns",      "connect",    "tls",
                                                      "timeout", "protocol",      "redirect", "canceled", "unavailable"};
  return kNames[static_cast<int>(result)];
}

}  // namespace zts::js
