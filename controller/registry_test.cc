#include "controller/registry.h"

#include <gtest/gtest.h>

#include "controller/limits.h"
#include "controller/store/rocks_store.h"
#include "controller/store/testing/memory_store.h"
#include "controller/store/testing/scratch_folder.h"

namespace zts::controller {
namespace {

class RegistryTest : public testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    auto opened = Registry::Open(store_, clock_);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    registry_ = std::move(opened).value();
  }

  Result<Deployed> TryDeploy(const std::string& function, std::string_view bundle = "bundle", std::vector<std::string> routes = {},
                             std::string_view cache = "") {
    NewVersion wanted;
    wanted.function = function;
    wanted.main_module = "main.js";
    wanted.config.routes = std::move(routes);
    wanted.bundle = bundle;
    wanted.bundle_digest = Sha256Of(bundle);
    wanted.code_cache = cache;
    wanted.artifact_key = "key";
    return registry_->Deploy(std::move(wanted));
  }

  Deployed Deploy(const std::string& function, std::string_view bundle = "bundle", std::vector<std::string> routes = {},
                  std::string_view cache = "") {
    auto deployed = TryDeploy(function, bundle, std::move(routes), cache);
    EXPECT_TRUE(deployed.ok()) << (deployed.ok() ? "" : deployed.error().message);
    return deployed.ok() ? *deployed : Deployed{};
  }

  uint64_t ActiveNumber(const std::string& function) {
    const CatalogPtr catalog = registry_->catalog();
    const CatalogEntry* entry = catalog->Find(function);
    return entry != nullptr ? entry->version->number : 0;
  }

  FakeClock clock_;
  store::MemoryStore store_;
  std::unique_ptr<Registry> registry_;
};

TEST_F(RegistryTest, CountsVersionsAndCatalogs) {
  const Deployed first = Deploy("hello", "one");
  EXPECT_EQ(first.version->number, 1u);
  EXPECT_EQ(first.catalog_version, 1u);
  EXPECT_EQ(first.version->created_ns, clock_.WallNow());
  const Deployed second = Deploy("hello", "two");
  EXPECT_EQ(second.version->number, 2u);
  EXPECT_EQ(second.catalog_version, 2u);
  EXPECT_EQ(Deploy("other").version->number, 1u);
  EXPECT_EQ(ActiveNumber("hello"), 2u);
}

TEST_F(RegistryTest, ASourceMapComesAndGoesWithItsVersion) {
  NewVersion wanted;
  wanted.function = "hello";
  wanted.main_module = "main.js";
  wanted.bundle = "bundle";
  wanted.bundle_digest = Sha256Of("bundle");
  wanted.source_map = "map";
  const auto deployed = registry_->Deploy(std::move(wanted));
  ASSERT_TRUE(deployed.ok());
  EXPECT_EQ(deployed->version->source_map_bytes, 3u);
  ASSERT_EQ(deployed->version->source_map_digest, Sha256Of("map"));
  Reopen();
  EXPECT_EQ(*registry_->ReadBlob(Sha256Of("map")), "map");
  // Another configuration of the same code has the same map.
  const auto configured = registry_->Configure(
      "hello", [](VersionConfig& config) -> Status { config.env["A"] = "1"; return {}; }, {});
  ASSERT_TRUE(configured.ok());
  EXPECT_EQ(configured->version->source_map_digest, Sha256Of("map"));
  ASSERT_TRUE(registry_->Delete("hello").ok());
  EXPECT_EQ(registry_->ReadBlob(Sha256Of("map")).error().code, ErrorCode::kNotFound);
}

TEST_F(RegistryTest, EverythingIsThereAfterARestart) {
  Deploy("a", "one", {"example.com/x"}, "cache");
  Deploy("a", "two");
  Deploy("b", "one");
  const auto before = registry_->catalog();
  Reopen();
  const auto after = registry_->catalog();
  ASSERT_EQ(after->entries.size(), before->entries.size());
  EXPECT_EQ(after->version, before->version);
  for (size_t i = 0; i < after->entries.size(); ++i) {
    EXPECT_EQ(*after->entries[i].version, *before->entries[i].version);
    EXPECT_EQ(after->entries[i].changed_at, before->entries[i].changed_at);
  }
  EXPECT_EQ(Deploy("a", "three").version->number, 3u);
}

