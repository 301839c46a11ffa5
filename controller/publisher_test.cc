#include "controller/publisher.h"

#include <gtest/gtest.h>

#include <thread>

#include "controller/limits.h"
#include "controller/store/testing/memory_store.h"

namespace zts::controller {
namespace {

using State = RolloutView::State;

struct FakeLink final : WorkerLink {
  void Send(Push push) override {
    EXPECT_TRUE(pushes.empty()) << "a message is sent while one waits for its answer";
    pushes.push_back(std::move(push));
  }
  void Close(Error why) override { closed = std::move(why); }
  std::deque<Push> pushes;
  std::optional<Error> closed;
};

// One worker as the publisher sees it, with its own idea of what it serves.
class FakeWorker {
 public:
  FakeWorker(Publisher& publisher, std::string name) : publisher_(publisher), name_(std::move(name)) {}

  void Connect(std::string store_id = "", uint64_t active = 0) {
    link_ = std::make_unique<FakeLink>();
    auto connected = publisher_.Connect(
        {.name = name_, .http_address = name_ + ":80", .shards = 2, .store_id = std::move(store_id), .active_version = active},
        link_.get());
    ASSERT_TRUE(connected.ok()) << connected.error().message;
    id_ = *connected;
  }
  void Disconnect() { publisher_.Disconnect(id_); }

  const Update* PendingUpdate() const { return PendingUpdatePtr().get(); }
  UpdatePtr PendingUpdatePtr() const {
    const auto* prepare = link_->pushes.empty() ? nullptr : std::get_if<Prepare>(&link_->pushes.front());
    return prepare == nullptr ? nullptr : prepare->update;
  }
  const Activate* PendingActivate() const { return link_->pushes.empty() ? nullptr : std::get_if<Activate>(&link_->pushes.front()); }
  bool Quiet() const { return link_->pushes.empty(); }

  // Answers the pending update.
  void Prepared() { Answer(PushResult::State::kPrepared, Take<Prepare>()); }
  void Active() { Answer(PushResult::State::kActive, Take<Activate>()); }
  void NackUpdate(std::vector<FunctionProblem> problems) { Answer(PushResult::State::kNack, Take<Prepare>(), std::move(problems)); }
  // Whatever comes, until nothing does.
  void Obey() {
    while (!Quiet()) PendingUpdate() != nullptr ? Prepared() : Active();
  }
  void Send(PushResult result) { publisher_.OnResult(id_, std::move(result)); }
  FakeLink& link() { return *link_; }
  WorkerId id() const { return id_; }

 private:
  template <typename T>
  std::pair<uint64_t, uint64_t> Take() {
    EXPECT_FALSE(link_->pushes.empty()) << name_ << " was sent nothing";
    if (link_->pushes.empty()) return {};
    const T* push = std::get_if<T>(&link_->pushes.front());
    EXPECT_NE(push, nullptr) << name_ << " was sent something else";
    if (push == nullptr) return {};
    const std::pair<uint64_t, uint64_t> taken{VersionOf(*push), push->nonce};
    link_->pushes.pop_front();
    return taken;
  }
  static uint64_t VersionOf(const Prepare& prepare) { return prepare.update->catalog_version; }
  static uint64_t VersionOf(const Activate& activate) { return activate.catalog_version; }
  void Answer(PushResult::State state, std::pair<uint64_t, uint64_t> to, std::vector<FunctionProblem> problems = {}) {
    Send({.catalog_version = to.first, .nonce = to.second, .state = state, .problems = std::move(problems)});
  }

  Publisher& publisher_;
  const std::string name_;
  std::unique_ptr<FakeLink> link_;
  WorkerId id_ = 0;
};

class PublisherTest : public testing::Test {
 protected:
  void SetUp() override { Restart(); }

  void Restart() {
    publisher_.reset();
    auto opened = Registry::Open(store_, clock_);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    registry_ = std::move(opened).value();
    publisher_ = std::make_unique<Publisher>(*registry_, clock_);
  }

