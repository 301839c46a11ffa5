#include "controller/artifact_renewer.h"

#include <gtest/gtest.h>

#include "controller/store/testing/memory_store.h"
#include "controller/testing/fake_compiler.h"

namespace zts::controller {
namespace {

// A worker that does what it is told at once.
class Worker final : public WorkerLink {
 public:
  Worker(Publisher& publisher, std::string key) : publisher_(publisher) {
    WorkerHello hello{.name = "with " + key, .http_address = "w:80", .shards = 1, .artifact_key = std::move(key)};
    id_ = *publisher_.Connect(std::move(hello), this);
    Obey();
  }
  ~Worker() override { publisher_.Disconnect(id_); }
  void Send(Push push) override { pushes_.push_back(std::move(push)); }
  void Close(Error) override {}

  void Obey() {
    while (!pushes_.empty()) {
      const Push push = std::move(pushes_.front());
      pushes_.pop_front();
      if (const auto* prepare = std::get_if<Prepare>(&push)) {
        for (const CatalogEntry& entry : prepare->update->upserts) sent.push_back(entry.version);
        Answer(prepare->update->catalog_version, prepare->nonce, PushResult::State::kPrepared);
      } else if (const auto* activate = std::get_if<Activate>(&push)) {
        Answer(activate->catalog_version, activate->nonce, PushResult::State::kActive);
      }
    }
  }

  std::vector<VersionPtr> sent;

 private:
  void Answer(uint64_t version, uint64_t nonce, PushResult::State state) {
    publisher_.OnResult(id_, {.catalog_version = version, .nonce = nonce, .state = state, .problems = {}});
  }
  Publisher& publisher_;
  WorkerId id_ = 0;
  std::deque<Push> pushes_;
};

class ArtifactRenewerTest : public testing::Test {
 protected:
  void SetUp() override { Restart(); }
  // As after an upgrade: the store stays, the compiler may be another.
  void Restart() {
    renewer_.reset();
    publisher_.reset();
    registry_ = *Registry::Open(store_, clock_);
    publisher_ = std::make_unique<Publisher>(*registry_, clock_);
    renewer_ = std::make_unique<ArtifactRenewer>(*registry_, *publisher_, compiler_, metrics_);
  }
  void Upgrade() {
    compiler_.key = "new|key";
    compiler_.made_of = ", new";
    Restart();
  }
  Result<Deployed> Deploy(const std::string& function, const std::string& bundle, std::optional<CanaryShare> canary = std::nullopt) {
    NewVersion wanted{.function = function, .main_module = "m.js", .bundle = bundle, .bundle_digest = Sha256Of(bundle)};
    const std::string cache = "cache of " + bundle;
    wanted.code_cache = cache;
    wanted.artifact_key = "fake|key";
    wanted.canary = std::move(canary);
    auto deployed = registry_->Deploy(std::move(wanted));
    publisher_->OnCatalog();
    return deployed;
  }
  int RenewAll() {
    int looks = 0;
    while (renewer_->Tick()) ++looks;
    return looks;
  }
  VersionPtr Active(const std::string& function) { return registry_->catalog()->Find(function)->version; }
  std::string CodeCacheOf(const VersionPtr& version) {
    const auto content = registry_->ReadBlob(*version->code_cache_digest);
    return content.ok() ? *content : content.error().message;
  }

