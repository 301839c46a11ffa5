#include "controller/store/rocks_store.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>
#include <sys/random.h>

#include <mutex>
#include <optional>
#include <shared_mutex>

#include "base/file.h"
#include "base/log.h"
#include "controller/store/keys.h"
#include "controller/store/record_codec.h"

namespace zts::store {
namespace {

rocksdb::Slice SliceOf(std::string_view text) { return {text.data(), text.size()}; }
std::string_view TextOf(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

Error FromRocks(std::string_view what, const rocksdb::Status& status) {
  ErrorCode code = ErrorCode::kInternal;
  std::string hint;
  const std::string text = status.ToString();
  if (status.IsNoSpace() || text.find("File too large") != std::string::npos) {
    code = ErrorCode::kExhausted;
    hint = "; free space on the disk of the data directory, then try again";
  } else if (status.IsCorruption()) {
    code = ErrorCode::kCorrupt;
    hint = "; restore the data directory from a backup";
  } else if (status.IsIOError()) {
    code = ErrorCode::kUnavailable;
    hint = "; see that the data directory is there and can be written";
  }
  return {code, std::string(what) + ": " + text + hint};
}

Error FromRocksOpen(const std::string& folder, const rocksdb::Status& status) {
  const std::string text = status.ToString();
  if (status.IsIOError() && text.find("lock") != std::string::npos) {
    return Unavailable("another controller is using " + folder + "; stop it, or choose another data directory");
  }
  return FromRocks("cannot open the store in " + folder, status);
}

// RocksDB recovers from a full disk on a thread of its own, every five seconds, and goes on with the log file whose write failed: with
// nothing to flush, the next write to it trips an assertion of RocksDB. The store opens itself anew instead (see Recover).
class NeverRecovers final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override { *auto_recovery = false; }
};

rocksdb::Options MakeOptions() {
  rocksdb::Options options;
  options.listeners.push_back(std::make_shared<NeverRecovers>());
  options.max_bgerror_resume_count = 0;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  // A record cut short at the very end is a commit nobody was told of. Damage anywhere else must stop the open: skipping it would
  // lose what was acknowledged.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // Bundles and code caches go to files of their own and are not rewritten by every compaction.
  options.enable_blob_files = true;
  options.min_blob_size = 16 * 1024;
  options.enable_blob_garbage_collection = true;
  options.blob_compression_type = rocksdb::kLZ4Compression;
  options.compression = rocksdb::kLZ4Compression;
  // Metadata is small and bundles are read once a worker: little memory does.
  options.write_buffer_size = size_t{16} << 20;
  options.max_total_wal_size = uint64_t{64} << 20;
  options.max_background_jobs = 2;
  // Its own log is for those who debug RocksDB: two small files.
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.keep_log_file_num = 2;
  options.max_log_file_size = size_t{1} << 20;
  return options;
}

rocksdb::WriteOptions Durable() {
  rocksdb::WriteOptions options;
  options.sync = true;
  return options;
}

Result<std::string> RandomId() {
  unsigned char bytes[16];
  if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return Error::FromErrno("getrandom");
  std::string id;
  for (const unsigned char byte : bytes) {
    id += "0123456789abcdef"[byte >> 4];
    id += "0123456789abcdef"[byte & 15];
  }
  return id;
}

constexpr size_t kRoomBytes = 64 * 1024;

// Puts back what a batch would have changed, value by value.
class Undo final : public rocksdb::WriteBatch::Handler {
 public:
  explicit Undo(rocksdb::DB& db) : db_(db) {}

  rocksdb::Status PutCF(uint32_t, const rocksdb::Slice& key, const rocksdb::Slice&) override { return Keep(key); }
  rocksdb::Status DeleteCF(uint32_t, const rocksdb::Slice& key) override { return Keep(key); }

  rocksdb::WriteBatch Take() { return std::move(batch_); }

 private:
  rocksdb::Status Keep(const rocksdb::Slice& key) {
    std::string before;
    const rocksdb::Status found = db_.Get({}, key, &before);
    if (found.IsNotFound()) return batch_.Delete(key);
    return found.ok() ? batch_.Put(key, before) : found;
  }

