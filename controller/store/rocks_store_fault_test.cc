// The store on a disk that fails at each single operation of a deploy in turn: the process is killed there, the power goes, the write is
// torn, the disk is full.
#include <gtest/gtest.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>

#include "base/unique_fd.h"
#include "controller/store/rocks_store.h"
#include "controller/store/testing/scratch_folder.h"

namespace zts::store {
namespace {

using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr uint64_t kDeploys = 3;

enum class Fault {
  kNone,
  kKill,      // the process dies before the operation
  kPowerCut,  // and with it all that was written and not synced
  kTorn,      // it dies half-way through a write
  kNoSpace,   // the operation fails, once
  kFull,      // it fails, and all that follow, until there is room again
};

// What goes wrong, and at which operation: written to by all threads of RocksDB.
class Plan {
 public:
  Plan(Fault fault, int64_t at) : fault_(fault), at_(at) {}

  // Counts an operation; what is to become of it.
  Fault Next() {
    const int64_t operation = next_++;
    if (fault_ == Fault::kFull) return operation >= at_ && !has_room_ ? Fault::kNoSpace : Fault::kNone;
    if (operation != at_) return Fault::kNone;
    if (fault_ == Fault::kPowerCut) CutPower();
    if (fault_ == Fault::kKill || fault_ == Fault::kPowerCut) Die();
    return fault_;
  }
  [[noreturn]] static void Die() {
    ::kill(::getpid(), SIGKILL);
    ::_exit(9);
  }
  int64_t operations() const { return next_; }
  void MakeRoom() { has_room_ = true; }

  void OnSynced(const std::string& path, uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    synced_[path] = bytes;
  }
  void OnRenamed(const std::string& from, const std::string& to) {
    const std::lock_guard lock(mutex_);
    if (const auto found = synced_.find(from); found != synced_.end()) {
      synced_[to] = found->second;
      synced_.erase(from);
    }
  }

 private:
  void CutPower() {
    const std::lock_guard lock(mutex_);
    for (const auto& [path, bytes] : synced_) [[maybe_unused]] const int cut = ::truncate(path.c_str(), static_cast<off_t>(bytes));
  }

  const Fault fault_;
  const int64_t at_;
  std::atomic<int64_t> next_{0};
  std::atomic<bool> has_room_{false};
  std::mutex mutex_;
  std::map<std::string, uint64_t> synced_;  // how much of each file a power cut leaves
};

IOStatus Full() { return IOStatus::NoSpace("No space left on device"); }

class FaultyFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(std::unique_ptr<FSWritableFile>&& file, std::string path, Plan& plan)
      : FSWritableFileOwnerWrapper(std::move(file)), path_(std::move(path)), plan_(plan) {
    plan_.OnSynced(path_, 0);
  }

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* debug) override {
    const Fault fault = plan_.Next();
    if (fault == Fault::kNoSpace) return Full();
    if (fault == Fault::kTorn) {
      target()->Append({data.data(), data.size() / 2}, options, debug).PermitUncheckedError();
      target()->Flush(options, debug).PermitUncheckedError();
      Plan::Die();
    }
    bytes_ += data.size();
    return target()->Append(data, options, debug);
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    if (plan_.Next() == Fault::kNoSpace) return Full();
    const IOStatus synced = target()->Sync(options, debug);
    if (synced.ok()) plan_.OnSynced(path_, bytes_);
    return synced;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override { return Sync(options, debug); }

 private:
  const std::string path_;
  Plan& plan_;
  uint64_t bytes_ = 0;
};

class FaultyDisk final : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultyDisk(Plan& plan) : FileSystemWrapper(rocksdb::FileSystem::Default()), plan_(plan) {}
  const char* Name() const override { return "FaultyDisk"; }

  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options, std::unique_ptr<FSWritableFile>* file,
                           IODebugContext* debug) override {
    if (plan_.Next() == Fault::kNoSpace) return Full();
    std::unique_ptr<FSWritableFile> real;
    const IOStatus made = target()->NewWritableFile(path, options, &real, debug);
    if (made.ok()) *file = std::make_unique<FaultyFile>(std::move(real), path, plan_);
    return made;
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options, IODebugContext* debug) override {
    if (plan_.Next() == Fault::kNoSpace) return Full();
    const IOStatus renamed = target()->RenameFile(from, to, options, debug);
    if (renamed.ok()) plan_.OnRenamed(from, to);
    return renamed;
  }

 private:
  Plan& plan_;
};

