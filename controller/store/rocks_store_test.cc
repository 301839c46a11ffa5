#include "controller/store/rocks_store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "base/file.h"
#include "controller/store/testing/scratch_folder.h"

namespace zts::store {
namespace {

// Content that differs by number, of 1 to about 60,000 bytes: some in tables, some in blob files.
std::string BundleOf(uint64_t number) {
  std::mt19937_64 random(number);
  std::string bundle(1 + random() % 60'000, ' ');
  for (char& c : bundle) c = static_cast<char>(random());
  return bundle;
}

// Version `number` of one function, replacing the one before.
struct Deploy {
  explicit Deploy(uint64_t number) : bundle(BundleOf(number)) {
    FunctionVersion version;
    version.function = "crash";
    version.number = number;
    version.bundle_digest = Sha256Of(bundle);
    version.bundle_bytes = bundle.size();
    change.counters = {number, 1, 0};
    change.put_functions = {{.name = "crash", .creation = 1, .active_number = number, .next_number = number + 1, .changed_at = number}};
    change.put_versions = {version};
    change.put_blobs = {{version.bundle_digest, bundle}};
  }
  std::string bundle;
  Change change;
};

// What must hold after any crash: the last acknowledged deploy or a later one serves, all of it, and every version before it is there.
void ExpectWhole(const std::string& folder, uint64_t acknowledged, uint64_t* last) {
  auto store = OpenRocksStore(folder);
  ASSERT_TRUE(store.ok()) << store.error().message;
  const auto contents = (*store)->Load();
  ASSERT_TRUE(contents.ok()) << contents.error().message;
  const uint64_t stands = contents->counters.catalog_version;
  // One commit may have reached the disk without its acknowledgement reaching anybody.
  EXPECT_GE(stands, acknowledged);
  EXPECT_LE(stands, acknowledged + 1);
  ASSERT_EQ(contents->versions.size(), stands);
  if (stands > 0) {
    ASSERT_EQ(contents->functions.size(), 1u);
    EXPECT_EQ(contents->functions[0].active_number, stands);
  }
  for (const FunctionVersion& version : contents->versions) {
    const auto bundle = (*store)->ReadBlob(version.bundle_digest);
    ASSERT_TRUE(bundle.ok()) << bundle.error().message;
    EXPECT_TRUE(*bundle == BundleOf(version.number));
  }
  *last = stands;
}

// Commits from `first` on and writes each number to `acknowledge` once it is durable. Ends at the first failure with its message.
[[noreturn]] void CommitForEver(const std::string& folder, uint64_t first, int acknowledge) {
  auto store = OpenRocksStore(folder);
  if (!store.ok()) ::_exit(2);
  for (uint64_t number = first;; ++number) {
    const Status committed = (*store)->Commit(Deploy(number).change);
    if (!committed.ok()) {
      const std::string text = "!" + std::string(ErrorCodeName(committed.error().code)) + " " + committed.error().message;
      if (::write(acknowledge, text.data(), text.size()) < 0) ::_exit(3);
      ::_exit(0);
    }
    if (::write(acknowledge, &number, sizeof number) != sizeof number) ::_exit(4);
  }
}

struct Child {
  pid_t pid;
  UniqueFd acknowledged;
};

Child StartCommitting(const std::string& folder, uint64_t first, rlim_t file_bytes_max = RLIM_INFINITY) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(ends[0]);
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{file_bytes_max, file_bytes_max};
    if (file_bytes_max != RLIM_INFINITY) ::setrlimit(RLIMIT_FSIZE, &limit);
    CommitForEver(folder, first, ends[1]);
  }
  ::close(ends[1]);
  return {pid, UniqueFd(ends[0])};
}

TEST(RocksStoreTest, NothingAcknowledgedIsLostByKill) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  ScratchFolder folder;
  uint64_t last = 0;
  for (int round = 0; round < 12; ++round) {
    Child child = StartCommitting(folder.path(), last + 1);
    // After so many acknowledgements, and then at a random point of what follows: nothing waits for this pause to be long enough.
    const uint64_t wanted = random() % 8;
    uint64_t acknowledged = last, number = 0;
    for (uint64_t i = 0; i < wanted && ::read(child.acknowledged.get(), &number, sizeof number) == sizeof number; ++i) {
      acknowledged = number;
    }
    ::usleep(static_cast<useconds_t>(random() % 5'000));  // tidy: ok, the moment of death is the input, not a wait
    ASSERT_EQ(::kill(child.pid, SIGKILL), 0);
    while (::read(child.acknowledged.get(), &number, sizeof number) == sizeof number) acknowledged = number;
    int status = 0;
    ASSERT_EQ(::waitpid(child.pid, &status, 0), child.pid);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the committing process ended by itself: " << status;
    ExpectWhole(folder.path(), acknowledged, &last);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(last, 0u);
}

TEST(RocksStoreTest, FullDiskIsSaidAndLosesNothing) {
  ScratchFolder folder;
  // No file may grow beyond this: what a write sees is what it sees on a full disk, without one.
  Child child = StartCommitting(folder.path(), 1, 300'000);
  uint64_t acknowledged = 0;
  std::string rest;
  char buffer[sizeof(uint64_t)];
  for (ssize_t got; (got = ::read(child.acknowledged.get(), buffer, sizeof buffer)) > 0;) {
    if (rest.empty() && buffer[0] != '!') {
      std::memcpy(&acknowledged, buffer, sizeof buffer);
    } else {
      rest.append(buffer, static_cast<size_t>(got));
    }
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child.pid, &status, 0), child.pid);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(rest.rfind("!exhausted cannot write to the store", 0), 0u) << rest;
  EXPECT_NE(rest.find("free space"), std::string::npos) << rest;
  EXPECT_GT(acknowledged, 0u);
  uint64_t last = 0;
  ExpectWhole(folder.path(), acknowledged, &last);
}

TEST(RocksStoreTest, CheckpointIsTheStoreAtOneMoment) {
  ScratchFolder folder;
  auto store = OpenRocksStore(folder.path() + "/store");
  ASSERT_TRUE(store.ok());
  for (uint64_t number = 1; number <= 5; ++number) ASSERT_TRUE((*store)->Commit(Deploy(number).change).ok());
  ASSERT_TRUE((*store)->WriteRecords({{"t/1", "token"}}).ok());
  ASSERT_TRUE((*store)->Checkpoint(folder.path() + "/copy").ok());
  ASSERT_TRUE((*store)->Commit(Deploy(6).change).ok());
  EXPECT_FALSE((*store)->Checkpoint(folder.path() + "/copy").ok()) << "the folder is there already";
  uint64_t last = 0;
  ExpectWhole(folder.path() + "/copy", 5, &last);
  EXPECT_EQ(last, 5u);
  auto copy = OpenRocksStore(folder.path() + "/copy");
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ((*copy)->id(), (*store)->id());
  EXPECT_EQ((*copy)->ScanRecords("t/")->size(), 1u);
}

TEST(RocksStoreTest, SecondControllerOnTheSameFolderIsRefused) {
  ScratchFolder folder;
  auto first = OpenRocksStore(folder.path());
  ASSERT_TRUE(first.ok());
  const auto second = OpenRocksStore(folder.path());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(second.error().message,
            "another controller is using " + folder.path() + "; stop it, or choose another data directory");
}

TEST(RocksStoreTest, FolderThatCannotBeMadeIsNamed) {
  const auto store = OpenRocksStore("/proc/no/such/folder");
  ASSERT_FALSE(store.ok());
  EXPECT_NE(store.error().message.find("/proc/no"), std::string::npos) << store.error().message;
}

TEST(RocksStoreTest, DamagedLogIsRefusedAndNotSkipped) {
  ScratchFolder folder;
  ScratchFolder copy;
  {
    auto store = OpenRocksStore(folder.path());
    ASSERT_TRUE(store.ok());
    for (uint64_t number = 1; number <= 20; ++number) ASSERT_TRUE((*store)->Commit(Deploy(number).change).ok());
    // What a crash leaves: the files of a store that is open still, with what was committed in the log only, and nobody's lock on them.
    std::filesystem::copy(folder.path(), copy.path(), std::filesystem::copy_options::recursive);
  }
  for (const auto& file : std::filesystem::directory_iterator(copy.path())) {
    if (file.path().extension() != ".log") continue;
    std::fstream log(file.path(), std::ios::in | std::ios::out | std::ios::binary);
    log.seekp(static_cast<std::streamoff>(file.file_size() / 2));
    log.write("damage", 6);
  }
  const auto store = OpenRocksStore(copy.path());
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code, ErrorCode::kCorrupt) << store.error().message;
  EXPECT_NE(store.error().message.find("backup"), std::string::npos) << store.error().message;
}

}  // namespace
}  // namespace zts::store
