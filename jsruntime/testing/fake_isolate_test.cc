#include "jsruntime/testing/fake_isolate.h"

#include <gtest/gtest.h>

#include "jsruntime/testing/isolate_contract.h"

namespace zts::js {
namespace {

std::string FakeSource(Behaviour behaviour) {
  switch (behaviour) {
    case Behaviour::kHello: return "respond 200 hello";
    case Behaviour::kEcho: return "echo";
    case Behaviour::kPeer: return "peer";
    case Behaviour::kTeapot: return "header x-kind teapot\nrespond 418";
    case Behaviour::kThrow: return "throw oops";
    case Behaviour::kLog: return "log noted\nrespond 200";
    case Behaviour::kSpin: return "spin";
    case Behaviour::kOutOfMemory: return "oom";
    case Behaviour::kTimer: return "timer 20 200 later";
    case Behaviour::kNever: return "pending";
    case Behaviour::kSpinOnPost: return "on POST spin\npending";
    case Behaviour::kMemoryOnPost: return "on POST oom\npending";
    case Behaviour::kStream: return "stream 200 3 abc";
    case Behaviour::kStreamFails: return "stream-fail 200 1 abc";
    case Behaviour::kStreamLarge: return "stream 200 64 " + std::string(10'000, 'x');
    case Behaviour::kStreamNever: return "stream-stuck abc";
    case Behaviour::kStreamEcho: return "stream-echo";
    case Behaviour::kSpinOnChunk: return "stream-spin abc";
    case Behaviour::kSyntaxError: return "load-error syntax-error SyntaxError: Unexpected token";
    case Behaviour::kNoHandler: return "load-error no-handler no default export";
    case Behaviour::kLoadThrows: return "load-error exception Error: oops";
    case Behaviour::kLoadSpins: return "load-spin";
  }
  return "";
}

Subject FakeSubject() {
  static const SystemClock clock;
  static FakeIsolateFactory factory(&clock);
  return {&factory, FakeSource};
}

INSTANTIATE_TEST_SUITE_P(Fake, IsolateContractTest, testing::Values(&FakeSubject));

class FakeIsolateTest : public testing::Test {
 protected:
  FakeIsolate* Start(std::string source) {
    isolate_ = factory_.NewIsolate();
    EXPECT_TRUE(isolate_->Load(MakeScript("f", "v1", std::move(source))).outcome.ok());
    isolate_->Attach(&client_);
    return factory_.Find("f");
  }

  FakeClock clock_;
  FakeIsolateFactory factory_{&clock_};
  RecordingClient client_;
  std::unique_ptr<Isolate> isolate_;
  RequestView request_{"GET", "http", "a", "/", {}, "", "r1"};
};

TEST_F(FakeIsolateTest, TheTestAnswersPendingInvocations) {
  FakeIsolate* fake = Start("pending");
  isolate_->Dispatch(1, &request_);
  isolate_->Dispatch(2, &request_);
  EXPECT_EQ(fake->in_flight_ids(), (std::vector<InvocationId>{1, 2}));
  fake->Complete(2, 201, "made");
  fake->Fail(1, OutcomeKind::kThrew, "Error: no");
  EXPECT_EQ(client_.responses[2].status, 201);
  EXPECT_EQ(client_.failures[1].message, "Error: no");
}

TEST_F(FakeIsolateTest, BackgroundWorkOutlivesTheAnswer) {
  FakeIsolate* fake = Start("background 200 ok");
  isolate_->Dispatch(1, &request_);
  EXPECT_EQ(client_.responses[1].body, "ok");
  EXPECT_EQ(isolate_->in_flight(), 1u);
  fake->FinishBackground(1);
  EXPECT_EQ(client_.background_done, std::vector<InvocationId>{1});
  EXPECT_EQ(isolate_->in_flight(), 0u);
}

TEST_F(FakeIsolateTest, CodeCacheCountsAsAccepted) {
  isolate_ = factory_.NewIsolate();
  auto script = MakeScript("f", "v1", "respond 200");
  script->code_cache = AsBytes("cache");
  EXPECT_EQ(isolate_->Load(script).cache, LoadReport::Cache::kAccepted);
}

TEST_F(FakeIsolateTest, PostedTasksAreAnnouncedAndRun) {
  FakeIsolate* fake = Start("respond 200");
  fake->PostTasks();
  EXPECT_EQ(client_.tasks_posted, 1);
  isolate_->RunTasks();
  EXPECT_EQ(fake->tasks_run(), 1);
}

}  // namespace
}  // namespace zts::js