  rocksdb::DB& db_;
  rocksdb::WriteBatch batch_;
};

class RocksStore final : public Store {
 public:
  RocksStore(std::unique_ptr<rocksdb::DB> db, rocksdb::Options options, std::string folder)
      : options_(std::move(options)), folder_(std::move(folder)), db_(std::move(db)) {}

  ~RocksStore() override { Close(); }

  // Reads or writes what makes a folder a store of ours.
  Status Identify(const std::string& folder) {
    std::string format;
    const rocksdb::Status found = db_->Get({}, SliceOf(kFormatKey), &format);
    if (found.IsNotFound()) return Initialize(folder);
    if (!found.ok()) return FromRocks("cannot read the store's format", found);
    if (format != kFormat) {
      return Error{ErrorCode::kUnsupported, "the store in " + folder + " has format " + format + ", this controller reads format " +
                                                std::string(kFormat) + "; use a newer controller"};
    }
    const rocksdb::Status id = db_->Get({}, SliceOf(kStoreIdKey), &id_);
    if (!id.ok()) return FromRocks("cannot read the store's id", id);
    return {};
  }

  Status Commit(const Change& change) override {
    rocksdb::WriteBatch batch;
    ZTS_RETURN_IF_ERROR(Fill(batch, change));
    return Write(Durable(), batch, "cannot write to the store");
  }

  Result<Contents> Load() const override {
    Contents contents;
    std::string counters;
    rocksdb::Status found;
    {
      ZTS_ASSIGN_OR_RETURN(const Reading db, Read());
      found = db->Get({}, SliceOf(kCountersKey), &counters);
    }
    if (!found.ok()) return FromRocks("cannot read the store's counters", found);
    ZTS_ASSIGN_OR_RETURN(contents.counters, DecodeCounters(counters));
    ZTS_RETURN_IF_ERROR(Scan(kFunctionPrefix, [&](std::string_view key, std::string_view value) -> Status {
      auto name = ParseFunctionKey(key);
      if (!name) return UnknownKey();
      ZTS_ASSIGN_OR_RETURN(FunctionRecord function, DecodeFunction(*std::move(name), value));
      contents.functions.push_back(std::move(function));
      return {};
    }));
    ZTS_RETURN_IF_ERROR(Scan(kVersionPrefix, [&](std::string_view key, std::string_view value) -> Status {
      auto name = ParseVersionKey(key);
      if (!name) return UnknownKey();
      ZTS_ASSIGN_OR_RETURN(FunctionVersion version, DecodeVersion(*std::move(name), value));
      contents.versions.push_back(std::move(version));
      return {};
    }));
    return contents;
  }

  Result<std::string> ReadBlob(const Digest& digest) const override {
    std::string content;
    ZTS_ASSIGN_OR_RETURN(const Reading db, Read());
    const rocksdb::Status found = db->Get({}, BlobKey(digest), &content);
    if (found.IsNotFound()) return NotFound("there is no content " + ToHex(digest) + " in the store");
    if (!found.ok()) return FromRocks("cannot read content " + ToHex(digest), found);
    if (Sha256Of(content) != digest) {
      return Error{ErrorCode::kCorrupt,
                   "content " + ToHex(digest) + " in the store is damaged; deploy the function again, or restore from a backup"};
    }
    return content;
  }

  Status WriteRecords(const std::vector<RecordEdit>& edits) override {
    rocksdb::WriteBatch batch;
    rocksdb::Status filled;
    for (const RecordEdit& edit : edits) {
      if (filled.ok()) filled = edit.value ? batch.Put(edit.key, *edit.value) : batch.Delete(edit.key);
    }
    if (!filled.ok()) return FromRocks("cannot put the records together", filled);
    return Write(Durable(), batch, "cannot write to the store");
  }

  Result<std::vector<Record>> ScanRecords(std::string_view prefix) const override {
    std::vector<Record> records;
    ZTS_RETURN_IF_ERROR(Scan(prefix, [&](std::string_view key, std::string_view value) -> Status {
      records.push_back({std::string(key), std::string(value)});
      return {};
    }));
    return records;
  }

