// Everything an engine serves, as one immutable value: functions, their current versions, their routes. Swapped whole.
//
// Owner:    shared (CatalogPtr); each shard holds the one it serves and drops the old one when no request needs it.
// Thread:   any, after Build.
// Life:     an Entry lives as long as some CatalogPtr to its catalog.
// Limits:   kFunctionCountMax, kRouteCountMax.
// Errors:   Build refuses two functions with the same written route, naming both, and a split between versions that are not there.
// Source:   host matching RFC 9110 4.2.3 (case-insensitive, port apart).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "jsruntime/script.h"

namespace zts::route {

struct Split;

// One function version as requests see it.
struct Entry {
  js::ScriptPtr script;
  // Its row in the shared counters; 0 is the row that all functions beyond the table share.
  uint32_t counter_row = 0;
  // The same number for the same function version in every catalog of this engine; the pools index by it.
  uint64_t version_id = 0;
  uint64_t number = 0;        // as people count the function's versions
  uint32_t engine_class = 0;  // 0: run by this engine; else the number of the class that runs it, and the script is without source
  uint32_t version_row = 0;   // in the counters of versions; 0: this one is not counted apart
  // How requests are divided between this version and another; null, as nearly always: it gets them all.
  const Split* split = nullptr;
};

// Shares are counted in ten thousandths.
inline constexpr uint32_t kWholeShare = 10'000;
enum class Sticky : uint8_t { kNone, kHeader, kCookie, kPeer };

struct Split {
  const Entry* canary = nullptr;
  uint32_t share = 0;       // the canary's
  Sticky sticky = Sticky::kNone;
  std::string sticky_name;  // of the header or cookie
  uint64_t salt = 0;        // one canary's lot is not the next one's
};

// "HOST/PATH", "/PATH" or "HOST": host lower-case without port, empty = any; path a prefix that ends at a '/' or the end, itself
// without a '/' at its end.
struct Route {
  std::string host;
  std::string path;  // "/a/b"; "/" = everything
};
// Parses and validates the text form; the error says what is wrong.
Result<Route> ParseRoute(std::string_view text);

struct FunctionSpec {
  js::ScriptPtr script;
  uint32_t counter_row = 0;
  uint64_t version_id = 0;
  uint64_t number = 0;
  uint32_t engine_class = 0;
  // Besides the two every function NAME has: path /NAME on any host, and host NAME.localhost.
  std::vector<Route> routes;
};

// Two versions by their ids: `active` is among the functions, `canary` beside them.
struct SplitSpec {
  uint64_t active = 0;
  uint64_t canary = 0;
  uint32_t share = 0;
  Sticky sticky = Sticky::kNone;
  std::string sticky_name;
  uint32_t active_row = 0;
  uint32_t canary_row = 0;
};

class Catalog {
 public:
  struct Besides {
    std::vector<FunctionSpec> versions;  // without routes of their own: canaries, and what is kept to go back to
    std::vector<SplitSpec> splits;
  };
  static Result<std::shared_ptr<const Catalog>> Build(uint64_t version, std::vector<FunctionSpec> functions, Besides besides = {});
  ~Catalog();

  uint64_t version() const { return version_; }
  // Versions that requests may reach, canaries included.
  const std::vector<Entry>& entries() const { return entries_; }
  // Versions that served before: nothing leads to them, and they give way first when memory is short.
  const std::vector<Entry>& standby() const { return standby_; }

  // The entry for a request, or null. Most specific first: the longest path bound to the host (NAME.localhost is bound to all of
  // its host), then the longest path on any host (/NAME is one). A prefix ends at a '/' or at the path's end. Where a written
  // route and one that a function has by its name are the same, the written one counts. `authority` as received, with or
  // without port, any case; `target` with or without a query. Percent-encoding, dot segments and double slashes are left as
  // they are: what is compared is what the function sees. Allocates nothing.
  const Entry* Find(std::string_view authority, std::string_view target) const;

 private:
  Catalog();
  struct Index;
  class Builder;
  uint64_t version_ = 0;
  std::vector<Entry> entries_;
  std::vector<Entry> standby_;
  std::vector<Split> splits_;
  std::unique_ptr<Index> index_;
};

using CatalogPtr = std::shared_ptr<const Catalog>;

}  // namespace zts::route
