#include "bench/fleet/sim_worker.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <utility>

namespace zts::bench {
namespace {

// Of what arrived, with what this build does not know, maps in one order. FNV-1a: all of it is compared within one process.
uint64_t HashOf(const v1::FunctionVersion& record) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    record.SerializeToCodedStream(&coded);
  }
  uint64_t hash = 14695981039346656037u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

v1::UpdateResult Answer(uint64_t version, uint64_t nonce, v1::UpdateResult::State state) {
  v1::UpdateResult result;
  result.set_catalog_version(version);
  result.set_nonce(nonce);
  result.set_state(state);
  return result;
}

supervisor::EngineStatus Engine() {
  supervisor::EngineStatus status;
  status.artifact_key = "simulated";
  status.io_backend = "none";
  return status;
}

}  // namespace

SimWorker::SimWorker(const Options& options)
    : client_({.address = options.controller,
               .token_file = options.token_file,
               .worker = options.name,
               .http_address = "127.0.0.1:1",
               .shards = 1,
               .engine = Engine},
              this, &logs_) {}

void SimWorker::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  client_.Stop();
  const std::lock_guard lock(mutex_);
  stopping_ = false;
}

void SimWorker::Forget() {
  const std::lock_guard lock(mutex_);
  position_ = {};
  records_.clear();
  prepared_.reset();
  view_ = {};
}

void SimWorker::Hold() {
  const std::lock_guard lock(mutex_);
  held_ = true;
}

void SimWorker::Release() {
  const std::lock_guard lock(mutex_);
  held_ = false;
  changed_.notify_all();
}

SimWorker::View SimWorker::view() const {
  const auto status = client_.status();
  const std::lock_guard lock(mutex_);
  View view = view_;
  view.connected = status.connected;
  view.connects = status.connects;
  return view;
}

supervisor::CatalogReceiver::Position SimWorker::position() const {
  const std::lock_guard lock(mutex_);
  return position_;
}

Result<v1::UpdateResult> SimWorker::OnUpdate(const v1::Update& update, supervisor::BlobSource*) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !held_ || stopping_; });
  Change change;
  if (!update.full()) {
    if (update.store_id() != position_.store_id || update.base_version() != position_.version) {
      return Invalid("a delta on " + std::to_string(update.base_version()) + " came to a worker at " + std::to_string(position_.version));
    }
    view_.delta_records += update.upserts_size() + update.removals_size();
  }
  ++(update.full() ? view_.full : view_.deltas);
  view_.bytes += update.ByteSizeLong();
  change.store_id = update.store_id();
  change.version = update.catalog_version();
  change.full = update.full();
  change.removals.assign(update.removals().begin(), update.removals().end());
  for (const v1::FunctionVersion& upsert : update.upserts()) change.upserts.emplace_back(upsert.function(), HashOf(upsert));
  prepared_ = std::move(change);
  return Answer(update.catalog_version(), update.nonce(), v1::UpdateResult::PREPARED);
}

Result<v1::UpdateResult> SimWorker::OnActivate(const v1::Activate& activate) {
  const std::lock_guard lock(mutex_);
  if (!prepared_ || prepared_->version != activate.catalog_version()) return Invalid("told to switch to what is not prepared");
  Apply(*std::exchange(prepared_, std::nullopt));
  view_.version = position_.version;
  view_.active_at = SystemClock().Now();
  view_.functions = records_.size();
  return Answer(activate.catalog_version(), activate.nonce(), v1::UpdateResult::ACTIVE);
}

void SimWorker::Apply(const Change& change) {
  if (change.full) {
    records_.clear();
    view_.digest = 0;
  }
  position_ = {change.store_id, change.version};
  for (const std::string& function : change.removals) Remove(function);
  for (const auto& [function, hash] : change.upserts) Put(function, hash);
}

// The digest is the sum of the records' hashes, which have the functions' names in them.
void SimWorker::Put(const std::string& function, uint64_t hash) {
  uint64_t& known = records_[function];
  view_.digest += hash - known;
  known = hash;
}

void SimWorker::Remove(const std::string& function) {
  const auto found = records_.find(function);
  if (found == records_.end()) return;
  view_.digest -= found->second;
  records_.erase(found);
}

}  // namespace zts::bench