  Status Checkpoint(const std::string& folder) override {
    rocksdb::Checkpoint* raw = nullptr;
    ZTS_ASSIGN_OR_RETURN(const Reading reading, Read());
    rocksdb::Status s = rocksdb::Checkpoint::Create(reading.db, &raw);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
    // However much is in the log, it is flushed first: a copy is then made of files that never change again.
    if (s.ok()) s = checkpoint->CreateCheckpoint(folder, 0);
    if (!s.ok()) return FromRocks("cannot make a checkpoint in " + folder, s);
    return {};
  }

  const std::string& id() const override { return id_; }

  Status CheckWritable() override {
    // Unsynced: it asks whether writes are taken, and costs the disk next to nothing when asked every second.
    rocksdb::WriteBatch batch;
    batch.Put(SliceOf(kProbeKey), "");
    return Write({}, batch, "the store cannot be written");
  }

  uint64_t disk_bytes() const override {
    const auto db = Read();
    if (!db.ok()) return 0;
    uint64_t tables = 0, blobs = 0;
    (*db)->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &tables);
    (*db)->GetIntProperty(rocksdb::DB::Properties::kTotalBlobFileSize, &blobs);
    uint64_t logs = 0;
    rocksdb::VectorLogPtr files;
    if ((*db)->GetSortedWalFiles(files).ok()) {
      for (const auto& file : files) logs += file->SizeFileBytes();
    }
    return tables + blobs + logs;
  }

 private:
  static Error UnknownKey() {
    return {ErrorCode::kCorrupt, "the store holds a key that is none of ours; restore the data directory from a backup"};
  }

  Status Initialize(const std::string& folder) {
    std::unique_ptr<rocksdb::Iterator> any(db_->NewIterator({}));
    any->SeekToFirst();
    if (any->Valid()) {
      return Error{ErrorCode::kCorrupt, folder + " holds a database that is no store of a controller; choose another data directory"};
    }
    ZTS_ASSIGN_OR_RETURN(id_, RandomId());
    rocksdb::WriteBatch batch;
    batch.Put(SliceOf(kFormatKey), SliceOf(kFormat));
    batch.Put(SliceOf(kStoreIdKey), id_);
    batch.Put(SliceOf(kCountersKey), EncodeCounters({}));
    const rocksdb::Status written = db_->Write(Durable(), &batch);
    if (!written.ok()) return FromRocks("cannot write a new store to " + folder, written);
    return {};
  }

  static Status Fill(rocksdb::WriteBatch& batch, const Change& change) {
    rocksdb::Status s;
    const auto put = [&](std::string_view key, std::string_view value) {
      if (s.ok()) s = batch.Put(SliceOf(key), SliceOf(value));
    };
    const auto remove = [&](std::string_view key) {
      if (s.ok()) s = batch.Delete(SliceOf(key));
    };
    for (const std::string& name : change.remove_functions) remove(FunctionKey(name));
    for (const VersionName& version : change.remove_versions) remove(VersionKey(version.function, version.number));
    for (const Digest& digest : change.remove_blobs) remove(BlobKey(digest));
    for (const FunctionRecord& function : change.put_functions) put(FunctionKey(function.name), EncodeFunction(function));
    for (const FunctionVersion& version : change.put_versions) {
      put(VersionKey(version.function, version.number), EncodeVersion(version));
    }
    for (const BlobWrite& blob : change.put_blobs) put(BlobKey(blob.digest), blob.content);
    for (const RecordEdit& edit : change.records) {
      if (edit.value) {
        put(edit.key, *edit.value);
      } else {
        remove(edit.key);
      }
    }
    put(kCountersKey, EncodeCounters(change.counters));
    if (!s.ok()) return FromRocks("cannot put the change together", s);
    return {};
  }

  template <typename F>
  Status Scan(std::string_view prefix, F&& visit) const {
    ZTS_ASSIGN_OR_RETURN(const Reading db, Read());
    std::unique_ptr<rocksdb::Iterator> it(db->NewIterator({}));
    for (it->Seek(SliceOf(prefix)); it->Valid() && it->key().starts_with(SliceOf(prefix)); it->Next()) {
      ZTS_RETURN_IF_ERROR(visit(TextOf(it->key()), TextOf(it->value())));
    }
    if (!it->status().ok()) return FromRocks("cannot read the store", it->status());
    return {};
  }