TEST_F(RegistryTest, VersionIdsAreNeverUsedTwice) {
  const uint64_t first = Deploy("hello").version->version_id;
  const uint64_t second = Deploy("hello").version->version_id;
  const uint64_t other = Deploy("other").version->version_id;
  ASSERT_TRUE(registry_->Delete("hello").ok());
  Reopen();
  const Deployed again = Deploy("hello");
  EXPECT_EQ(again.version->number, 1u);
  const std::set<uint64_t> all{first, second, other, again.version->version_id};
  EXPECT_EQ(all.size(), 4u);
}

TEST_F(RegistryTest, RefusesWhatIsInvalidAndChangesNothing) {
  EXPECT_EQ(TryDeploy("Hello").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(TryDeploy("hello", "").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(TryDeploy("hello", std::string(kBundleBytesMax + 1, 'x')).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(TryDeploy("hello", "x", {"bad route"}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(registry_->Delete("hello").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(registry_->Versions("hello").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(registry_->catalog()->version, 0u);
}

TEST_F(RegistryTest, RoutesBelongToOneFunction) {
  Deploy("a", "x", {"Example.com/api/"});
  EXPECT_NE(TryDeploy("b", "x", {"example.com/api"}).error().message.find("belongs to function 'a'"), std::string::npos);
  EXPECT_TRUE(TryDeploy("b", "x", {"example.com/api/b"}).ok()) << "a longer path is another route";
  EXPECT_TRUE(TryDeploy("a", "x", {"example.com/api"}).ok()) << "its own route, again";
  ASSERT_TRUE(registry_->Delete("a").ok());
  EXPECT_TRUE(TryDeploy("b", "x", {"example.com/api"}).ok());
}

TEST_F(RegistryTest, RoutesOfANameAreTaken) {
  Deploy("hello");
  EXPECT_FALSE(TryDeploy("b", "x", {"/hello"}).ok());
  EXPECT_FALSE(TryDeploy("b", "x", {"hello.localhost"}).ok());
  EXPECT_TRUE(TryDeploy("b", "x", {"/hello/deeper"}).ok());
  EXPECT_FALSE(TryDeploy("hello", "x", {"/hello"}).ok()) << "its own already";
  Deploy("c", "x", {"/later"});
  EXPECT_NE(TryDeploy("later").error().message.find("'/later' belongs to function 'c'"), std::string::npos);
}

TEST_F(RegistryTest, RouteOfTheVersionToFallBackToStaysTaken) {
  Deploy("a", "x", {"/r"});
  ASSERT_TRUE(registry_->MarkProven(1).ok());
  Deploy("a", "x");
  EXPECT_FALSE(TryDeploy("b", "x", {"/r"}).ok()) << "version 1 of a may come back";
  ASSERT_TRUE(registry_->MarkProven(2).ok());
  EXPECT_TRUE(TryDeploy("b", "x", {"/r"}).ok());
}

TEST_F(RegistryTest, RejectGoesBackToTheLastProvenVersion) {
  Deploy("f", "one");
  ASSERT_TRUE(registry_->MarkProven(1).ok());
  Deploy("f", "two");
  Deploy("f", "three");
  const auto back = registry_->Reject("f", 3);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, 4u);
  EXPECT_EQ(ActiveNumber("f"), 1u);
  EXPECT_EQ(registry_->catalog()->Find("f")->changed_at, 4u);
  EXPECT_EQ(registry_->Reject("f", 1).error().code, ErrorCode::kInvalid) << "what was proven stays";
  EXPECT_EQ(registry_->Reject("f", 3).error().code, ErrorCode::kNotFound);
  Reopen();
  EXPECT_EQ(registry_->Reject("f", 1).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(Deploy("f", "four").version->number, 4u) << "numbers are not used again";
}

TEST_F(RegistryTest, RejectOfTheFirstVersionRemovesTheFunction) {
  Deploy("f", "one");
  ASSERT_TRUE(registry_->Reject("f", 1).ok());
  EXPECT_EQ(ActiveNumber("f"), 0u);
  EXPECT_EQ(store_.blob_count(), 0u);
  EXPECT_EQ(registry_->catalog()->DeltaFrom(1)->removals, std::vector<std::string>{"f"});
}

TEST_F(RegistryTest, ServedIsProvenAtOnceAndDurableWithTheNextChange) {
  Deploy("f", "one");
  registry_->NoteServed(1);
  EXPECT_EQ(registry_->proven_version(), 0u);
  Deploy("f", "two");
  EXPECT_EQ(registry_->proven_version(), 1u);
  ASSERT_TRUE(registry_->Reject("f", 2).ok());
  EXPECT_EQ(ActiveNumber("f"), 1u);
}

TEST_F(RegistryTest, ProvenThatCannotBeWrittenSaysSo) {
  Deploy("f", "one");
  store_.FailCommits(Error{ErrorCode::kExhausted, "no space"});
  EXPECT_EQ(registry_->MarkProven(1).error().code, ErrorCode::kExhausted);
  EXPECT_EQ(registry_->proven_version(), 0u);
}

TEST_F(RegistryTest, ProvenIsRememberedOverRestarts) {
  Deploy("f", "one");
  ASSERT_TRUE(registry_->MarkProven(1).ok());
  Reopen();
  EXPECT_EQ(registry_->proven_version(), 1u);
  EXPECT_EQ(registry_->Reject("f", 1).error().code, ErrorCode::kInvalid);
}

TEST_F(RegistryTest, KeepsTheLastVersionsAndTheirContentOnly) {
  Deploy("f", "bundle 1");
  ASSERT_TRUE(registry_->MarkProven(1).ok());
  for (int i = 2; i <= 15; ++i) {
    clock_.Advance(kVersionsKeptFor);
    Deploy("f", "bundle " + std::to_string(i), {}, "cache " + std::to_string(i));
  }
  auto versions = *registry_->Versions("f");
  ASSERT_EQ(versions.size(), kVersionsKept);
  EXPECT_EQ(versions.front().version->number, 15u);
  EXPECT_EQ(versions.front().role, Registry::VersionItem::Role::kActive);
  EXPECT_EQ(versions.back().version->number, 1u) << "what it would fall back to stays";
  EXPECT_EQ(store_.blob_count(), 2 * kVersionsKept - 1);
  EXPECT_FALSE(registry_->ReadBlob(Sha256Of("bundle 2")).ok());
  EXPECT_TRUE(registry_->ReadBlob(Sha256Of("bundle 15")).ok());
  ASSERT_TRUE(registry_->Delete("f").ok());
  EXPECT_EQ(store_.blob_count(), 0u);
}

TEST_F(RegistryTest, SharedContentStaysUntilItsLastUser) {
  Deploy("a", "same");
  Deploy("b", "same");
  ASSERT_TRUE(registry_->Delete("a").ok());
  EXPECT_TRUE(registry_->ReadBlob(Sha256Of("same")).ok());
  Reopen();
  ASSERT_TRUE(registry_->Delete("b").ok());
  EXPECT_EQ(store_.blob_count(), 0u);
}

TEST_F(RegistryTest, RedeployOfTheContentThatIsDroppedInTheSameChangeKeepsIt) {
  Deploy("f", "x");
  for (size_t i = 0; i < kVersionsKept; ++i) Deploy("f", "other");
  clock_.Advance(kVersionsKeptFor);
  Deploy("g", "y");
  Deploy("f", "x");
  EXPECT_TRUE(registry_->ReadBlob(Sha256Of("x")).ok());
}

TEST_F(RegistryTest, FailedCommitLeavesEverythingAsItWas) {
  Deploy("f", "one");
  store_.FailCommits(Error{ErrorCode::kExhausted, "no space"});
  EXPECT_EQ(TryDeploy("f", "two").error().message, "no space");
  EXPECT_FALSE(registry_->Delete("f").ok());
  EXPECT_FALSE(registry_->Reject("f", 1).ok());
  EXPECT_EQ(registry_->catalog()->version, 1u);
  EXPECT_EQ(ActiveNumber("f"), 1u);
  store_.FailCommits(std::nullopt);
  EXPECT_EQ(Deploy("f", "two").version->number, 2u);
}

TEST_F(RegistryTest, DeltasSayWhatChanged) {
  Deploy("a");
  Deploy("b");
  const uint64_t base = Deploy("c").catalog_version;
  Deploy("a", "new");
  ASSERT_TRUE(registry_->Delete("b").ok());
  ASSERT_TRUE(registry_->Delete("c").ok());
  Deploy("c");
  const auto delta = registry_->catalog()->DeltaFrom(base);
  ASSERT_TRUE(delta);
  ASSERT_EQ(delta->upserts.size(), 2u);
  EXPECT_EQ(delta->upserts[0].version->function, "a");
  EXPECT_EQ(delta->upserts[1].version->function, "c");
  EXPECT_EQ(delta->removals, std::vector<std::string>{"b"});
  EXPECT_TRUE(registry_->catalog()->DeltaFrom(registry_->catalog()->version)->upserts.empty());
  EXPECT_FALSE(registry_->catalog()->DeltaFrom(registry_->catalog()->version + 1)) << "a catalog this store never had";
  Reopen();
  EXPECT_FALSE(registry_->catalog()->DeltaFrom(base)) << "removals are not known over a restart";
}

TEST_F(RegistryTest, RemovalsForgottenMakeOldBasesUnknown) {
  Deploy("f");
  for (size_t i = 0; i <= kRemovalsKept; ++i) {
    ASSERT_TRUE(registry_->Delete("f").ok());
    Deploy("f");
  }
  EXPECT_LE(registry_->catalog()->removals.size(), kRemovalsKept);
  EXPECT_FALSE(registry_->catalog()->DeltaFrom(1));
  EXPECT_TRUE(registry_->catalog()->DeltaFrom(registry_->catalog()->version - 1));
}

TEST_F(RegistryTest, CatalogHasABound) {
  NewVersion wanted;
  wanted.main_module = "main.js";
  wanted.bundle = "x";
  wanted.bundle_digest = Sha256Of("x");
  wanted.config.env = {{"BIG", std::string(kEnvBytesMax - 3, 'x')}};
  Status last;
  size_t deployed = 0;
  for (; deployed < 2 * kCatalogBytesMax / kEnvBytesMax; ++deployed) {
    wanted.function = "f" + std::to_string(deployed);
    const auto result = registry_->Deploy(wanted);
    if (!result.ok()) {
      last = result.error();
      break;
    }
  }
  ASSERT_FALSE(last.ok());
  EXPECT_EQ(last.error().code, ErrorCode::kExhausted);
  EXPECT_LE(deployed, kCatalogBytesMax / kEnvBytesMax);
}

TEST(RegistryOnRocksTest, ServesAfterReopening) {
  const FakeClock clock;
  store::ScratchFolder folder;
  for (uint64_t round = 1; round <= 3; ++round) {
    auto store = store::OpenRocksStore(folder.path());
    ASSERT_TRUE(store.ok()) << store.error().message;
    auto registry = Registry::Open(**store, clock);
    ASSERT_TRUE(registry.ok()) << registry.error().message;
    EXPECT_EQ((*registry)->catalog()->version, round - 1);
    const std::string bundle = "round " + std::to_string(round);
    const auto deployed = (*registry)->Deploy(
        {.function = "f", .main_module = "m.js", .bundle = bundle, .bundle_digest = Sha256Of(bundle)});
    ASSERT_TRUE(deployed.ok()) << deployed.error().message;
    EXPECT_EQ(*(*registry)->ReadBlob(deployed->version->bundle_digest), bundle);
  }
}

}  // namespace
}  // namespace zts::controller
