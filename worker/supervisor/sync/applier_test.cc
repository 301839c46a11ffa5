#include "worker/supervisor/sync/applier.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/aead.h"
#include "base/file.h"
#include "worker/supervisor/sync/testing/sync_fakes.h"

namespace zts::supervisor {
namespace {

using v1::UpdateResult;

class ApplierTest : public ::testing::Test {
 protected:
  ApplierTest() {
    folder_ = ::testing::TempDir() + "/applier." + std::to_string(::getpid()) + "." +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    Restart();
  }
  // A new worker process over the same folder.
  void Restart() {
    cache_ = std::move(*DiskCache::Open(folder_));
    sink_ = std::make_unique<FakeSink>();
    applier_ = std::make_unique<Applier>(sink_.get(), cache_.get(), [this] { return cache_key_; });
    EXPECT_TRUE(applier_->StartFromDisk().ok());
  }
  v1::Update Full(uint64_t version, std::vector<v1::FunctionVersion> functions, const std::string& store = "store") {
    v1::Update update;
    update.set_store_id(store);
    update.set_catalog_version(version);
    update.set_nonce(++nonce_);
    update.set_full(true);
    for (auto& function : functions) *update.add_upserts() = function;
    return update;
  }
  v1::Update Delta(uint64_t base, uint64_t version, std::vector<v1::FunctionVersion> upserts,
                   std::vector<std::string> removals = {}) {
    v1::Update update = Full(version, std::move(upserts));
    update.set_full(false);
    update.set_base_version(base);
    for (auto& removal : removals) update.add_removals(removal);
    return update;
  }
  UpdateResult Send(const v1::Update& update) {
    auto result = applier_->OnUpdate(update, &blobs_);
    EXPECT_TRUE(result.ok());
    EXPECT_EQ(result->nonce(), update.nonce());
    EXPECT_EQ(result->catalog_version(), update.catalog_version());
    return *result;
  }
  UpdateResult Activate(uint64_t version) {
    v1::Activate activate;
    activate.set_catalog_version(version);
    activate.set_nonce(++nonce_);
    auto result = applier_->OnActivate(activate);
    EXPECT_TRUE(result.ok());
    EXPECT_EQ(result->nonce(), nonce_);
    return *result;
  }
  void Apply(const v1::Update& update) {
    EXPECT_EQ(Send(update).state(), UpdateResult::PREPARED);
    EXPECT_EQ(Activate(update.catalog_version()).state(), UpdateResult::ACTIVE);
    applier_->Settle();
  }
  static std::string ContentOf(const FunctionSpec& spec) {
    std::string text(100, '\0');
    text.resize(static_cast<size_t>(::pread(spec.content.get(), text.data(), text.size(), 0)));
    return text;
  }

  v1::FunctionVersion WithSecret(const std::string& function, uint64_t revision, const std::string& value) {
    v1::FunctionVersion version = blobs_.Version(function, 1);
    (*version.mutable_config()->mutable_env())["PLAIN"] = "plain";
    (*version.mutable_config()->mutable_env())["PASSWORD"] = "not this one";
    (*version.mutable_secrets())["PASSWORD"] = value;
    version.set_secrets_revision(revision);
    return version;
  }
  uint64_t BytesBesideBlobs() const {
    uint64_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder_)) {
      if (file.is_regular_file()) bytes += file.file_size();
    }
    return bytes;
  }
  std::string EnvOf(size_t index) {
    std::string text;
    for (const auto& [name, value] : sink_->committed.functions.at(index)->env) text += name + "=" + value + ";";
    return text;
  }

  Result<AeadKey> cache_key_ = AeadKey{1, 2, 3};
  std::string folder_;
  FakeBlobs blobs_;
  std::unique_ptr<DiskCache> cache_;
  std::unique_ptr<FakeSink> sink_;
  std::unique_ptr<Applier> applier_;
  uint64_t nonce_ = 0;
};

TEST_F(ApplierTest, AFreshWorkerServesAnEmptyCatalogOfNobody) {
  EXPECT_EQ(sink_->commits, 1);
  EXPECT_FALSE(applier_->has_catalog());
  EXPECT_EQ(applier_->position().store_id, "");
  EXPECT_EQ(applier_->position().version, 0u);
}