std::string BundleOf(uint64_t number) { return std::string(number % 2 == 0 ? 40'000 : 500, static_cast<char>('a' + number)); }

// One deploy: several records and content that belong together.
struct Deploy {
  explicit Deploy(uint64_t number) : bundle(BundleOf(number)) {
    FunctionVersion version;
    version.function = "f";
    version.number = number;
    version.bundle_digest = Sha256Of(bundle);
    version.bundle_bytes = bundle.size();
    change.counters = {number, 1, 0};
    change.put_functions = {{.name = "f", .creation = 1, .active_number = number, .next_number = number + 1, .changed_at = number}};
    change.put_versions = {version};
    change.put_blobs = {{version.bundle_digest, bundle}};
    change.records = {{"s/f/KEY", "secret " + std::to_string(number)}};
  }
  std::string bundle;
  Change change;
};

// What must hold whatever happened: everything that was acknowledged is there, and nothing is there in part.
uint64_t ExpectWhole(Store& store, uint64_t acknowledged) {
  const auto contents = store.Load();
  if (!contents.ok()) {
    ADD_FAILURE() << contents.error().message;
    return 0;
  }
  const uint64_t stands = contents->counters.catalog_version;
  EXPECT_GE(stands, acknowledged);
  EXPECT_LE(stands, acknowledged + 1);
  EXPECT_EQ(contents->versions.size(), stands);
  EXPECT_EQ(contents->functions.size(), stands == 0 ? 0u : 1u);
  if (stands > 0) {
    EXPECT_EQ(contents->functions[0].active_number, stands);
    EXPECT_EQ(store.ScanRecords("s/")->at(0).value, "secret " + std::to_string(stands));
  }
  for (const FunctionVersion& version : contents->versions) {
    const auto bundle = store.ReadBlob(version.bundle_digest);
    EXPECT_TRUE(bundle.ok() && *bundle == BundleOf(version.number)) << version.number;
  }
  return stands;
}

// Opens a store and deploys to it in a process of its own, which the plan may end; how many deploys it acknowledged.
uint64_t DeployInAProcess(const std::string& folder, Fault fault, int64_t at, int64_t* operations) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(ends[0]);
    Plan plan(fault, at);
    const auto env = rocksdb::NewCompositeEnv(std::make_shared<FaultyDisk>(plan));
    auto store = OpenRocksStore(folder, env.get());
    if (!store.ok()) ::_exit(2);
    for (uint64_t number = 1; number <= kDeploys; ++number) {
      if (!(*store)->Commit(Deploy(number).change).ok()) ::_exit(3);
      if (::write(ends[1], &number, sizeof number) != sizeof number) ::_exit(4);
    }
    const int64_t count = -plan.operations();
    if (::write(ends[1], &count, sizeof count) != sizeof count) ::_exit(4);
    // Without closing: an end that flushes would be kinder than a crash.
    ::_exit(0);
  }
  ::close(ends[1]);
  const UniqueFd reads(ends[0]);
  uint64_t acknowledged = 0;
  for (int64_t word = 0; ::read(reads.get(), &word, sizeof word) == sizeof word;) {
    if (word < 0) {
      *operations = -word;
    } else {
      acknowledged = static_cast<uint64_t>(word);
    }
  }
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << "the deploying process failed with " << WEXITSTATUS(status);
  return acknowledged;
}

class RocksStoreFaultTest : public testing::TestWithParam<Fault> {};

TEST_P(RocksStoreFaultTest, DyingAtEachOperationLosesNothingAcknowledged) {
  int64_t operations = 0;
  {
    ScratchFolder folder;
    ASSERT_EQ(DeployInAProcess(folder.path() + "/store", Fault::kNone, -1, &operations), kDeploys);
  }
  ASSERT_GT(operations, static_cast<int64_t>(2 * kDeploys)) << "a deploy is written and synced at least";
  uint64_t least = kDeploys, most = 0;
  for (int64_t at = 0; at < operations; ++at) {
    SCOPED_TRACE("at operation " + std::to_string(at) + " of " + std::to_string(operations));
    ScratchFolder folder;
    int64_t unused = 0;
    const uint64_t acknowledged = DeployInAProcess(folder.path() + "/store", GetParam(), at, &unused);
    least = std::min(least, acknowledged);
    most = std::max(most, acknowledged);
    auto store = OpenRocksStore(folder.path() + "/store");
    ASSERT_TRUE(store.ok()) << store.error().message;
    const uint64_t stands = ExpectWhole(**store, acknowledged);
    // And it goes on from there.
    ASSERT_TRUE((*store)->Commit(Deploy(stands + 1).change).ok());
    ExpectWhole(**store, stands + 1);
    if (HasFailure()) return;
  }
  EXPECT_EQ(least, 0u);
  EXPECT_GE(most, kDeploys - 1) << "the faults were spread over all deploys";
}