  FakeClock clock_;
  store::MemoryStore store_;
  FakeCompiler compiler_;
  Metrics metrics_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<ArtifactRenewer> renewer_;
};

TEST_F(ArtifactRenewerTest, NothingIsDoneWhereEnginesCanUseWhatIsThere) {
  ASSERT_TRUE(Deploy("f", "one").ok());
  EXPECT_FALSE(renewer_->Tick());  // no worker, no engine
  Worker worker(*publisher_, "fake|key");
  EXPECT_FALSE(renewer_->Tick());
  EXPECT_EQ(registry_->catalog()->version, 1u);
}

TEST_F(ArtifactRenewerTest, AllThatWorkersHoldIsCompiledForNewEngines) {
  ASSERT_TRUE(Deploy("f", "one").ok());
  ASSERT_TRUE(Deploy("f", "two").ok());
  ASSERT_TRUE(Deploy("f", "three", CanaryShare{100, {}}).ok());
  ASSERT_TRUE(Deploy("g", "four").ok());
  const VersionPtr before = Active("f");
  Upgrade();
  Worker worker(*publisher_, "new|key");
  worker.sent.clear();
  EXPECT_EQ(RenewAll(), 4);  // active, canary and warm of f, active of g
  worker.Obey();
  const VersionPtr after = Active("f");
  EXPECT_EQ(after->version_id, before->version_id);
  EXPECT_EQ(after->artifact_key, "new|key");
  EXPECT_EQ(CodeCacheOf(after), "cache of two, new");
  EXPECT_EQ(CodeCacheOf(Active("g")), "cache of four, new");
  EXPECT_EQ(CodeCacheOf(registry_->catalog()->Find("f")->canary), "cache of three, new");
  EXPECT_EQ(CodeCacheOf(registry_->catalog()->Find("f")->warm.at(0)), "cache of one, new");
  EXPECT_FALSE(registry_->ReadBlob(*before->code_cache_digest).ok()) << "what no version needs any more is kept";
  EXPECT_FALSE(worker.sent.empty());
  EXPECT_FALSE(renewer_->Tick());
}

TEST_F(ArtifactRenewerTest, WhatWasRenewedIsThereAfterARestart) {
  ASSERT_TRUE(Deploy("f", "one").ok());
  Upgrade();
  {
    Worker worker(*publisher_, "new|key");
    EXPECT_EQ(RenewAll(), 1);
  }
  Restart();
  Worker worker(*publisher_, "new|key");
  EXPECT_EQ(RenewAll(), 0);
  EXPECT_EQ(Active("f")->artifact_key, "new|key");
}

TEST_F(ArtifactRenewerTest, EnginesOfTheOldBuildAreWaitedFor) {
  ASSERT_TRUE(Deploy("f", "one").ok());
  Upgrade();
  auto old = std::make_unique<Worker>(*publisher_, "fake|key");
  EXPECT_FALSE(renewer_->Tick());
  Worker upgraded(*publisher_, "new|key");
  EXPECT_FALSE(renewer_->Tick()) << "one of them uses what is there";
  EXPECT_EQ(CodeCacheOf(Active("f")), "cache of one");
  old.reset();
  EXPECT_EQ(RenewAll(), 1);
  EXPECT_EQ(CodeCacheOf(Active("f")), "cache of one, new");
}

TEST_F(ArtifactRenewerTest, ACompilerThatNoEngineAgreesWithIsAskedOnce) {
  ASSERT_TRUE(Deploy("f", "one").ok());
  ASSERT_TRUE(Deploy("g", "two").ok());
  Worker worker(*publisher_, "third|key");
  EXPECT_EQ(RenewAll(), 1);
  EXPECT_EQ(CodeCacheOf(Active("f")), "cache of one");
}

TEST_F(ArtifactRenewerTest, AVersionThatCompilesNoMoreKeepsWhatItHas) {
  ASSERT_TRUE(Deploy("f", "!no more").ok());
  ASSERT_TRUE(Deploy("g", "two").ok());
  Upgrade();
  Worker worker(*publisher_, "new|key");
  EXPECT_EQ(RenewAll(), 2);
  EXPECT_EQ(CodeCacheOf(Active("f")), "cache of !no more");
  EXPECT_EQ(CodeCacheOf(Active("g")), "cache of two, new");
}

TEST_F(ArtifactRenewerTest, ADiskThatIsFullChangesNothingUntilThereIsRoom) {
  ASSERT_TRUE(Deploy("f", "one").ok());
  Upgrade();
  Worker worker(*publisher_, "new|key");
  store_.FailCommits(Error{ErrorCode::kExhausted, "full"});
  EXPECT_EQ(RenewAll(), 1);
  EXPECT_EQ(CodeCacheOf(Active("f")), "cache of one");
  EXPECT_EQ(Active("f")->artifact_key, "fake|key");
  store_.FailCommits(std::nullopt);
  EXPECT_EQ(RenewAll(), 1);
  EXPECT_EQ(CodeCacheOf(Active("f")), "cache of one, new");
  EXPECT_EQ(RenewAll(), 0);
}

TEST_F(ArtifactRenewerTest, AProvenVersionIsAsProvenAsBefore) {
  ASSERT_TRUE(Deploy("f", "one").ok());
  ASSERT_TRUE(registry_->MarkProven(1).ok());
  Upgrade();
  Worker worker(*publisher_, "new|key");
  EXPECT_EQ(RenewAll(), 1);
  EXPECT_EQ(registry_->Reject("f", 1).error().code, ErrorCode::kInvalid);
}

TEST_F(ArtifactRenewerTest, AVersionThatChangedMeanwhileIsLeftAlone) {
  ASSERT_TRUE(Deploy("f", "one").ok());
  const VersionPtr stale = Active("f");
  ASSERT_TRUE(registry_->RenewArtifacts(stale, {.code_cache = "x", .artifact_key = "k", .snapshot = "", .start_reason = ""}).ok());
  EXPECT_EQ(registry_->RenewArtifacts(stale, {.code_cache = "y", .artifact_key = "k", .snapshot = "", .start_reason = ""}).error().code,
            ErrorCode::kAborted);
  EXPECT_EQ(CodeCacheOf(Active("f")), "x");
  ASSERT_TRUE(registry_->Delete("f").ok());
  EXPECT_EQ(registry_->RenewArtifacts(stale, {.code_cache = "y", .artifact_key = "k", .snapshot = "", .start_reason = ""}).error().code,
            ErrorCode::kAborted);
}

}  // namespace
}  // namespace zts::controller