  // A new version, published.
  Publisher::Subject Deploy(const std::string& function, std::string_view bundle = "x") {
    auto deployed = registry_->Deploy({.function = function, .main_module = "m.js", .bundle = bundle, .bundle_digest = Sha256Of(bundle)});
    EXPECT_TRUE(deployed.ok());
    publisher_->OnCatalog();
    return {function, deployed->version->version_id, deployed->catalog_version};
  }

  State StateOf(const Publisher::Subject& subject) { return publisher_->Look(subject).state; }
  FakeWorker Worker(std::string name) { return {*publisher_, std::move(name)}; }

  static FunctionProblem Problem(std::string function, uint64_t number, std::string kind = "exception") {
    return {std::move(function), number, {.kind = std::move(kind), .message = "boom"}};
  }

  FakeClock clock_;
  store::MemoryStore store_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Publisher> publisher_;
};

TEST_F(PublisherTest, NewWorkerGetsTheWholeCatalogThenActivates) {
  Deploy("a");
  Deploy("b");
  FakeWorker worker = Worker("w");
  worker.Connect();
  ASSERT_NE(worker.PendingUpdate(), nullptr);
  EXPECT_EQ(worker.PendingUpdate()->kind, Update::Kind::kFull);
  EXPECT_EQ(worker.PendingUpdate()->catalog_version, 2u);
  EXPECT_EQ(worker.PendingUpdate()->upserts.size(), 2u);
  EXPECT_EQ(worker.PendingUpdate()->store_id, store_.id());
  worker.Prepared();
  ASSERT_NE(worker.PendingActivate(), nullptr);
  worker.Active();
  EXPECT_TRUE(worker.Quiet());
  EXPECT_EQ(publisher_->Workers().at(0).active_version, 2u);
}

TEST_F(PublisherTest, EmptyCatalogIsSentToo) {
  FakeWorker worker = Worker("w");
  worker.Connect();
  ASSERT_NE(worker.PendingUpdate(), nullptr) << "a worker must learn that there is nothing to serve";
  EXPECT_EQ(worker.PendingUpdate()->catalog_version, 0u);
  worker.Obey();
}

TEST_F(PublisherTest, ResumesWithADeltaOrNothing) {
  Deploy("a");
  FakeWorker worker = Worker("w");
  worker.Connect();
  worker.Obey();
  worker.Disconnect();
  worker.Connect(store_.id(), 1);
  EXPECT_TRUE(worker.Quiet());
  worker.Disconnect();
  Deploy("b");
  ASSERT_TRUE(registry_->Delete("a").ok());
  publisher_->OnCatalog();
  worker.Connect(store_.id(), 1);
  ASSERT_NE(worker.PendingUpdate(), nullptr);
  EXPECT_EQ(worker.PendingUpdate()->kind, Update::Kind::kDelta);
  EXPECT_EQ(worker.PendingUpdate()->base_version, 1u);
  ASSERT_EQ(worker.PendingUpdate()->upserts.size(), 1u);
  EXPECT_EQ(worker.PendingUpdate()->upserts[0].version->function, "b");
  EXPECT_EQ(worker.PendingUpdate()->removals, std::vector<std::string>{"a"});
}

TEST_F(PublisherTest, OtherStoreOrUnknownBaseGetsAll) {
  Deploy("a");
  FakeWorker other_store = Worker("w1"), from_the_future = Worker("w2");
  other_store.Connect("another store", 1);
  ASSERT_NE(other_store.PendingUpdate(), nullptr);
  EXPECT_EQ(other_store.PendingUpdate()->kind, Update::Kind::kFull);
  from_the_future.Connect(store_.id(), 7);
  ASSERT_NE(from_the_future.PendingUpdate(), nullptr);
  EXPECT_EQ(from_the_future.PendingUpdate()->kind, Update::Kind::kFull);
}

TEST_F(PublisherTest, NobodySwitchesBeforeEverybodyIsPrepared) {
  FakeWorker one = Worker("one"), two = Worker("two");
  one.Connect();
  one.Obey();
  two.Connect();
  two.Obey();
  const auto subject = Deploy("a");
  one.Prepared();
  EXPECT_TRUE(one.Quiet()) << "it must wait for the other";
  EXPECT_EQ(publisher_->Look(subject).ready, 1u);
  EXPECT_EQ(publisher_->Look(subject).live, 0u);
  two.Prepared();
  EXPECT_NE(one.PendingActivate(), nullptr);
  EXPECT_NE(two.PendingActivate(), nullptr);
  one.Active();
  EXPECT_EQ(StateOf(subject), State::kWaiting);
  two.Active();
  EXPECT_EQ(StateOf(subject), State::kDone);
  EXPECT_EQ(publisher_->Look(subject).live, 2u);
}

TEST_F(PublisherTest, SlowWorkerHoldsBackUntilTheTimeoutOnly) {
  FakeWorker quick = Worker("quick"), slow = Worker("slow");
  quick.Connect();
  quick.Obey();
  slow.Connect();
  slow.Obey();
  const auto subject = Deploy("a");
  quick.Prepared();
  clock_.Advance(kPrepareTimeout - 1);
  publisher_->Tick();
  EXPECT_TRUE(quick.Quiet());
  clock_.Advance(1);
  publisher_->Tick();
  quick.Active();
  const RolloutView view = publisher_->Look(subject);
  EXPECT_EQ(view.state, State::kSettled);
  EXPECT_EQ(view.live, 1u);
  EXPECT_EQ(view.laggards, std::vector<std::string>{"slow: preparing for 5000 ms"});
  slow.Prepared();
  slow.Active();
  EXPECT_EQ(StateOf(subject), State::kDone);
}

TEST_F(PublisherTest, DisconnectedWorkerDoesNotHoldBack) {
  FakeWorker one = Worker("one"), two = Worker("two");
  one.Connect();
  one.Obey();
  two.Connect();
  two.Obey();
  const auto subject = Deploy("a");
  one.Prepared();
  two.Disconnect();
  one.Active();
  EXPECT_EQ(StateOf(subject), State::kDone);
  EXPECT_EQ(publisher_->Look(subject).total, 1u);
}

TEST_F(PublisherTest, ChangesDuringARolloutTravelTogether) {
  FakeWorker worker = Worker("w");
  worker.Connect();
  worker.Obey();
  const auto first = Deploy("a");
  const auto second = Deploy("b");
  const auto third = Deploy("c");
  EXPECT_EQ(worker.PendingUpdate()->catalog_version, first.catalog_version);
  worker.Prepared();
  worker.Active();
  EXPECT_EQ(StateOf(first), State::kDone);
  ASSERT_NE(worker.PendingUpdate(), nullptr);
  EXPECT_EQ(worker.PendingUpdate()->catalog_version, third.catalog_version);
  EXPECT_EQ(worker.PendingUpdate()->upserts.size(), 2u);
  worker.Obey();
  EXPECT_EQ(StateOf(second), State::kDone);
  EXPECT_EQ(StateOf(third), State::kDone);
  EXPECT_EQ(publisher_->Stats().updates_delta, 2u);
}

TEST_F(PublisherTest, RejectedVersionGoesBackEverywhere) {
  FakeWorker one = Worker("one"), two = Worker("two");
  one.Connect();
  one.Obey();
  two.Connect();
  two.Obey();
  const auto good = Deploy("f", "good");
  one.Prepared();
  two.Prepared();
  one.Active();
  two.Active();
  const auto bad = Deploy("f", "bad");
  one.Prepared();
  two.NackUpdate({Problem("f", 2)});
  const RolloutView view = publisher_->Look(bad);
  EXPECT_EQ(view.state, State::kRejected);
  EXPECT_EQ(view.rejected_by, "two");
  ASSERT_EQ(view.problems.size(), 1u);
  EXPECT_EQ(view.problems[0].problem.message, "boom");
  for (FakeWorker* worker : {&one, &two}) {
    ASSERT_NE(worker->PendingUpdate(), nullptr);
    EXPECT_EQ(worker->PendingUpdate()->catalog_version, 3u);
    ASSERT_EQ(worker->PendingUpdate()->upserts.size(), 1u);
    EXPECT_EQ(worker->PendingUpdate()->upserts[0].version->version_id, good.version_id);
  }
  one.Prepared();
  two.Prepared();
  one.Active();
  two.Active();
  EXPECT_EQ(registry_->catalog()->Find("f")->version->number, 1u);
}

TEST_F(PublisherTest, RejectedFirstVersionIsRemoved) {
  FakeWorker worker = Worker("w");
  worker.Connect();
  worker.Obey();
  const auto bad = Deploy("f");
  worker.NackUpdate({Problem("f", 1)});
  EXPECT_EQ(StateOf(bad), State::kRejected);
  ASSERT_NE(worker.PendingUpdate(), nullptr);
  EXPECT_TRUE(worker.PendingUpdate()->upserts.empty());
  EXPECT_EQ(worker.PendingUpdate()->removals, std::vector<std::string>{"f"});
  worker.Obey();
}

TEST_F(PublisherTest, OtherDeploysInARejectedCatalogStillGoLive) {
  FakeWorker worker = Worker("w");
  worker.Connect();
  worker.Obey();
  const auto first = Deploy("first");
  const auto bad = Deploy("bad");
  const auto good = Deploy("good");
  worker.Prepared();
  worker.Active();
  worker.NackUpdate({Problem("bad", 1)});
  EXPECT_EQ(StateOf(good), State::kWaiting);
  worker.Obey();
  EXPECT_EQ(StateOf(first), State::kDone);
  EXPECT_EQ(StateOf(good), State::kDone);
  EXPECT_EQ(StateOf(bad), State::kRejected);
}

TEST_F(PublisherTest, BothWorkersMayRejectTheSameVersion) {
  FakeWorker one = Worker("one"), two = Worker("two");
  one.Connect();
  one.Obey();
  two.Connect();
  two.Obey();
  const auto bad = Deploy("f");
  one.NackUpdate({Problem("f", 1)});
  two.NackUpdate({Problem("f", 1)});
  EXPECT_EQ(registry_->catalog()->version, 2u) << "taken back once";
  one.Prepared();
  two.Prepared();
  one.Active();
  two.Active();
  EXPECT_EQ(StateOf(bad), State::kRejected);
  EXPECT_TRUE(one.Quiet());
}

TEST_F(PublisherTest, ProvenVersionIsNotTakenBackByOneWorker) {
  FakeWorker good = Worker("good"), bad = Worker("bad");
  good.Connect();
  good.Obey();
  const auto subject = Deploy("f");
  good.Obey();
  bad.Connect();
  bad.NackUpdate({Problem("f", 1)});
  EXPECT_EQ(registry_->catalog()->Find("f")->version->number, 1u);
  const RolloutView view = publisher_->Look(subject);
  EXPECT_EQ(view.state, State::kSettled);
  EXPECT_EQ(view.laggards, std::vector<std::string>{"bad: refuses: f v1: boom"});
  EXPECT_TRUE(bad.Quiet());
  clock_.Advance(kRetryDelayMin);
  publisher_->Tick();
  ASSERT_NE(bad.PendingUpdate(), nullptr) << "it is asked again";
  bad.NackUpdate({Problem("f", 1)});
  clock_.Advance(kRetryDelayMin);
  publisher_->Tick();
  EXPECT_TRUE(bad.Quiet()) << "and then less often";
  clock_.Advance(kRetryDelayMin);
  publisher_->Tick();
  bad.Obey();
  EXPECT_EQ(StateOf(subject), State::kDone);
}

TEST_F(PublisherTest, WorkersOwnTroubleRejectsNothing) {
  FakeWorker worker = Worker("w");
  worker.Connect();
  worker.Obey();
  const auto subject = Deploy("f");
  for (const FunctionProblem& own :
       {Problem("f", 1, "internal"), Problem("f", 1, "unavailable"), Problem("f", 1, "fetch"), Problem("", 0)}) {
    worker.NackUpdate({own});
    EXPECT_EQ(StateOf(subject), State::kSettled);
    clock_.Advance(kRetryDelayMax);
    publisher_->Tick();
  }
  worker.NackUpdate({});
  EXPECT_NE(registry_->catalog()->Find("f"), nullptr);
  const auto next = Deploy("g");
  ASSERT_NE(worker.PendingUpdate(), nullptr) << "a new catalog is asked for at once";
  worker.Obey();
  EXPECT_EQ(StateOf(next), State::kDone);
  EXPECT_EQ(StateOf(subject), State::kDone);
}

TEST_F(PublisherTest, NewerVersionAndDeletionSupersede) {
  FakeWorker worker = Worker("w");
  worker.Connect();
  worker.Obey();
  const auto first = Deploy("f", "one");
  const auto second = Deploy("f", "two");
  EXPECT_EQ(StateOf(first), State::kSuperseded);
  worker.Obey();
  EXPECT_EQ(StateOf(second), State::kDone);
  const auto gone = registry_->Delete("f");
  publisher_->OnCatalog();
  EXPECT_EQ(StateOf(second), State::kSuperseded);
  EXPECT_EQ(StateOf({"", 0, *gone}), State::kWaiting);
  worker.Obey();
  EXPECT_EQ(StateOf({"", 0, *gone}), State::kDone);
}

TEST_F(PublisherTest, WhatEveryWorkerServesIsProvenForGood) {
  FakeWorker worker = Worker("w");
  worker.Connect();
  Deploy("f");
  worker.Obey();
  EXPECT_EQ(registry_->proven_version(), 0u);
  publisher_->Tick();
  EXPECT_EQ(registry_->proven_version(), 1u);
}

TEST_F(PublisherTest, UnprovenCatalogIsRolledOutAgainAfterARestart) {
  const auto subject = Deploy("f");
  Restart();
  FakeWorker one = Worker("one");
  one.Connect();
  one.NackUpdate({Problem("f", 1)});
  EXPECT_EQ(registry_->catalog()->Find("f"), nullptr) << "nobody had ever served it";
  EXPECT_EQ(StateOf(subject), State::kRejected);
  one.Obey();
}

TEST_F(PublisherTest, StaleAndWrongAnswersChangeNothing) {
  FakeWorker worker = Worker("w");
  worker.Connect();
  const uint64_t nonce = std::get<Prepare>(worker.link().pushes.front()).nonce;
  worker.Send({.catalog_version = 0, .nonce = nonce + 1, .state = PushResult::State::kPrepared});
  worker.Send({.catalog_version = 9, .nonce = nonce, .state = PushResult::State::kPrepared});
  EXPECT_NE(worker.PendingUpdate(), nullptr);
  EXPECT_FALSE(worker.link().closed);
  worker.Send({.catalog_version = 0, .nonce = nonce, .state = PushResult::State::kActive});
  EXPECT_TRUE(worker.link().closed) << "active without having been told to";
  EXPECT_TRUE(publisher_->Workers().empty());
}

TEST_F(PublisherTest, SilentWorkerIsCutOff) {
  FakeWorker worker = Worker("w");
  worker.Connect();
  clock_.Advance(kAnswerTimeout);
  publisher_->Tick();
  ASSERT_TRUE(worker.link().closed);
  EXPECT_EQ(worker.link().closed->code, ErrorCode::kTimeout);
  worker.Disconnect();
}

TEST_F(PublisherTest, ReconnectReplacesTheOldStream) {
  FakeWorker old_stream = Worker("w"), new_stream = Worker("w");
  old_stream.Connect();
  new_stream.Connect();
  EXPECT_TRUE(old_stream.link().closed);
  old_stream.Disconnect();
  EXPECT_EQ(publisher_->Workers().size(), 1u);
  new_stream.Obey();
  EXPECT_TRUE(new_stream.Quiet());
}

TEST_F(PublisherTest, TooManyWorkersAreRefused) {
  std::vector<FakeWorker> workers;
  for (size_t i = 0; i < kWorkersMax; ++i) workers.push_back(Worker("w" + std::to_string(i)));
  for (FakeWorker& worker : workers) worker.Connect();
  FakeLink link;
  EXPECT_EQ(publisher_->Connect({.name = "one more"}, &link).error().code, ErrorCode::kExhausted);
}

TEST_F(PublisherTest, LaggardOfTheLastRolloutCatchesUpInTheNext) {
  FakeWorker quick = Worker("quick"), slow = Worker("slow");
  quick.Connect();
  quick.Obey();
  slow.Connect();
  slow.Obey();
  const auto first = Deploy("a");
  quick.Prepared();
  clock_.Advance(kPrepareTimeout);
  publisher_->Tick();
  quick.Active();
  EXPECT_EQ(StateOf(first), State::kSettled) << "the others serve it and have gone on without the one that does not answer";
  const auto second = Deploy("b");
  quick.Prepared();
  ASSERT_NE(quick.PendingActivate(), nullptr) << "the gate of the second is not held by one that has not answered to the first";
  quick.Active();
  EXPECT_EQ(StateOf(second), State::kSettled) << "nor is its deploy, which others serve";
  slow.Prepared();  // of the first
  ASSERT_NE(slow.PendingActivate(), nullptr);
  slow.Active();
  EXPECT_EQ(StateOf(first), State::kDone);
  slow.Prepared();
  slow.Active();
  EXPECT_EQ(StateOf(second), State::kDone);
}

TEST_F(PublisherTest, LateWorkerHoldsAgainOnceItHasAnswered) {
  FakeWorker quick = Worker("quick"), slow = Worker("slow");
  quick.Connect();
  quick.Obey();
  slow.Connect();
  slow.Obey();
  Deploy("a");
  quick.Prepared();
  clock_.Advance(kPrepareTimeout);
  publisher_->Tick();
  quick.Active();
  slow.Obey();
  const auto second = Deploy("b");
  quick.Prepared();
  EXPECT_TRUE(quick.Quiet()) << "one that answers is waited for";
  slow.Prepared();
  quick.Active();
  slow.Active();
  EXPECT_EQ(StateOf(second), State::kDone);
}

TEST_F(PublisherTest, LateWorkerIsWaitedForWhereNobodyElseServes) {
  FakeWorker slow = Worker("slow");
  slow.Connect();
  slow.Obey();
  Deploy("a");
  clock_.Advance(kPrepareTimeout);
  publisher_->Tick();
  const auto second = Deploy("b");
  EXPECT_EQ(StateOf(second), State::kWaiting);
  slow.Obey();
  EXPECT_EQ(StateOf(second), State::kDone);
}

TEST_F(PublisherTest, LateSwitchHoldsOneRolloutOnly) {
  FakeWorker quick = Worker("quick"), slow = Worker("slow");
  quick.Connect();
  quick.Obey();
  slow.Connect();
  slow.Obey();
  Deploy("a");
  quick.Prepared();
  slow.Prepared();
  quick.Active();
  ASSERT_NE(slow.PendingActivate(), nullptr);
  Deploy("b");
  EXPECT_TRUE(quick.Quiet());
  clock_.Advance(kActivateTimeout);
  publisher_->Tick();
  quick.Prepared();
  quick.Active();
  const auto third = Deploy("c");
  quick.Prepared();
  quick.Active();
  EXPECT_EQ(StateOf(third), State::kSettled);
  slow.Obey();
  EXPECT_EQ(StateOf(third), State::kDone);
}

TEST_F(PublisherTest, AllOfAFleetGetTheSameUpdate) {
  Deploy("a");
  FakeWorker one = Worker("one"), two = Worker("two"), three = Worker("three");
  one.Connect();
  two.Connect();
  ASSERT_NE(one.PendingUpdate(), nullptr);
  EXPECT_EQ(one.PendingUpdate(), two.PendingUpdate());
  one.Prepared();
  two.Prepared();
  one.Active();
  two.Active();
  Deploy("b");
  EXPECT_EQ(one.PendingUpdate(), two.PendingUpdate());
  EXPECT_EQ(one.PendingUpdate()->kind, Update::Kind::kDelta);
  three.Connect();
  EXPECT_EQ(three.PendingUpdate()->kind, Update::Kind::kFull);
}

TEST_F(PublisherTest, UpdatesAreForgottenWithTheirCatalog) {
  FakeWorker worker = Worker("worker");
  Deploy("a");
  worker.Connect();
  std::weak_ptr<const Update> first = worker.PendingUpdatePtr();
  ASSERT_NE(first.lock(), nullptr);
  worker.Obey();
  Deploy("b");
  EXPECT_EQ(first.lock(), nullptr);
}

TEST_F(PublisherTest, TakenBackCatalogIsNotActivatedByALaggard) {
  FakeWorker quick = Worker("quick"), slow = Worker("slow");
  quick.Connect();
  quick.Obey();
  slow.Connect();
  slow.Obey();
  Deploy("f");
  quick.Prepared();
  clock_.Advance(kPrepareTimeout);
  publisher_->Tick();
  ASSERT_NE(quick.PendingActivate(), nullptr);
  ASSERT_TRUE(registry_->Reject("f", 1).ok());
  publisher_->OnTakenBack();
  slow.Prepared();
  ASSERT_NE(slow.PendingUpdate(), nullptr);
  EXPECT_EQ(slow.PendingUpdate()->catalog_version, 2u);
  quick.Active();
  quick.Prepared();
  slow.Prepared();
  quick.Active();
  slow.Active();
  EXPECT_TRUE(quick.Quiet() && slow.Quiet());
}

TEST_F(PublisherTest, LagIsMeasured) {
  FakeWorker worker = Worker("w");
  worker.Connect();
  worker.Obey();
  EXPECT_EQ(publisher_->Stats().lag, 0);
  Deploy("a");
  Deploy("b");
  clock_.Advance(3 * kSecond);
  EXPECT_EQ(publisher_->Stats().lag_versions, 2u);
  EXPECT_EQ(publisher_->Stats().lag, 3 * kSecond);
  worker.Obey();
  EXPECT_EQ(publisher_->Stats().lag_versions, 0u);
  EXPECT_EQ(publisher_->Stats().lag, 0);
}

TEST_F(PublisherTest, WaitReturnsWhenTheLastWorkerServes) {
  FakeWorker worker = Worker("w");
  worker.Connect();
  worker.Obey();
  const auto subject = Deploy("a");
  std::vector<uint32_t> ready;
  std::thread answers([&] { worker.Obey(); });
  const RolloutView view = publisher_->Wait(
      subject, clock_.Now() + kSecond, [] { return true; }, [&](const RolloutView& at) { ready.push_back(at.ready); });
  answers.join();
  EXPECT_EQ(view.state, State::kDone);
}

TEST_F(PublisherTest, WaitEndsAtTheDeadlineOrWhenNobodyWaits) {
  FakeWorker worker = Worker("w");
  worker.Connect();
  const auto subject = Deploy("a");
  const auto nothing = [](const RolloutView&) {};
  EXPECT_EQ(publisher_->Wait(subject, clock_.Now(), [] { return true; }, nothing).state, State::kWaiting);
  EXPECT_EQ(publisher_->Wait(subject, clock_.Now() + kSecond, [] { return false; }, nothing).state, State::kWaiting);
  publisher_->Stop();
  EXPECT_EQ(publisher_->Wait(subject, clock_.Now() + kSecond, [] { return true; }, nothing).state, State::kWaiting);
}

}  // namespace
}  // namespace zts::controller
