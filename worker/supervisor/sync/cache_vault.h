// Catalogs and changes as the disk keeps them: with each function's secrets under a key that is made of the worker's token, so that
// whoever has the disk of a worker alone has no secrets.
//
// Owner:    Applier.
// Thread:   one at a time.
// Errors:   Seal: secrets are there and no key is. Open: functions whose secrets cannot be read are named.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/aead.h"
#include "base/result.h"
#include "worker/supervisor/sync/cache.pb.h"
#include "worker/supervisor/sync/served_catalog.h"

namespace zts::supervisor {

// Made of the token in this file.
Result<AeadKey> CacheKey(const std::string& token_file);

struct OpenedCatalog {
  std::vector<v1::FunctionVersion> functions;        // with their secrets
  std::vector<v1::FunctionVersion> without_secrets;  // they have some, which cannot be read
};

class CacheVault {
 public:
  using GetKey = std::function<Result<AeadKey>()>;
  explicit CacheVault(GetKey key) : key_(std::move(key)) {}

  Result<CachedCatalog> Seal(const ServedCatalog& catalog);
  Result<CachedChange> Seal(const CatalogChange& change);
  OpenedCatalog Open(CachedCatalog cached);

  // False: the token is another one since the whole catalog was sealed or opened, so that part of the disk could not be read with it.
  bool IsSealedUnderCurrentKey() const;

 private:
  GetKey key_;
  std::optional<AeadKey> sealed_under_;  // of the whole catalog; none: without a key
};

}  // namespace zts::supervisor
