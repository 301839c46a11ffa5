// What all functions together have in workers' catalogs, kept up with each change so that a deploy does not look at each of thousands.
//
// It counts every version that may serve or is kept ready, the one to fall back to also where it is not needed any more: sums are upper
// bounds, and a function named for a route is to be asked whether it still serves it.
//
// Owner:    Registry, one.
// Thread:   one at a time.
// Limits:   those of the registry.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>

#include "controller/lifecycle.h"
#include "controller/model.h"

namespace zts::controller {

// What a version takes in an encoded catalog, about: its strings, two digests in hex, and the numbers with their tags.
size_t CatalogBytes(const std::string& function, const std::string& main_module, const VersionConfig& config);

class ServingIndex {
 public:
  struct Sums {
    size_t routes = 0;
    size_t bytes = 0;
  };
  static Sums SumsOf(const FunctionState& function);

  void Add(const FunctionState& function);
  // REQUIRES: it was added as it is.
  void Remove(const FunctionState& function);

  const Sums& sums() const { return sums_; }
  // Functions that may serve the route; empty: none does.
  const std::set<std::string>& Holders(const std::string& route) const;

 private:
  Sums sums_;
  std::map<std::string, std::set<std::string>> routes_;
};

}  // namespace zts::controller