TEST_F(ApplierTest, AnUpdateIsPreparedAndServedOnlyWhenActivated) {
  EXPECT_EQ(Send(Full(5, {blobs_.Version("a", 1)})).state(), UpdateResult::PREPARED);
  EXPECT_EQ(sink_->Serving(), "");
  EXPECT_EQ(Activate(5).state(), UpdateResult::ACTIVE);
  EXPECT_EQ(sink_->Serving(), "a=1");
  EXPECT_TRUE(applier_->has_catalog());
  EXPECT_EQ(applier_->position().version, 5u);
  EXPECT_EQ(applier_->position().store_id, "store");
}

TEST_F(ApplierTest, AVersionThatNamesSecretsSeesNoOthers) {
  v1::FunctionVersion version = WithSecret("a", 1, "sesame");
  (*version.mutable_secrets())["OTHER"] = "of another version";
  version.mutable_config()->add_secrets("PASSWORD");
  Apply(Full(1, {version}));
  EXPECT_EQ(EnvOf(0), "PASSWORD=sesame;PLAIN=plain;");
}

TEST_F(ApplierTest, AFunctionCarriesAllThatWasDeployed) {
  v1::FunctionVersion version = blobs_.Version("a", 1);
  version.mutable_config()->mutable_limits()->set_cpu_per_request_ns(11);
  version.mutable_config()->mutable_limits()->set_wall_per_request_ns(12);
  version.mutable_config()->mutable_limits()->set_startup_cpu_ns(13);
  version.mutable_config()->mutable_limits()->set_memory_bytes_max(14);
  version.mutable_config()->mutable_limits()->set_nursery_bytes(15);
  version.mutable_config()->mutable_limits()->set_request_garbage_bytes(16);
  (*version.mutable_config()->mutable_env())["KEY"] = "value";
  version.mutable_config()->add_routes("example.com/x");
  version.mutable_config()->set_jit("eager");
  version.mutable_config()->set_jit_threshold(16);
  Apply(Full(1, {version}));
  const FunctionSpec& spec = *sink_->committed.functions[0];
  EXPECT_EQ(ContentOf(spec), "source of a1code of a1");
  EXPECT_EQ(spec.source_bytes, 12u);
  EXPECT_EQ(spec.code_cache_bytes, 10u);
  EXPECT_EQ(spec.main_module, "a.js");
  EXPECT_EQ(spec.cpu_per_request, 11);
  EXPECT_EQ(spec.wall_per_request, 12);
  EXPECT_EQ(spec.startup_cpu, 13);
  EXPECT_EQ(spec.memory_bytes_max, 14u);
  EXPECT_EQ(spec.nursery_bytes, 15u);
  EXPECT_EQ(spec.request_garbage_bytes, 16u);
  EXPECT_EQ(spec.env[0].second, "value");
  EXPECT_EQ(spec.routes[0], "example.com/x");
  EXPECT_EQ(spec.engine_class, (EngineClass{"eager", 16, ""}));
}

TEST_F(ApplierTest, AProcessOfItsOwnIsItsNamespaces) {
  std::vector<v1::FunctionVersion> versions{blobs_.Version("a", 1), blobs_.Version("b.acme", 1), blobs_.Version("c.acme", 1)};
  versions[0].mutable_config()->set_isolation("process");
  versions[1].mutable_config()->set_isolation("process");
  Apply(Full(1, versions));
  const auto& functions = sink_->committed.functions;
  EXPECT_EQ(functions[0]->engine_class.group, "default");
  EXPECT_EQ(functions[1]->engine_class.group, "acme");
  EXPECT_EQ(functions[2]->engine_class.group, "");
}

TEST_F(ApplierTest, ADeltaChangesWhatItNamesAndWarmsOnlyThat) {
  Apply(Full(1, {blobs_.Version("a", 1), blobs_.Version("b", 1), blobs_.Version("c", 1)}));
  const uint64_t a = sink_->committed.functions[0]->version_id;
  Apply(Delta(1, 2, {blobs_.Version("b", 2)}, {"c"}));
  EXPECT_EQ(sink_->Serving(), "a=1 b=2");
  EXPECT_EQ(sink_->committed.functions[0]->version_id, a) << "what stays is known to the engines";
  ASSERT_EQ(sink_->last_warm.size(), 1u);
  EXPECT_EQ(sink_->last_warm[0], sink_->committed.functions[1]->version_id);
}

