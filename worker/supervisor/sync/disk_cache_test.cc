#include "worker/supervisor/sync/disk_cache.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "base/file.h"
#include "base/sha256.h"

namespace zts::supervisor {
namespace {

class DiskCacheTest : public ::testing::Test {
 protected:
  DiskCacheTest() {
    folder_ = ::testing::TempDir() + "/cache." + std::to_string(::getpid()) + "." +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    Reopen();
  }
  void Reopen() { cache_ = std::move(*DiskCache::Open(folder_)); }
  std::string Write(const std::string& content) {
    const std::string digest = ToHex(Sha256Of(content));
    EXPECT_TRUE(cache_->WriteBlob(digest, content).ok());
    return digest;
  }
  static CachedCatalog CatalogOf(uint64_t version) {
    CachedCatalog catalog;
    catalog.set_store_id("store");
    catalog.set_catalog_version(version);
    catalog.add_functions()->set_function("hello");
    return catalog;
  }
  size_t BlobFiles() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_ + "/blobs"), {}));
  }
  // Changes one byte of a file in each way a disk can.
  static void Damage(const std::string& path, size_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 0x40));
  }

  std::string folder_;
  std::unique_ptr<DiskCache> cache_;
};

TEST_F(DiskCacheTest, KeepsContentAndCatalog) {
  const std::string digest = Write("source");
  ASSERT_TRUE(cache_->WriteCatalog(CatalogOf(7)).ok());
  Reopen();
  EXPECT_EQ(*cache_->ReadBlob(digest), "source");
  auto catalog = cache_->ReadCatalog();
  ASSERT_TRUE(catalog.ok());
  EXPECT_EQ(catalog->catalog_version(), 7u);
  EXPECT_EQ(catalog->functions(0).function(), "hello");
}

TEST_F(DiskCacheTest, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(cache_->ReadCatalog().error().code, ErrorCode::kNotFound);
  EXPECT_EQ(cache_->ReadBlob(ToHex(Sha256Of("x"))).error().code, ErrorCode::kNotFound);
}

TEST_F(DiskCacheTest, ADamagedBlobIsNoticedAndRemoved) {
  const std::string digest = Write("source");
  Damage(folder_ + "/blobs/" + digest, 3);
  EXPECT_EQ(cache_->ReadBlob(digest).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(cache_->ReadBlob(digest).error().code, ErrorCode::kNotFound);
  Write("source");
  EXPECT_EQ(*cache_->ReadBlob(digest), "source");
}

TEST_F(DiskCacheTest, AShortenedBlobIsNoticed) {
  const std::string digest = Write("source");
  std::filesystem::resize_file(folder_ + "/blobs/" + digest, 2);
  EXPECT_EQ(cache_->ReadBlob(digest).error().code, ErrorCode::kCorrupt);
}

TEST_F(DiskCacheTest, ADamagedCatalogIsNoticedAtEveryByteAndEveryLength) {
  ASSERT_TRUE(cache_->WriteCatalog(CatalogOf(7)).ok());
  ASSERT_TRUE(cache_->Settle().ok());
  const std::string path = folder_ + "/catalog";
  const std::string whole = *ReadFile(path);
  for (size_t at = 0; at < whole.size(); ++at) {
    Damage(path, at);
    // The line feed after the checksum is for people only.
    if (whole[at] != '\n' || at < 20) {
      EXPECT_EQ(cache_->ReadCatalog().error().code, ErrorCode::kCorrupt) << at;
    }
    Damage(path, at);
  }
  for (size_t length = 0; length < whole.size(); ++length) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, length);
    EXPECT_EQ(cache_->ReadCatalog().error().code, ErrorCode::kCorrupt) << length;
  }
  std::ofstream(path, std::ios::binary) << whole;
  EXPECT_TRUE(cache_->ReadCatalog().ok());
}

TEST_F(DiskCacheTest, TheNextCatalogCountsOnlyWhenItIsWhole) {
  ASSERT_TRUE(cache_->WriteCatalog(CatalogOf(1)).ok());
  ASSERT_TRUE(cache_->Settle().ok());
  ASSERT_TRUE(cache_->WriteCatalog(CatalogOf(2)).ok());
  EXPECT_EQ(cache_->ReadCatalog()->catalog_version(), 2u);
  Damage(folder_ + "/catalog.next", 60);
  EXPECT_EQ(cache_->ReadCatalog()->catalog_version(), 1u);
  ASSERT_TRUE(cache_->WriteCatalog(CatalogOf(3)).ok());
  ASSERT_TRUE(cache_->Settle().ok());
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/catalog.next"));
  EXPECT_EQ(cache_->ReadCatalog()->catalog_version(), 3u);
}

