// Turns what the controller pushes into what the engines serve, and what is served into what the disk remembers.
//
//   Update -> missing blobs -> Prepare on every shard -> PREPARED, or NACK and nothing has changed
//   Activate -> Commit on every shard -> disk cache -> ACTIVE -> Settle flushes the disk
//
// A worker process that dies after ACTIVE serves the same without the controller: its cache is written first. Only the flush, which a
// crash of the whole machine would need, comes after the answer: a deploy does not wait for it.
//
// Owner:    main(), one.
// Thread:   one at a time; position() any.
// Life:     engines and cache outlive it.
// Limits:   kBlobBytesMax, kWarmMax.
// Errors:   OnUpdate and OnActivate fail only when there is nothing to answer: kAborted, the worker stops; kInvalid, the delta does not
//           fit what this worker has, and the stream must be opened anew, which asks for the whole catalog.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/aead.h"
#include "base/result.h"
#include "worker/supervisor/engines.h"
#include "worker/supervisor/sync/catalog_receiver.h"
#include "worker/supervisor/sync/disk_cache.h"
#include "zts/v1/sync.pb.h"

namespace zts::supervisor {

// Made of the token in this file: whoever has the disk of the worker alone has no secrets.
Result<AeadKey> CacheKey(const std::string& token_file);

class Applier final : public CatalogReceiver {
 public:
  // The controller takes bundles far below this; what is larger is no bundle.
  static constexpr size_t kBlobBytesMax = size_t{256} << 20;
  // A worker that gets its first catalog does not hold it up until each of thousands of functions is warm on every shard.
  static constexpr size_t kWarmMax = 64;

  // `cache_key`: what secrets are encrypted under on the disk; asked each time, because the token it is made of may change.
  using GetCacheKey = std::function<Result<AeadKey>()>;
  Applier(CatalogSink* engines, DiskCache* cache, GetCacheKey cache_key)
      : engines_(engines), cache_(cache), cache_key_(std::move(cache_key)) {}

  // Serves what the disk has, as far as it is whole, or an empty catalog. REQUIRES: nothing was applied yet.
  Status StartFromDisk();

  Result<v1::UpdateResult> OnUpdate(const v1::Update& update, BlobSource* blobs) override;
  Result<v1::UpdateResult> OnActivate(const v1::Activate& activate) override;
  void Settle() override;
  Position position() const override;
  // A catalog that some controller meant, from the disk or the stream, is being served.
  bool has_catalog() const;

 private:
  // Of the controller's store: function and version_id.
  using VersionKey = std::pair<std::string, uint64_t>;
  struct Content {
    FunctionSpecPtr spec;
    std::string bundle_digest;
    std::string code_cache_digest;
    uint64_t secrets_revision = 0;
  };
  struct Catalog {
    std::string store_id;
    uint64_t version = 0;
    std::map<std::string, v1::FunctionVersion> functions;  // the active versions, each with its traffic
    std::map<VersionKey, Content> contents;
  };
  Result<Catalog> Target(const v1::Update& update) const;
  void Fill(Catalog* catalog, BlobSource* blobs, std::vector<Problem>* problems, std::vector<uint64_t>* fresh);
  // Gives one version its content; why not, if it cannot have it.
  Status Equip(Catalog* catalog, const v1::FunctionVersion& version, BlobSource* blobs);
  const Content* Known(const Catalog& catalog, const v1::FunctionVersion& version) const;
  bool Served(const Catalog& catalog, const v1::FunctionVersion& version) const;
  static FunctionSpecPtr SpecOf(const Catalog& catalog, const v1::FunctionVersion& version);
  Result<FunctionSpecPtr> Make(const v1::FunctionVersion& version, BlobSource* blobs);
  Result<std::string> Blob(const std::string& digest, uint64_t bytes, BlobSource* blobs);
  std::string CodeCache(const v1::FunctionVersion& version, BlobSource* blobs);
  static CatalogSpec ToSpec(const Catalog& catalog);
  Status Serve(const Catalog& catalog);
  void Remember();
  void SetPosition(Position position, bool has_catalog);

  Status SealSecrets(CachedCatalog* catalog) const;
  // False: the functions that have secrets are left without a spec.
  bool OpenSecrets(const CachedCatalog& cached, std::map<std::string, v1::FunctionVersion>* functions) const;

  CatalogSink* engines_;
  DiskCache* cache_;
  GetCacheKey cache_key_;
  uint64_t next_version_id_ = 1;
  Catalog active_;
  std::optional<Catalog> prepared_;
  bool unsettled_ = false;

  mutable std::mutex mutex_;
  Position position_;
  bool has_catalog_ = false;
};

}  // namespace zts::supervisor