TEST_F(ApplierTest, ADeltaOnSomethingElseAsksForAll) {
  Apply(Full(1, {blobs_.Version("a", 1)}));
  auto result = applier_->OnUpdate(Delta(7, 8, {blobs_.Version("b", 1)}), &blobs_);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(applier_->position().version, 0u);
  EXPECT_EQ(sink_->Serving(), "a=1");
  EXPECT_TRUE(applier_->has_catalog());
  Apply(Full(8, {blobs_.Version("a", 1), blobs_.Version("b", 1)}));
  EXPECT_EQ(applier_->position().version, 8u);
}

TEST_F(ApplierTest, ADeltaOfAnotherStoreAsksForAll) {
  Apply(Full(1, {blobs_.Version("a", 1)}));
  v1::Update delta = Delta(1, 2, {});
  delta.set_store_id("another");
  EXPECT_FALSE(applier_->OnUpdate(delta, &blobs_).ok());
}

TEST_F(ApplierTest, AnotherStoresVersionsAreOthersEvenWithEqualIds) {
  Apply(Full(9, {blobs_.Version("a", 1)}));
  const uint64_t before = sink_->committed.functions[0]->version_id;
  Apply(Full(1, {blobs_.Version("a", 1)}, "another"));
  EXPECT_NE(sink_->committed.functions[0]->version_id, before);
  EXPECT_EQ(applier_->position().store_id, "another");
  EXPECT_EQ(applier_->position().version, 1u);
}

TEST_F(ApplierTest, ProblemsBecomeANackAndNothingChanges) {
  Apply(Full(1, {blobs_.Version("a", 1)}));
  Problem problem;
  problem.function = "a";
  problem.number = 2;
  problem.kind = "exception";
  problem.message = "TypeError";
  problem.line = 4;
  sink_->problems = {problem};
  const UpdateResult nack = Send(Delta(1, 2, {blobs_.Version("a", 2)}));
  EXPECT_EQ(nack.state(), UpdateResult::NACK);
  ASSERT_EQ(nack.problems_size(), 1);
  EXPECT_EQ(nack.problems(0).function(), "a");
  EXPECT_EQ(nack.problems(0).number(), 2u);
  EXPECT_EQ(nack.problems(0).error().line(), 4);
  EXPECT_EQ(sink_->Serving(), "a=1");
  EXPECT_EQ(Activate(2).state(), UpdateResult::NACK);
  sink_->problems.clear();
  Apply(Delta(1, 3, {blobs_.Version("a", 3)}));
}

TEST_F(ApplierTest, ActivatingWhatIsActiveIsSaidAgain) {
  Apply(Full(1, {blobs_.Version("a", 1)}));
  EXPECT_EQ(Activate(1).state(), UpdateResult::ACTIVE);
  EXPECT_EQ(sink_->commits, 2);
}

TEST_F(ApplierTest, ACommitThatFailsIsANack) {
  Apply(Full(1, {blobs_.Version("a", 1)}));
  Send(Delta(1, 2, {blobs_.Version("a", 2)}));
  sink_->commit_error = "the engine died";
  const UpdateResult nack = Activate(2);
  EXPECT_EQ(nack.state(), UpdateResult::NACK);
  EXPECT_EQ(nack.problems(0).error().kind(), "commit");
  EXPECT_EQ(applier_->position().version, 1u);
}

TEST_F(ApplierTest, AWorkerThatStopsAnswersNothing) {
  sink_->aborted = true;
  EXPECT_EQ(applier_->OnUpdate(Full(1, {}), &blobs_).error().code, ErrorCode::kAborted);
}

TEST_F(ApplierTest, ContentIsFetchedOnce) {
  Apply(Full(1, {blobs_.Version("a", 1)}));
  EXPECT_EQ(blobs_.fetches, 2);
  Apply(Full(2, {blobs_.Version("a", 1)}));
  EXPECT_EQ(blobs_.fetches, 2);
}

TEST_F(ApplierTest, MissingContentIsANackThatNamesTheFunction) {
  v1::FunctionVersion version = blobs_.Version("a", 1);
  blobs_.content.erase(version.bundle_digest());
  const UpdateResult nack = Send(Full(1, {version}));
  EXPECT_EQ(nack.state(), UpdateResult::NACK);
  EXPECT_EQ(nack.problems(0).function(), "a");
  EXPECT_EQ(nack.problems(0).error().kind(), "fetch");
}

