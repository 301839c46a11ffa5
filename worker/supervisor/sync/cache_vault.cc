#include "worker/supervisor/sync/cache_vault.h"

#include <utility>

#include "base/file.h"
#include "base/sha256.h"

namespace zts::supervisor {
namespace {

constexpr std::string_view kAllContext = "zts worker cache";
constexpr size_t kTokenBytesMax = 4096;

// Secrets of one function are no other's.
std::string ContextOf(const std::string& function) { return std::string(kAllContext) + "/" + function; }

// The active version, and those that the traffic names; all have the function's secrets.
template <typename F>
void ForEachVersion(v1::FunctionVersion& version, F&& visit) {
  visit(version);
  if (!version.has_traffic()) return;
  if (version.traffic().has_canary()) visit(*version.mutable_traffic()->mutable_canary());
  for (v1::FunctionVersion& warm : *version.mutable_traffic()->mutable_warm()) visit(warm);
}

void GiveSecrets(v1::FunctionVersion& version, const Secrets::OfFunction& secrets) {
  ForEachVersion(version, [&secrets](v1::FunctionVersion& one) { *one.mutable_secrets() = secrets.values(); });
}

// Moves the secrets out of the function; what they are under the key, or empty where there are none.
Result<std::string> TakeSecrets(v1::FunctionVersion& version, const Result<AeadKey>& key) {
  if (version.secrets().empty()) return std::string();
  if (!key.ok()) return key.error();
  Secrets::OfFunction secrets;
  secrets.mutable_values()->swap(*version.mutable_secrets());
  ForEachVersion(version, [](v1::FunctionVersion& one) { one.clear_secrets(); });
  return Seal(*key, ContextOf(version.function()), secrets.SerializeAsString());
}

template <typename Map>
Status SealInto(v1::FunctionVersion& version, const Result<AeadKey>& key, Map& sealed) {
  ZTS_ASSIGN_OR_RETURN(std::string secrets, TakeSecrets(version, key));
  if (!secrets.empty()) sealed[version.function()] = std::move(secrets);
  return {};
}

// Of a catalog that an older build wrote. None: it cannot be read.
std::optional<Secrets> OpenAll(const CachedCatalog& cached, const Result<AeadKey>& key) {
  Secrets secrets;
  if (cached.sealed_secrets().empty()) return secrets;
  if (!key.ok()) return std::nullopt;
  const auto opened = Open(*key, kAllContext, cached.sealed_secrets());
  if (!opened.ok() || !secrets.ParseFromString(*opened)) return std::nullopt;
  return secrets;
}

std::optional<Secrets::OfFunction> OpenOne(const std::string& function, const std::string& sealed, const Result<AeadKey>& key) {
  Secrets::OfFunction secrets;
  if (!key.ok()) return std::nullopt;
  const auto opened = Open(*key, ContextOf(function), sealed);
  if (!opened.ok() || !secrets.ParseFromString(*opened)) return std::nullopt;
  return secrets;
}

Secrets::OfFunction OfFunction(const std::optional<Secrets>& all, const std::string& function) {
  if (!all) return {};
  const auto found = all->functions().find(function);
  return found == all->functions().end() ? Secrets::OfFunction() : found->second;
}

std::optional<AeadKey> KeyOf(const Result<AeadKey>& key) { return key.ok() ? std::optional(*key) : std::nullopt; }

}  // namespace

Result<AeadKey> CacheKey(const std::string& token_file) {
  ZTS_ASSIGN_OR_RETURN(std::string token, ReadFile(token_file, kTokenBytesMax));
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.pop_back();
  // The token is 32 random bytes: a hash of it is as good a key as it is a token.
  return Sha256Of("zts worker cache key" + token);
}

Result<CachedCatalog> CacheVault::Seal(const ServedCatalog& catalog) {
  CachedCatalog cached;
  cached.set_store_id(catalog.store_id);
  cached.set_catalog_version(catalog.version);
  const Result<AeadKey> key = key_();
  for (const auto& [name, function] : catalog.functions) {
    v1::FunctionVersion& version = *cached.add_functions();
    version = function->version;
    ZTS_RETURN_IF_ERROR(SealInto(version, key, *cached.mutable_sealed_by_function()));
  }
  sealed_under_ = KeyOf(key);
  return cached;
}

Result<CachedChange> CacheVault::Seal(const CatalogChange& change) {
  CachedChange cached;
  cached.set_base_version(change.base_version);
  cached.set_catalog_version(change.version);
  const Result<AeadKey> key = key_();
  for (const auto& [name, function] : change.functions) {
    if (function == nullptr) {
      cached.add_removals(name);
      continue;
    }
    v1::FunctionVersion& version = *cached.add_upserts();
    version = function->version;
    ZTS_RETURN_IF_ERROR(SealInto(version, key, *cached.mutable_sealed_secrets()));
  }
  return cached;
}

OpenedCatalog CacheVault::Open(CachedCatalog cached) {
  OpenedCatalog opened;
  const Result<AeadKey> key = key_();
  sealed_under_ = KeyOf(key);
  const std::optional<Secrets> all = OpenAll(cached, key);
  for (v1::FunctionVersion& version : *cached.mutable_functions()) {
    const auto own = cached.sealed_by_function().find(version.function());
    std::optional<Secrets::OfFunction> secrets;
    if (own != cached.sealed_by_function().end()) {
      secrets = OpenOne(version.function(), own->second, key);
    } else if (all || version.secrets_revision() == 0) {
      secrets = OfFunction(all, version.function());
    }
    if (secrets) GiveSecrets(version, *secrets);
    (secrets ? opened.functions : opened.without_secrets).push_back(std::move(version));
  }
  return opened;
}

bool CacheVault::IsSealedUnderCurrentKey() const { return KeyOf(key_()) == sealed_under_; }

}  // namespace zts::supervisor