  Status Write(const rocksdb::WriteOptions& durability, rocksdb::WriteBatch& batch, std::string_view on_error) {
    const std::lock_guard lock(write_mutex_);
    ZTS_RETURN_IF_ERROR(Recover());
    const rocksdb::Status written = db_->Write(durability, &batch);
    if (written.ok()) return {};
    return Failed(on_error, written, batch);
  }

  // The log may hold the batch that failed, whole: opened anew, the store would hold what was refused. What stood before is kept to be
  // written back then.
  Error Failed(std::string_view what, const rocksdb::Status& status, const rocksdb::WriteBatch& batch) {
    Undo undo(*db_);
    if (const rocksdb::Status kept = batch.Iterate(&undo); !kept.ok()) return FromRocks("the store can no longer be read", kept);
    undo_ = undo.Take();
    ZTS_LOG(kWarning) << what << ": " << status.ToString() << "; it is opened anew at the next write";
    return FromRocks(what, status);
  }

  // After a failed write the database is opened anew: what its files hold is then found again as after a crash. Until there is room for
  // that the old one serves readers. Should there then be too little after all, it is open for reading, and may show what was refused.
  Status Recover() {
    if (!undo_) return {};
    rocksdb::Status opened = ProbeForRoom();
    if (!opened.ok()) return FromRocks("the store does not take writes", opened);
    const std::lock_guard alone(db_mutex_);
    Close();
    rocksdb::DB* raw = nullptr;
    opened = rocksdb::DB::Open(options_, folder_, &raw);
    db_.reset(raw);
    if (opened.ok()) opened = db_->Write(Durable(), &*undo_);
    if (!opened.ok()) {
      Close();
      if (rocksdb::DB::OpenForReadOnly(options_, folder_, &raw).ok()) db_.reset(raw);
      return FromRocks("the store does not take writes", opened);
    }
    undo_.reset();
    ZTS_LOG(kInfo) << "the store takes writes again";
    return {};
  }

  // Writes what an open writes at least: a manifest, options, a log.
  rocksdb::Status ProbeForRoom() const {
    const std::string path = folder_ + "/room";
    rocksdb::Status written =
        rocksdb::WriteStringToFile(options_.env, std::string(kRoomBytes, '\0'), path, /*should_sync=*/true);
    options_.env->DeleteFile(path).PermitUncheckedError();
    return written;
  }

  void Close() {
    if (db_ != nullptr) db_->Close().PermitUncheckedError();
    db_.reset();
  }

  // For a reading that lasts as long as what is returned.
  struct Reading {
    std::shared_lock<std::shared_mutex> lock;
    rocksdb::DB* db;
    rocksdb::DB* operator->() const { return db; }
  };
  Result<Reading> Read() const {
    std::shared_lock lock(db_mutex_);
    if (db_ == nullptr) return Unavailable("the store cannot be opened; see the controller's log and its data directory");
    return Reading{std::move(lock), db_.get()};
  }

  const rocksdb::Options options_;
  const std::string folder_;
  std::string id_;
  mutable std::shared_mutex db_mutex_;  // a writer takes it after write_mutex_
  std::unique_ptr<rocksdb::DB> db_;     // changes with both held; none when it could not even be opened for reading
  std::mutex write_mutex_;
  std::optional<rocksdb::WriteBatch> undo_;  // there since a write failed
};

}  // namespace

Result<std::unique_ptr<Store>> OpenRocksStore(const std::string& folder, rocksdb::Env* env) {
  if (Status made = MakeDirectories(folder, 0700); !made.ok()) return std::move(made).error().Under("data directory");
  rocksdb::DB* raw = nullptr;
  rocksdb::Options options = MakeOptions();
  if (env != nullptr) options.env = env;
  const rocksdb::Status opened = rocksdb::DB::Open(options, folder, &raw);
  if (!opened.ok()) return FromRocksOpen(folder, opened);
  auto store = std::make_unique<RocksStore>(std::unique_ptr<rocksdb::DB>(raw), options, folder);
  ZTS_RETURN_IF_ERROR(store->Identify(folder));
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace zts::store