TEST_F(ApplierTest, ContentThatDoesNotHashToItsNameIsRefused) {
  v1::FunctionVersion version = blobs_.Version("a", 1);
  blobs_.content[version.bundle_digest()] = "something else";
  const UpdateResult nack = Send(Full(1, {version}));
  EXPECT_EQ(nack.state(), UpdateResult::NACK);
  EXPECT_NE(nack.problems(0).error().message().find("does not hash"), std::string::npos);
  EXPECT_EQ(cache_->ReadBlob(version.bundle_digest()).error().code, ErrorCode::kNotFound);
}

TEST_F(ApplierTest, ADigestThatIsAPathIsRefused) {
  v1::FunctionVersion version = blobs_.Version("a", 1);
  version.set_bundle_digest("../../etc/passwd");
  EXPECT_EQ(Send(Full(1, {version})).state(), UpdateResult::NACK);
}

TEST_F(ApplierTest, AFunctionGoesWithoutACodeCacheThatCannotBeHad) {
  v1::FunctionVersion version = blobs_.Version("a", 1);
  blobs_.content.erase(version.code_cache_digest());
  Apply(Full(1, {version}));
  EXPECT_EQ(sink_->committed.functions[0]->code_cache_bytes, 0u);
  EXPECT_EQ(ContentOf(*sink_->committed.functions[0]), "source of a1");
}

TEST_F(ApplierTest, ACodeCacheForAnotherEngineIsNotEvenFetched) {
  Apply(Full(1, {blobs_.Version("a", 1, "older engine")}));
  EXPECT_EQ(blobs_.fetches, 1);
  EXPECT_EQ(sink_->committed.functions[0]->code_cache_bytes, 0u);
  // Compiled again for this one, the same version gets it.
  Apply(Delta(1, 2, {blobs_.Version("a", 1)}));
}

TEST_F(ApplierTest, AHugeFirstCatalogIsWarmedInPart) {
  std::vector<v1::FunctionVersion> functions;
  for (uint64_t i = 1; i <= 100; ++i) functions.push_back(blobs_.Version("f" + std::to_string(i), i));
  Apply(Full(1, functions));
  EXPECT_EQ(sink_->last_warm.size(), Applier::kWarmMax);
  // The newest ones.
  for (const FunctionSpecPtr& spec : sink_->committed.functions) {
    const bool warm = std::find(sink_->last_warm.begin(), sink_->last_warm.end(), spec->version_id) != sink_->last_warm.end();
    EXPECT_EQ(warm, spec->number > 100 - Applier::kWarmMax) << spec->number;
  }
}

TEST_F(ApplierTest, ARestartedWorkerServesTheSameWithoutTheController) {
  Apply(Full(5, {blobs_.Version("a", 1), blobs_.Version("b", 3)}));
  blobs_.content.clear();
  Restart();
  EXPECT_EQ(sink_->Serving(), "a=1 b=3");
  EXPECT_EQ(ContentOf(*sink_->committed.functions[1]), "source of b3code of b3");
  EXPECT_TRUE(sink_->last_warm.empty());
  EXPECT_TRUE(applier_->has_catalog());
  EXPECT_EQ(applier_->position().version, 5u);
}

TEST_F(ApplierTest, AWorkerKilledRightAfterItsAnswerServesWhatItAnswered) {
  Apply(Full(1, {blobs_.Version("a", 1)}));
  Send(Delta(1, 2, {blobs_.Version("a", 2)}));
  EXPECT_EQ(Activate(2).state(), UpdateResult::ACTIVE);
  Restart();
  EXPECT_EQ(sink_->Serving(), "a=2");
}

TEST_F(ApplierTest, ARestartedWorkerGoesOnWithADelta) {
  Apply(Full(5, {blobs_.Version("a", 1), blobs_.Version("b", 3)}));
  Restart();
  const int fetches = blobs_.fetches;
  Apply(Delta(5, 6, {blobs_.Version("b", 4)}));
  EXPECT_EQ(sink_->Serving(), "a=1 b=4");
  EXPECT_EQ(blobs_.fetches, fetches + 2);
}

TEST_F(ApplierTest, WhatWasPreparedButNotActivatedIsNotServedAfterARestart) {
  Apply(Full(1, {blobs_.Version("a", 1)}));
  Send(Delta(1, 2, {blobs_.Version("a", 2)}));
  Restart();
  EXPECT_EQ(sink_->Serving(), "a=1");
}