INSTANTIATE_TEST_SUITE_P(Deaths, RocksStoreFaultTest, testing::Values(Fault::kKill, Fault::kPowerCut, Fault::kTorn),
                         [](const auto& info) {
                           return info.param == Fault::kKill ? "Kill" : info.param == Fault::kPowerCut ? "PowerCut" : "TornWrite";
                         });

TEST(RocksStoreFullTest, AFullDiskAtEachOperationIsSaidAndPasses) {
  int refused = 0;
  for (int64_t at = 0; at < 40; ++at) {
    SCOPED_TRACE("at operation " + std::to_string(at));
    ScratchFolder folder;
    const std::string path = folder.path() + "/store";
    ASSERT_TRUE(OpenRocksStore(path).ok());
    Plan plan(Fault::kNoSpace, at);
    const auto env = rocksdb::NewCompositeEnv(std::make_shared<FaultyDisk>(plan));
    uint64_t acknowledged = 0;
    {
      auto store = OpenRocksStore(path, env.get());
      if (!store.ok()) {
        EXPECT_EQ(store.error().code, ErrorCode::kExhausted) << store.error().message;
        continue;
      }
      for (uint64_t number = 1; number <= kDeploys; ++number) {
        const Status committed = (*store)->Commit(Deploy(number).change);
        if (!committed.ok()) {
          ++refused;
          EXPECT_EQ(committed.error().code, ErrorCode::kExhausted) << committed.error().message;
          EXPECT_NE(committed.error().message.find("free space"), std::string::npos) << committed.error().message;
          // What is there can be read, and the same deploy goes through once there is room.
          ExpectWhole(**store, acknowledged);
          const Status again = (*store)->Commit(Deploy(number).change);
          ASSERT_TRUE(again.ok()) << again.error().message;
        }
        acknowledged = number;
      }
      ExpectWhole(**store, acknowledged);
    }
    auto store = OpenRocksStore(path);
    ASSERT_TRUE(store.ok()) << store.error().message;
    EXPECT_EQ(ExpectWhole(**store, acknowledged), kDeploys);
  }
  EXPECT_GE(refused, 3) << "the disk was full for some deploys";
}

TEST(RocksStoreFullTest, WhatWasRefusedOnAFullDiskIsNotThereWhenThereIsRoomAgain) {
  int refused = 0;
  for (int64_t at = 0; at < 40; ++at) {
    SCOPED_TRACE("full from operation " + std::to_string(at));
    ScratchFolder folder;
    const std::string path = folder.path() + "/store";
    ASSERT_TRUE(OpenRocksStore(path).ok());
    Plan plan(Fault::kFull, at);
    const auto env = rocksdb::NewCompositeEnv(std::make_shared<FaultyDisk>(plan));
    auto store = OpenRocksStore(path, env.get());
    if (!store.ok()) {
      EXPECT_EQ(store.error().code, ErrorCode::kExhausted) << store.error().message;
      continue;
    }
    uint64_t acknowledged = 0;
    while (acknowledged < kDeploys && (*store)->Commit(Deploy(acknowledged + 1).change).ok()) ++acknowledged;
    if (acknowledged == kDeploys) break;
    ++refused;
    // Full for as long as it takes: reads go on, and writes are refused one after the other.
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(ExpectWhole(**store, acknowledged), acknowledged);
      const Status writable = (*store)->CheckWritable();
      ASSERT_FALSE(writable.ok());
      EXPECT_EQ(writable.error().code, ErrorCode::kExhausted) << writable.error().message;
    }
    plan.MakeRoom();
    ASSERT_TRUE((*store)->CheckWritable().ok());
    EXPECT_EQ(ExpectWhole(**store, acknowledged), acknowledged);
    store->reset();
    store = OpenRocksStore(path);
    ASSERT_TRUE(store.ok()) << store.error().message;
    EXPECT_EQ(ExpectWhole(**store, acknowledged), acknowledged);
  }
  EXPECT_GE(refused, 3) << "the disk was full for some deploys";
}

}  // namespace
}  // namespace zts::store