TEST_F(DiskCacheTest, UnusedContentAndLeftoversGo) {
  const std::string kept = Write("kept");
  Write("unused");
  std::ofstream(folder_ + "/blobs/" + kept + ".new") << "half of a wr";
  cache_->RemoveUnused({kept});
  EXPECT_EQ(BlobFiles(), 1u);
  EXPECT_EQ(*cache_->ReadBlob(kept), "kept");
  // Unused content that was never flushed is no reason to fail.
  EXPECT_TRUE(cache_->WriteCatalog(CatalogOf(1)).ok());
}

// What turns the catalog of `base` into the next: "hello" has that number.
CachedChange ChangeOn(uint64_t base) {
  CachedChange change;
  change.set_base_version(base);
  change.set_catalog_version(base + 1);
  auto* version = change.add_upserts();
  version->set_function("hello");
  version->set_number(base + 1);
  return change;
}

TEST_F(DiskCacheTest, ChangesAreReadOnTopOfTheirCatalog) {
  EXPECT_EQ(cache_->AppendChange(ChangeOn(0)).error().code, ErrorCode::kNotFound) << "there is nothing to change";
  CachedCatalog catalog = CatalogOf(1);
  catalog.add_functions()->set_function("other");
  catalog.add_functions()->set_function("third");
  (*catalog.mutable_sealed_by_function())["other"] = "sealed";
  (*catalog.mutable_sealed_by_function())["hello"] = "sealed";
  ASSERT_TRUE(cache_->WriteCatalog(catalog).ok());
  ASSERT_TRUE(cache_->AppendChange(ChangeOn(1)).ok());
  CachedChange second = ChangeOn(2);
  second.add_removals("other");
  (*second.mutable_sealed_secrets())["hello"] = "newly sealed";
  second.add_upserts()->set_function("new");
  ASSERT_TRUE(cache_->AppendChange(second).ok());
  for (int i = 0; i < 2; ++i) {
    const auto read = cache_->ReadCatalog();
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read->catalog_version(), 3u);
    EXPECT_EQ(read->store_id(), "store");
    std::map<std::string, uint64_t> numbers;
    for (const auto& function : read->functions()) numbers[function.function()] = function.number();
    EXPECT_EQ(numbers, (std::map<std::string, uint64_t>{{"hello", 3}, {"third", 0}, {"new", 0}}));
    ASSERT_EQ(read->sealed_by_function().size(), 1u) << "of what went, nothing is left";
    EXPECT_EQ(read->sealed_by_function().at("hello"), "newly sealed");
    ASSERT_TRUE(cache_->Settle().ok());
    Reopen();
  }
}

TEST_F(DiskCacheTest, AChangeOnAnotherCatalogIsRefused) {
  ASSERT_TRUE(cache_->WriteCatalog(CatalogOf(7)).ok());
  EXPECT_EQ(cache_->AppendChange(ChangeOn(6)).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(cache_->AppendChange(ChangeOn(7)).ok());
  EXPECT_EQ(cache_->AppendChange(ChangeOn(7)).error().code, ErrorCode::kNotFound);
}

TEST_F(DiskCacheTest, AfterARestartChangesGoOn) {
  ASSERT_TRUE(cache_->WriteCatalog(CatalogOf(1)).ok());
  ASSERT_TRUE(cache_->Settle().ok());
  for (uint64_t version = 1; version < 5; ++version) {
    ASSERT_TRUE(cache_->AppendChange(ChangeOn(version)).ok());
    Reopen();
    EXPECT_EQ(cache_->ReadCatalog()->catalog_version(), version + 1);
  }
}

// A crash of the machine takes what was not flushed: the newer catalog with all that is on top of it, or the end of the journal.
TEST_F(DiskCacheTest, WhatWasSettledIsThereWhateverBecomesOfTheRest) {
  ASSERT_TRUE(cache_->WriteCatalog(CatalogOf(1)).ok());
  ASSERT_TRUE(cache_->AppendChange(ChangeOn(1)).ok());
  ASSERT_TRUE(cache_->Settle().ok());
  ASSERT_TRUE(cache_->WriteCatalog(CatalogOf(10)).ok());
  ASSERT_TRUE(cache_->AppendChange(ChangeOn(10)).ok());
  EXPECT_EQ(cache_->ReadCatalog()->catalog_version(), 11u);
  std::filesystem::resize_file(folder_ + "/catalog.next", 30);
  Reopen();
  EXPECT_EQ(cache_->ReadCatalog()->catalog_version(), 2u);
  ASSERT_TRUE(cache_->AppendChange(ChangeOn(2)).ok());
  Reopen();
  EXPECT_EQ(cache_->ReadCatalog()->catalog_version(), 3u);
}

TEST_F(DiskCacheTest, ADamagedJournalCountsUpToTheDamage) {
  ASSERT_TRUE(cache_->WriteCatalog(CatalogOf(1)).ok());
  for (uint64_t version = 1; version < 4; ++version) ASSERT_TRUE(cache_->AppendChange(ChangeOn(version)).ok());
  ASSERT_TRUE(cache_->Settle().ok());
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    if (file.path().filename().string().starts_with("journal.")) Damage(file.path(), std::filesystem::file_size(file.path()) - 1);
  }
  Reopen();
  EXPECT_EQ(cache_->ReadCatalog()->catalog_version(), 3u);
}