TEST_F(ApplierTest, ADamagedBlobCostsItsFunctionUntilTheControllerIsBack) {
  const v1::FunctionVersion broken = blobs_.Version("a", 1);
  Apply(Full(5, {broken, blobs_.Version("b", 3)}));
  std::ofstream(folder_ + "/blobs/" + broken.bundle_digest()) << "garbage";
  Restart();
  EXPECT_EQ(sink_->Serving(), "b=3");
  EXPECT_TRUE(applier_->has_catalog());
  EXPECT_EQ(applier_->position().version, 0u) << "only the whole catalog brings it back";
  Apply(Full(5, {broken, blobs_.Version("b", 3)}));
  EXPECT_EQ(sink_->Serving(), "a=1 b=3");
}

TEST_F(ApplierTest, ADamagedCatalogIsAsNone) {
  Apply(Full(5, {blobs_.Version("a", 1)}));
  std::ofstream(folder_ + "/catalog") << "garbage";
  Restart();
  EXPECT_EQ(sink_->Serving(), "");
  EXPECT_FALSE(applier_->has_catalog());
}

TEST_F(ApplierTest, ContentThatNothingNamesIsRemoved) {
  const v1::FunctionVersion old = blobs_.Version("a", 1);
  Apply(Full(1, {old}));
  Apply(Delta(1, 2, {blobs_.Version("a", 2)}));
  EXPECT_EQ(cache_->ReadBlob(old.bundle_digest()).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(cache_->ReadBlob(blobs_.Version("a", 2).bundle_digest()).ok());
}

TEST_F(ApplierTest, ABrokenDiskDoesNotKeepFromServing) {
  std::filesystem::remove_all(folder_);
  Apply(Full(1, {blobs_.Version("a", 1)}));
  EXPECT_EQ(sink_->Serving(), "a=1");
}

TEST_F(ApplierTest, WhatTheEnginesRefuseFromTheDiskIsReplacedByNothing) {
  Apply(Full(5, {blobs_.Version("a", 1)}));
  cache_ = std::move(*DiskCache::Open(folder_));
  sink_ = std::make_unique<FakeSink>();
  sink_->problems = {Problem{}};
  applier_ = std::make_unique<Applier>(sink_.get(), cache_.get(), [this] { return cache_key_; });
  EXPECT_FALSE(applier_->StartFromDisk().ok());
  EXPECT_EQ(sink_->prepares, 2);
  EXPECT_FALSE(applier_->has_catalog());
}

// --- versions beside the active one -----------------------------------------------------------------

// A function whose requests are divided, with one version to go back to.
v1::FunctionVersion Divided(FakeBlobs& blobs, uint64_t active, uint64_t canary, uint64_t warm) {
  v1::FunctionVersion version = blobs.Version("a", active);
  *version.mutable_traffic()->mutable_canary() = blobs.Version("a", canary);
  version.mutable_traffic()->mutable_share()->set_share(2500);
  version.mutable_traffic()->mutable_share()->set_sticky_by("cookie");
  version.mutable_traffic()->mutable_share()->set_sticky_name("sid");
  *version.mutable_traffic()->add_warm() = blobs.Version("a", warm);
  return version;
}

TEST_F(ApplierTest, ACanaryAndWhatIsKeptWarmCarryTheirContent) {
  Apply(Full(1, {Divided(blobs_, 2, 3, 1), blobs_.Version("b", 1)}));
  EXPECT_EQ(sink_->Serving(), "a=2 b=1");
  ASSERT_EQ(sink_->committed.splits.size(), 1u);
  const SplitSpec& split = sink_->committed.splits[0];
  EXPECT_EQ(split.active, sink_->committed.functions[0]);
  EXPECT_EQ(split.canary->number, 3u);
  EXPECT_EQ(ContentOf(*split.canary), "source of a3code of a3");
  EXPECT_EQ(split.share, 2500u);
  EXPECT_EQ(split.sticky_by + ":" + split.sticky_name, "cookie:sid");
  ASSERT_EQ(sink_->committed.standby.size(), 1u);
  EXPECT_EQ(sink_->committed.standby[0]->number, 1u);
  EXPECT_EQ(sink_->last_warm.size(), 3u) << "the two that requests reach, and b";
}

TEST_F(ApplierTest, GoingBackFetchesNothingAndIsWarmBeforeTheSwitch) {
  Apply(Full(1, {blobs_.Version("a", 1)}));
  const FunctionSpecPtr first = sink_->committed.functions[0];
  v1::FunctionVersion second = blobs_.Version("a", 2);
  *second.mutable_traffic()->add_warm() = blobs_.Version("a", 1);
  Apply(Delta(1, 2, {second}));
  const int fetches = blobs_.fetches;
  v1::FunctionVersion back = blobs_.Version("a", 1);
  *back.mutable_traffic()->add_warm() = blobs_.Version("a", 2);
  Apply(Delta(2, 3, {back}));
  EXPECT_EQ(blobs_.fetches, fetches);
  EXPECT_EQ(sink_->committed.functions[0], first) << "the very one the engines have";
  EXPECT_EQ(sink_->last_warm, std::vector<uint64_t>{first->version_id});
}

TEST_F(ApplierTest, AnotherShareWarmsNothing) {
  Apply(Full(1, {Divided(blobs_, 2, 3, 1)}));
  v1::FunctionVersion more = Divided(blobs_, 2, 3, 1);
  more.mutable_traffic()->mutable_share()->set_share(5000);
  Apply(Delta(1, 2, {more}));
  EXPECT_TRUE(sink_->last_warm.empty());
  EXPECT_EQ(sink_->committed.splits[0].share, 5000u);
}

TEST_F(ApplierTest, WithoutItsContentACanaryIsAProblemAndAWarmVersionIsLeftOut) {
  const v1::FunctionVersion divided = Divided(blobs_, 2, 3, 1);
  const std::string canary = divided.traffic().canary().bundle_digest(), warm = divided.traffic().warm(0).bundle_digest();
  blobs_.content.erase(warm);
  Apply(Full(1, {divided}));
  EXPECT_TRUE(sink_->committed.standby.empty());
  v1::FunctionVersion other = Divided(blobs_, 2, 4, 1);
  blobs_.content.erase(other.traffic().canary().bundle_digest());
  const UpdateResult result = Send(Delta(1, 2, {other}));
  EXPECT_EQ(result.state(), UpdateResult::NACK);
  EXPECT_EQ(result.problems(0).number(), 4u);
}

TEST_F(ApplierTest, TheDividedFunctionComesFromTheDisk) {
  Apply(Full(1, {Divided(blobs_, 2, 3, 1)}));
  Restart();
  EXPECT_EQ(sink_->Serving(), "a=2");
  ASSERT_EQ(sink_->committed.splits.size(), 1u);
  EXPECT_EQ(sink_->committed.splits[0].canary->number, 3u);
  EXPECT_EQ(sink_->committed.standby.size(), 1u);
}

TEST_F(ApplierTest, SecretsReachTheFunctionAndNotTheDisk) {
  Apply(Full(5, {WithSecret("a", 1, "open sesame"), blobs_.Version("b", 1)}));
  EXPECT_EQ(EnvOf(0), "PASSWORD=open sesame;PLAIN=plain;");
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder_)) {
    if (!file.is_regular_file()) continue;
    EXPECT_EQ(ReadFile(file.path())->find("sesame"), std::string::npos) << file.path();
  }
  Restart();
  EXPECT_EQ(sink_->Serving(), "a=1 b=1");
  EXPECT_EQ(EnvOf(0), "PASSWORD=open sesame;PLAIN=plain;");
  EXPECT_EQ(applier_->position().version, 5u);
}

