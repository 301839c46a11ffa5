// Turns what the controller pushes into what the engines serve, and what is served into what the disk remembers.
//
//   Update -> missing blobs -> Prepare on every shard -> PREPARED, or NACK and nothing has changed
//   Activate -> Commit on every shard -> disk cache -> ACTIVE -> Settle flushes the disk
//
// A delta costs what it names: all other functions are shared with the catalog before it, in memory and on the disk.
//
// A worker process that dies after ACTIVE serves the same without the controller: its cache is written first. Only the flush, which a
// crash of the whole machine would need, comes after the answer: a deploy does not wait for it.
//
// Owner:    main(), one.
// Thread:   one at a time; position() any.
// Life:     engines and cache outlive it.
// Limits:   kWarmMax.
// Errors:   OnUpdate and OnActivate fail only when there is nothing to answer: kAborted, the worker stops; kInvalid, the delta does not
//           fit what this worker has, and the stream must be opened anew, which asks for the whole catalog.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "worker/supervisor/engines.h"
#include "worker/supervisor/sync/cache_vault.h"
#include "worker/supervisor/sync/catalog_receiver.h"
#include "worker/supervisor/sync/contents.h"
#include "worker/supervisor/sync/disk_cache.h"
#include "worker/supervisor/sync/served_catalog.h"
#include "zts/v1/sync.pb.h"

namespace zts::supervisor {

class Applier final : public CatalogReceiver {
 public:
  // A worker that gets its first catalog does not hold it up until each of thousands of functions is warm on every shard.
  static constexpr size_t kWarmMax = 64;

  // `cache_key`: what secrets are encrypted under on the disk; asked each time, because the token it is made of may change.
  Applier(CatalogSink* engines, DiskCache* cache, CacheVault::GetKey cache_key)
      : engines_(engines), cache_(cache), contents_(engines, cache), vault_(std::move(cache_key)) {}

  // Serves what the disk has, as far as it is whole, or an empty catalog. REQUIRES: nothing was applied yet.
  Status StartFromDisk();

  Result<v1::UpdateResult> OnUpdate(const v1::Update& update, BlobSource* blobs) override;
  Result<v1::UpdateResult> OnActivate(const v1::Activate& activate) override;
  void Settle() override;
  Position position() const override;
  // A catalog that some controller meant, from the disk or the stream, is being served.
  bool has_catalog() const;

 private:
  // What came of giving versions their content.
  struct Filling {
    std::vector<Problem> problems;
    std::vector<std::pair<int64_t, uint64_t>> fresh;  // created, id of the spec
    std::vector<uint64_t> ToWarm();
  };
  const Content* Known(const std::string& store_id, const v1::FunctionVersion& version) const;
  bool Served(const std::string& store_id, const v1::FunctionVersion& version) const;
  ServedFunctionPtr Equip(const v1::FunctionVersion& version, const std::string& store_id, BlobSource* blobs, Filling* filling);
  Status CheckBase(const v1::Update& update) const;
  CatalogChange ChangeOf(const v1::Update& update, BlobSource* blobs, Filling* filling);
  Status Serve(CatalogChange change);
  void Use(const CatalogChange& change);
  void Release(const CatalogChange& change);
  void DropPrepared();
  void Adopt(CatalogChange change);
  void Remember(const CatalogChange& change);
  Status RememberAll();
  void SetPosition(Position position, bool has_catalog);

  CatalogSink* engines_;
  DiskCache* cache_;
  Contents contents_;
  CacheVault vault_;
  ServedCatalog active_;
  std::optional<CatalogChange> prepared_;
  bool unsettled_ = false;
  // Files of earlier catalogs and processes may lie beside what is named.
  bool sweep_ = true;

  mutable std::mutex mutex_;
  Position position_;
  bool has_catalog_ = false;
};

}  // namespace zts::supervisor