TEST_F(DiskCacheTest, ACompactedCatalogTakesThePlaceOfTheJournal) {
  ASSERT_TRUE(cache_->WriteCatalog(CatalogOf(0)).ok());
  uint64_t version = 0;
  CachedChange large = ChangeOn(0);
  large.mutable_upserts(0)->set_main_module(std::string(100'000, 'm'));
  for (; !cache_->ShouldCompact(); ++version) {
    ASSERT_LT(version, 100u);
    large.set_base_version(version);
    large.set_catalog_version(version + 1);
    ASSERT_TRUE(cache_->AppendChange(large).ok());
  }
  ASSERT_TRUE(cache_->WriteCatalog(CatalogOf(version)).ok());
  EXPECT_FALSE(cache_->ShouldCompact());
  ASSERT_TRUE(cache_->Settle().ok());
  uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    if (file.is_regular_file()) bytes += file.file_size();
  }
  EXPECT_LT(bytes, 10'000u) << "the old journal stays";
  Reopen();
  EXPECT_EQ(cache_->ReadCatalog()->catalog_version(), version);
}

// A process that writes catalog after catalog is killed at many moments; what is read then is always a whole one with all it names.
TEST_F(DiskCacheTest, SurvivesKillAtAnyMoment) {
  for (int round = 0; round < 20; ++round) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      for (uint64_t version = 1;; ++version) {
        const std::string content = "content " + std::to_string(version);
        CachedCatalog catalog = CatalogOf(version);
        const std::string digest = ToHex(Sha256Of(content));
        catalog.mutable_functions(0)->set_bundle_digest(digest);
        if (!cache_->WriteBlob(digest, content).ok()) ::_exit(1);
        // A whole one every few, changes on top of it between them.
        CachedChange change = ChangeOn(version - 1);
        change.mutable_upserts(0)->set_bundle_digest(digest);
        if (!(version % 5 == 1 ? cache_->WriteCatalog(catalog) : cache_->AppendChange(change)).ok()) ::_exit(1);
        // Now and then only, so that kills also meet what is not settled.
        if (version % 3 == 0) {
          if (!cache_->Settle().ok()) ::_exit(3);
          cache_->RemoveUnused({digest});
        }
        if (::write(ready[1], "x", 1) != 1) ::_exit(2);
      }
    }
    ::close(ready[1]);
    // Killed somewhere after its (round+1)th catalog.
    for (int i = 0; i <= round; ++i) {
      char byte;
      ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    }
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    ::close(ready[0]);
    Reopen();
    auto catalog = cache_->ReadCatalog();
    ASSERT_TRUE(catalog.ok()) << catalog.error().message;
    EXPECT_GE(catalog->catalog_version(), static_cast<uint64_t>(round + 1));
    EXPECT_EQ(*cache_->ReadBlob(catalog->functions(0).bundle_digest()),
              "content " + std::to_string(catalog->catalog_version()));
  }
}

TEST_F(DiskCacheTest, AFullOrMissingDiskIsAnError) {
  std::filesystem::remove_all(folder_);
  EXPECT_FALSE(cache_->WriteBlob(ToHex(Sha256Of("x")), "x").ok());
  EXPECT_FALSE(cache_->WriteCatalog(CatalogOf(1)).ok());
}

}  // namespace
}  // namespace zts::supervisor