TEST_F(ApplierTest, AnotherValueIsAnotherFunction) {
  Apply(Full(5, {WithSecret("a", 1, "old"), blobs_.Version("b", 1)}));
  const uint64_t other = sink_->committed.functions[1]->version_id;
  Apply(Delta(5, 6, {WithSecret("a", 2, "new")}));
  EXPECT_EQ(EnvOf(0), "PASSWORD=new;PLAIN=plain;");
  EXPECT_EQ(sink_->last_warm.size(), 1u);
  EXPECT_EQ(sink_->committed.functions[1]->version_id, other) << "what did not change is kept";
  v1::FunctionVersion without = WithSecret("a", 0, "");
  without.clear_secrets();
  Apply(Delta(6, 7, {without}));
  EXPECT_EQ(EnvOf(0), "PASSWORD=not this one;PLAIN=plain;");
}

TEST_F(ApplierTest, WithAnotherTokenFunctionsWithSecretsWaitForTheController) {
  Apply(Full(5, {WithSecret("a", 1, "open sesame"), blobs_.Version("b", 1)}));
  cache_key_ = AeadKey{9};
  Restart();
  EXPECT_EQ(sink_->Serving(), "b=1");
  EXPECT_TRUE(applier_->has_catalog());
  EXPECT_EQ(applier_->position().version, 0u) << "the whole catalog is asked for";
  Apply(Full(5, {WithSecret("a", 1, "open sesame"), blobs_.Version("b", 1)}));
  Restart();
  EXPECT_EQ(sink_->Serving(), "a=1 b=1");
}

