#include "jsruntime/ops/registry.h"

#include <vector>

#if __has_include("jsruntime/ops/console.h")
#include "jsruntime/ops/console.h"
#endif
#if __has_include("jsruntime/ops/request.h")
#include "jsruntime/ops/request.h"
#endif
#if __has_include("jsruntime/ops/response.h")
#include "jsruntime/ops/response.h"
#endif
#if __has_include("jsruntime/ops/timers.h")
#include "jsruntime/ops/timers.h"
#endif
#if __has_include("jsruntime/ops/url.h")
#include "jsruntime/ops/url.h"
#endif
#if __has_include("jsruntime/ops/encoding.h")
#include "jsruntime/ops/encoding.h"
#endif
#if __has_include("jsruntime/ops/base64.h")
#include "jsruntime/ops/base64.h"
#endif
#if __has_include("jsruntime/ops/structured_clone.h")
#include "jsruntime/ops/structured_clone.h"
#endif
#if __has_include("jsruntime/ops/crypto.h")
#include "jsruntime/ops/crypto.h"
#endif
#if __has_include("jsruntime/ops/performance.h")
#include "jsruntime/ops/performance.h"
#endif
#if __has_include("jsruntime/ops/format.h")
#include "jsruntime/ops/format.h"
#endif

namespace zts::js {
namespace {

std::vector<Op> AllOps() {
  std::vector<Op> all;
  const auto add = [&all](std::span<const Op> ops) { all.insert(all.end(), ops.begin(), ops.end()); };
#if __has_include("jsruntime/ops/console.h")
  add(ConsoleOps());
#endif
#if __has_include("jsruntime/ops/request.h")
  add(RequestOps());
#endif
#if __has_include("jsruntime/ops/response.h")
  add(ResponseOps());
#endif
#if __has_include("jsruntime/ops/timers.h")
  add(TimersOps());
#endif
#if __has_include("jsruntime/ops/url.h")
  add(UrlOps());
#endif
#if __has_include("jsruntime/ops/encoding.h")
  add(EncodingOps());
#endif
#if __has_include("jsruntime/ops/base64.h")
  add(Base64Ops());
#endif
#if __has_include("jsruntime/ops/structured_clone.h")
  add(StructuredCloneOps());
#endif
#if __has_include("jsruntime/ops/crypto.h")
  add(CryptoOps());
#endif
#if __has_include("jsruntime/ops/performance.h")
  add(PerformanceOps());
#endif
#if __has_include("jsruntime/ops/format.h")
  add(FormatOps());
#endif
  return all;
}

}  // namespace

std::span<const Op> Ops() {
  static const std::vector<Op> all = AllOps();
  return all;
}

const intptr_t* ExternalReferences() {
  static const std::vector<intptr_t> references = [] {
    std::vector<intptr_t> list;
    for (const Op& op : Ops()) list.push_back(reinterpret_cast<intptr_t>(op.callback));
    list.push_back(0);
    return list;
  }();
  return references.data();
}

}  // namespace zts::js
