// Everything an engine serves, as one immutable value: functions, their current version, their routes. Swapped whole.
//
// Owner:    shared (CatalogPtr); each shard holds the one it serves and drops the old one when no request needs it.
// Thread:   any, after Build.
// Life:     an Entry lives as long as some CatalogPtr to its catalog.
// Limits:   kFunctionCountMax, kRouteCountMax.
// Errors:   Build refuses two functions with the same written route, naming both.
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

// One function as requests see it.
struct Entry {
  js::ScriptPtr script;
  // Its row in the shared counters; 0 is the row that all functions beyond the table share.
  uint32_t counter_row = 0;
  // The same number for the same function version in every catalog of this engine; the pools index by it.
  uint64_t version_id = 0;
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
  // Besides the two every function NAME has: path /NAME on any host, and host NAME.localhost.
  std::vector<Route> routes;
};

class Catalog {
 public:
  static Result<std::shared_ptr<const Catalog>> Build(uint64_t version, std::vector<FunctionSpec> functions);
  ~Catalog();

  uint64_t version() const { return version_; }
  const std::vector<Entry>& entries() const { return entries_; }

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
  std::unique_ptr<Index> index_;
};

using CatalogPtr = std::shared_ptr<const Catalog>;

}  // namespace zts::route