TEST_F(ApplierTest, EveryVersionOfAFunctionHasItsSecrets) {
  v1::FunctionVersion divided = Divided(blobs_, 2, 3, 1);
  for (v1::FunctionVersion* one : {&divided, divided.mutable_traffic()->mutable_canary(), divided.mutable_traffic()->mutable_warm(0)}) {
    (*one->mutable_secrets())["PASSWORD"] = "open sesame";
    one->set_secrets_revision(7);
  }
  Apply(Full(1, {divided}));
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder_)) {
    if (!file.is_regular_file()) continue;
    EXPECT_EQ(ReadFile(file.path())->find("sesame"), std::string::npos) << file.path();
  }
  Restart();
  ASSERT_EQ(sink_->committed.splits.size(), 1u);
  ASSERT_EQ(sink_->committed.standby.size(), 1u);
  for (const FunctionSpecPtr& spec : {sink_->committed.functions[0], sink_->committed.splits[0].canary, sink_->committed.standby[0]}) {
    ASSERT_EQ(spec->env.size(), 1u);
    EXPECT_EQ(spec->env[0].second, "open sesame");
  }
}

// --- what a change costs ----------------------------------------------------------------------------

TEST_F(ApplierTest, AChangeIsARecordAndNotTheCatalog) {
  std::vector<v1::FunctionVersion> functions;
  for (uint64_t i = 0; i < 200; ++i) functions.push_back(blobs_.Version("f" + std::to_string(i), 1));
  Apply(Full(1, functions));
  const auto written = std::filesystem::last_write_time(folder_ + "/catalog");
  const uint64_t whole = std::filesystem::file_size(folder_ + "/catalog");
  const uint64_t before = BytesBesideBlobs();
  uint64_t version = 1;
  for (; version < 20; ++version) Apply(Delta(version, version + 1, {blobs_.Version("f7", version + 1)}));
  EXPECT_EQ(std::filesystem::last_write_time(folder_ + "/catalog"), written);
  EXPECT_LT(BytesBesideBlobs() - before, whole / 4) << "19 changes of one function in 200";
  Apply(Delta(version, version + 1, {blobs_.Version("new", 1)}, {"f8"}));
  const std::string serving = sink_->Serving();
  Restart();
  EXPECT_EQ(sink_->Serving(), serving);
  EXPECT_EQ(applier_->position().version, version + 1);
}

