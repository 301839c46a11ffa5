// A worker without engines: speaks to a controller as a real one does, through the same client, and remembers of its catalog what is
// needed to compare it with that of others.
//
// Owner:    the fleet, one a worker.
// Thread:   Start, Stop: one thread. Everything else: any; the client has two threads of its own.
// Limits:   8 bytes and a name a function. A delta costs its own size, so that the fleet is not what is measured.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "worker/supervisor/log_queue.h"
#include "worker/supervisor/sync/catalog_receiver.h"
#include "worker/supervisor/sync/controller_client.h"

namespace zts::bench {

class SimWorker final : public supervisor::CatalogReceiver {
 public:
  struct Options {
    std::string controller;
    std::string token_file;
    std::string name;
  };
  explicit SimWorker(const Options& options);

  void Start() { client_.Start(); }
  void Stop();
  // What it has is gone, as on a new disk. REQUIRES: stopped.
  void Forget();
  // From now on it does not answer what it is sent; until Release it holds what it has.
  void Hold();
  void Release();

  struct View {
    uint64_t version = 0;
    Nanos active_at = 0;     // when it came to this version
    uint64_t digest = 0;     // of the whole catalog; equal for equal ones
    size_t functions = 0;
    uint64_t bytes = 0;      // of updates received
    uint64_t full = 0, deltas = 0;
    uint64_t delta_records = 0;
    bool connected = false;
    uint64_t connects = 0;
  };
  View view() const;

  Result<v1::UpdateResult> OnUpdate(const v1::Update& update, supervisor::BlobSource* blobs) override;
  Result<v1::UpdateResult> OnActivate(const v1::Activate& activate) override;
  void Settle() override {}
  Position position() const override;

 private:
  // What an update changes.
  struct Change {
    std::string store_id;
    uint64_t version = 0;
    bool full = false;
    std::vector<std::pair<std::string, uint64_t>> upserts;  // function, hash of its record
    std::vector<std::string> removals;
  };
  void Apply(const Change& change);
  void Put(const std::string& function, uint64_t hash);
  void Remove(const std::string& function);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  bool stopping_ = false;
  Position position_;
  std::unordered_map<std::string, uint64_t> records_;
  std::optional<Change> prepared_;
  View view_;
  supervisor::LogQueue logs_;
  supervisor::ControllerClient client_;  // last: its threads end first
};

}  // namespace zts::bench