TEST_F(ApplierTest, AJournalThatOutweighsTheCatalogIsReplacedByIt) {
  Apply(Full(1, {blobs_.Version("a", 1)}));
  const std::string whole = *ReadFile(folder_ + "/catalog");
  uint64_t version = 1;
  v1::FunctionVersion large = blobs_.Version("a", 2);
  (*large.mutable_config()->mutable_env())["LARGE"] = std::string(60'000, 'x');
  while (*ReadFile(folder_ + "/catalog") == whole) {
    ASSERT_LT(version, 100u);
    Apply(Delta(version, version + 1, {large}));
    ++version;
    EXPECT_LT(BytesBesideBlobs(), (2u << 20));
  }
  EXPECT_LT(BytesBesideBlobs(), 100'000u);
  Restart();
  EXPECT_EQ(applier_->position().version, version);
}

TEST_F(ApplierTest, AfterAChangeThatWasNotKeptTheWholeCatalogIs) {
  Apply(Full(1, {blobs_.Version("a", 1), blobs_.Version("b", 1)}));
  const std::string beside = folder_ + ".away";
  std::filesystem::remove_all(beside);
  std::filesystem::rename(folder_, beside);
  Apply(Delta(1, 2, {blobs_.Version("a", 2)}));
  std::filesystem::remove_all(folder_);
  std::filesystem::rename(beside, folder_);
  Apply(Delta(2, 3, {blobs_.Version("b", 2)}));
  Apply(Delta(3, 4, {blobs_.Version("c", 1)}));
  Restart();
  EXPECT_EQ(applier_->position().version, 4u);
  EXPECT_EQ(sink_->Serving(), "a=2 b=2 c=1") << "content that could not be written is written with the next change";
}

TEST_F(ApplierTest, ContentOfAChangeThatWasRefusedIsRemovedWithTheNext) {
  Apply(Full(1, {blobs_.Version("a", 1)}));
  Apply(Delta(1, 2, {blobs_.Version("a", 2)}));
  const v1::FunctionVersion refused = blobs_.Version("a", 3);
  sink_->problems = {Problem{}};
  EXPECT_EQ(Send(Delta(2, 3, {refused})).state(), UpdateResult::NACK);
  sink_->problems.clear();
  Apply(Delta(2, 4, {blobs_.Version("a", 4)}));
  EXPECT_EQ(cache_->ReadBlob(refused.bundle_digest()).error().code, ErrorCode::kNotFound);
}

TEST_F(ApplierTest, ContentThatTwoFunctionsShareStaysForTheOther) {
  v1::FunctionVersion twin = blobs_.Version("a", 1);
  twin.set_function("twin");
  twin.set_version_id(99);
  Apply(Full(1, {blobs_.Version("a", 1), twin}));
  Apply(Delta(1, 2, {}, {"twin"}));
  EXPECT_TRUE(cache_->ReadBlob(twin.bundle_digest()).ok());
  Apply(Delta(2, 3, {}, {"a"}));
  EXPECT_EQ(cache_->ReadBlob(twin.bundle_digest()).error().code, ErrorCode::kNotFound);
}

TEST_F(ApplierTest, SecretsOfAChangeAreSealedAndReadWithTheRest) {
  Apply(Full(5, {WithSecret("a", 1, "open sesame"), blobs_.Version("b", 1)}));
  v1::FunctionVersion b = WithSecret("b", 1, "another sesame");
  Apply(Delta(5, 6, {b}));
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder_)) {
    if (!file.is_regular_file()) continue;
    EXPECT_EQ(ReadFile(file.path())->find("sesame"), std::string::npos) << file.path();
  }
  Restart();
  EXPECT_EQ(EnvOf(0), "PASSWORD=open sesame;PLAIN=plain;");
  EXPECT_EQ(EnvOf(1), "PASSWORD=another sesame;PLAIN=plain;");
}

TEST_F(ApplierTest, WithANewTokenTheNextChangeSealsEverythingAnew) {
  Apply(Full(5, {WithSecret("a", 1, "open sesame"), blobs_.Version("b", 1)}));
  cache_key_ = AeadKey{9};
  Apply(Delta(5, 6, {blobs_.Version("b", 2)}));
  Restart();
  EXPECT_EQ(sink_->Serving(), "a=1 b=2");
  EXPECT_EQ(EnvOf(0), "PASSWORD=open sesame;PLAIN=plain;");
}

// Sealed together, as builds of before the journal kept them.
TEST_F(ApplierTest, AnOlderBuildsCacheIsRead) {
  v1::FunctionVersion a = WithSecret("a", 1, "open sesame");
  Apply(Full(5, {a, blobs_.Version("b", 1)}));
  CachedCatalog old;
  old.set_store_id("store");
  old.set_catalog_version(5);
  Secrets secrets;
  secrets.mutable_functions()->operator[]("a").mutable_values()->swap(*a.mutable_secrets());
  *old.add_functions() = a;
  *old.add_functions() = blobs_.Version("b", 1);
  old.set_sealed_secrets(*Seal(*cache_key_, "zts worker cache", secrets.SerializeAsString()));
  ASSERT_TRUE(cache_->WriteCatalog(old).ok());
  Restart();
  EXPECT_EQ(sink_->Serving(), "a=1 b=1");
  EXPECT_EQ(EnvOf(0), "PASSWORD=open sesame;PLAIN=plain;");
  cache_key_ = AeadKey{9};
  Restart();
  EXPECT_EQ(sink_->Serving(), "b=1");
}

TEST_F(ApplierTest, WithoutATokenSecretsAreNotKept) {
  cache_key_ = NotFound("no token");
  Apply(Full(5, {WithSecret("a", 1, "open sesame")}));
  EXPECT_EQ(sink_->Serving(), "a=1");
  Restart();
  EXPECT_EQ(sink_->Serving(), "");
}

}  // namespace
}  // namespace zts::supervisor
