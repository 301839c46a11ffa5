// What every Isolate promises, as tests: run on the fake in a plain executable and on the real one inside the host.
//
//   INSTANTIATE_TEST_SUITE_P(Fake, IsolateContractTest, testing::Values(&FakeSubject));
//
// Thread:   the test's own, but for a watchdog that terminates what spins.
// Life:     a Subject is static; an Isolate of its own for each test.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "jsruntime/isolate.h"
#include "jsruntime/testing/make_script.h"
#include "jsruntime/testing/recording_client.h"

namespace zts::js {

// A handler that does this, in the language of the subject.
enum class Behaviour {
  kHello,           // 200 "hello"
  kEcho,            // 200 "METHOD url\nBODY"
  kPeer,            // 200 "ADDRESS PORT" of who asks, " 0" where that is not known
  kTeapot,          // 418 with header x-kind: teapot
  kThrow,           // Error: oops
  kLog,             // console.log("noted"), then 200
  kSpin,            // never returns
  kOutOfMemory,     // allocates without end
  kTimer,           // 200 "later" after 20 ms
  kNever,           // its promise never settles
  kSpinOnPost,      // POST: spins; else as kNever
  kMemoryOnPost,    // POST: allocates without end; else as kNever
  kStream,          // streams "abc" three times, then ends
  kStreamFails,     // streams "abc", then fails with Error: broken
  kStreamLarge,     // streams 64 pieces of 10000 bytes
  kStreamNever,     // streams "abc", then nothing
  kStreamEcho,      // its response's body is its request's
  kSpinOnChunk,     // streams "abc" and spins when it is asked for more
  kSyntaxError,     // does not load
  kNoHandler,       // does not load
  kLoadThrows,      // does not load
  kLoadSpins,       // does not load
};

struct Subject {
  IsolateFactory* factory;
  std::string (*source)(Behaviour behaviour);
};

class IsolateContractTest : public testing::TestWithParam<Subject (*)()> {
 protected:
  LoadReport Load(Behaviour behaviour) {
    subject_ = GetParam()();
    isolate_ = subject_.factory->NewIsolate();
    return isolate_->Load(MakeScript("contract", "v1", subject_.source(behaviour)));
  }
  void Start(Behaviour behaviour) {
    const LoadReport report = Load(behaviour);
    ASSERT_TRUE(report.outcome.ok()) << report.outcome.message;
    isolate_->Attach(&client_);
  }
  RequestView Request(std::string_view method = "GET", std::string_view body = "") {
    RequestView request;
    request.method = method;
    request.authority = "hello.localhost:8080";
    request.target = "/a/b?c=d";
    request.headers = headers_;
    request.body = body;
    request.request_id = "r1";
    return request;
  }
  // Dispatches while another thread waits until the handler runs, and terminates it.
  void DispatchAndTerminate(InvocationId id, const RequestView& request, OutcomeKind why) {
    std::atomic<bool> done{false};
    std::thread watchdog([&] {
      while (!done.load()) {
        isolate_->Terminate(why);
        std::this_thread::yield();
      }
    });
    isolate_->Dispatch(id, &request);
    done = true;
    watchdog.join();
    isolate_->ClearTermination();
  }

  std::vector<HeaderField> headers_ = {{"Host", "hello.localhost:8080"}, {"Accept", "*/*"}};
  Subject subject_{};
  RecordingClient client_;
  std::unique_ptr<Isolate> isolate_;
};

TEST_P(IsolateContractTest, AnswersWithinDispatch) {
  Start(Behaviour::kHello);
  const RequestView request = Request();
  for (InvocationId id = 1; id <= 3; ++id) {
    isolate_->Dispatch(id, &request);
    EXPECT_EQ(client_.answers[id], 1);
    EXPECT_EQ(client_.responses[id].status, 200);
    EXPECT_EQ(client_.responses[id].body, "hello");
    EXPECT_EQ(client_.responses[id].Header("content-type"), "text/plain;charset=UTF-8");
  }
  EXPECT_EQ(isolate_->in_flight(), 0u);
  EXPECT_TRUE(isolate_->usable());
  EXPECT_FALSE(isolate_->draining());
  EXPECT_EQ(isolate_->script()->function, "contract");
}

// Turns of another isolate in between change nothing, and both may be destroyed elsewhere once they are left.
TEST_P(IsolateContractTest, IsStayedInBetweenTurns) {
  Start(Behaviour::kHello);
  RecordingClient other_client;
  std::unique_ptr<Isolate> other = subject_.factory->NewIsolate();
  ASSERT_TRUE(other->Load(MakeScript("other", "v1", subject_.source(Behaviour::kEcho))).outcome.ok());
  other->Attach(&other_client);
  const RequestView request = Request("POST", "some body");
  for (InvocationId id = 1; id <= 3; ++id) {
    isolate_->Enter();
    isolate_->Dispatch(id, &request);
    other->Dispatch(id, &request);
    isolate_->RunTasks();
    isolate_->Dispatch(10 + id, &request);
    isolate_->Leave();
    other->Dispatch(10 + id, &request);
    EXPECT_EQ(client_.responses[id].body, "hello");
    EXPECT_EQ(client_.responses[10 + id].body, "hello");
    EXPECT_EQ(other_client.answers[id], 1);
    EXPECT_EQ(other_client.answers[10 + id], 1);
  }
  isolate_->CollectGarbage();
  std::thread([&] {
    other.reset();
    isolate_.reset();
  }).join();
}

TEST_P(IsolateContractTest, HandsTheRequestOver) {
  Start(Behaviour::kEcho);
  const RequestView request = Request("POST", "some body");
  isolate_->Dispatch(1, &request);
  EXPECT_EQ(client_.responses[1].body, "POST http://hello.localhost:8080/a/b?c=d\nsome body");
}

TEST_P(IsolateContractTest, TellsWhoAsks) {
  Start(Behaviour::kPeer);
  RequestView request = Request();
  isolate_->Dispatch(1, &request);
  EXPECT_EQ(client_.responses[1].body, " 0");
  request.peer = {.bytes = {10, 0, 0, 7}, .size = 4, .port = 4711};
  isolate_->Dispatch(2, &request);
  EXPECT_EQ(client_.responses[2].body, "10.0.0.7 4711");
}

TEST_P(IsolateContractTest, GivesStatusAndHeaders) {
  Start(Behaviour::kTeapot);
  const RequestView request = Request();
  isolate_->Dispatch(1, &request);
  EXPECT_EQ(client_.responses[1].status, 418);
  EXPECT_EQ(client_.responses[1].Header("x-kind"), "teapot");
}

TEST_P(IsolateContractTest, ReportsWhatTheHandlerThrows) {
  Start(Behaviour::kThrow);
  const RequestView request = Request();
  isolate_->Dispatch(7, &request);
  EXPECT_EQ(client_.failures[7].kind, OutcomeKind::kThrew);
  EXPECT_EQ(client_.failures[7].message, "Error: oops");
  ASSERT_EQ(client_.console.size(), 1u);
  EXPECT_EQ(client_.console[0].id, 7u);
  EXPECT_EQ(client_.console[0].severity, LogSeverity::kException);
  EXPECT_NE(client_.console[0].message.find("Error: oops"), std::string::npos);
  EXPECT_TRUE(isolate_->usable());
}

TEST_P(IsolateContractTest, NamesTheInvocationOfAConsoleRecord) {
  Start(Behaviour::kLog);
  const RequestView request = Request();
  isolate_->Dispatch(9, &request);
  ASSERT_EQ(client_.console.size(), 1u);
  EXPECT_EQ(client_.console[0].id, 9u);
  EXPECT_EQ(client_.console[0].severity, LogSeverity::kLog);
  EXPECT_EQ(client_.console[0].message, "noted");
}

TEST_P(IsolateContractTest, AnswersFromATimer) {
  Start(Behaviour::kTimer);
  const RequestView request = Request();
  isolate_->Dispatch(1, &request);
  EXPECT_EQ(client_.answers.count(1), 0u);
  EXPECT_EQ(isolate_->in_flight(), 1u);
  const Nanos due = client_.timer_due;
  ASSERT_NE(due, 0);
  isolate_->RunTimers(due - 1);
  EXPECT_EQ(client_.answers.count(1), 0u);
  isolate_->RunTimers(due);
  EXPECT_EQ(client_.responses[1].body, "later");
  EXPECT_EQ(client_.answers[1], 1);
  EXPECT_EQ(client_.timer_due, 0);
  EXPECT_EQ(isolate_->in_flight(), 0u);
}

TEST_P(IsolateContractTest, ForgetsAnAbandonedInvocation) {
  Start(Behaviour::kTimer);
  const RequestView request = Request();
  isolate_->Dispatch(1, &request);
  isolate_->Dispatch(2, &request);
  isolate_->Abandon(1);
  EXPECT_EQ(isolate_->in_flight(), 1u);
  ASSERT_NE(client_.timer_due, 0);
  isolate_->RunTimers(client_.timer_due + kSecond);
  EXPECT_EQ(client_.answers.count(1), 0u);
  EXPECT_EQ(client_.answers[2], 1);
  isolate_->Abandon(2);  // late: nothing to do
}

TEST_P(IsolateContractTest, CpuLimitEndsOneInvocationAndDrains) {
  Start(Behaviour::kSpinOnPost);
  const RequestView waiting = Request();
  isolate_->Dispatch(1, &waiting);
  const RequestView spinning = Request("POST");
  DispatchAndTerminate(2, spinning, OutcomeKind::kCpuLimit);
  EXPECT_EQ(client_.failures[2].kind, OutcomeKind::kCpuLimit);
  EXPECT_TRUE(isolate_->draining());
  EXPECT_TRUE(isolate_->usable());
  EXPECT_EQ(client_.answers.count(1), 0u);
  EXPECT_EQ(isolate_->in_flight(), 1u);
  isolate_->Abandon(1);
}

TEST_P(IsolateContractTest, AnyOtherTerminationLosesTheIsolate) {
  Start(Behaviour::kSpinOnPost);
  const RequestView waiting = Request();
  isolate_->Dispatch(1, &waiting);
  const RequestView spinning = Request("POST");
  DispatchAndTerminate(2, spinning, OutcomeKind::kWallLimit);
  EXPECT_EQ(client_.failures[2].kind, OutcomeKind::kWallLimit);
  EXPECT_EQ(client_.failures[1].kind, OutcomeKind::kRecycled);
  EXPECT_FALSE(isolate_->usable());
  EXPECT_EQ(isolate_->in_flight(), 0u);
}

TEST_P(IsolateContractTest, MemoryLimitLosesTheIsolate) {
  Start(Behaviour::kMemoryOnPost);
  const RequestView waiting = Request();
  isolate_->Dispatch(1, &waiting);
  const RequestView hungry = Request("POST");
  isolate_->Dispatch(2, &hungry);
  EXPECT_EQ(client_.failures[2].kind, OutcomeKind::kMemoryLimit);
  EXPECT_EQ(client_.failures[1].kind, OutcomeKind::kRecycled);
  EXPECT_EQ(client_.answers[1], 1);
  EXPECT_EQ(client_.answers[2], 1);
  EXPECT_FALSE(isolate_->usable());
}

TEST_P(IsolateContractTest, StreamsAResponse) {
  Start(Behaviour::kStream);
  const RequestView request = Request();
  isolate_->Dispatch(1, &request);
  EXPECT_EQ(client_.answers[1], 1);
  EXPECT_EQ(client_.responses[1].form, ResponseView::Form::kStream);
  EXPECT_EQ(client_.responses[1].body, "abcabcabc");
  EXPECT_TRUE(client_.ends[1].ok());
  EXPECT_EQ(client_.end_count[1], 1);
  EXPECT_EQ(isolate_->in_flight(), 0u);
}

TEST_P(IsolateContractTest, HeadCancelsTheStream) {
  Start(Behaviour::kStream);
  const RequestView request = Request("HEAD");
  isolate_->Dispatch(1, &request);
  EXPECT_EQ(client_.responses[1].form, ResponseView::Form::kOmitted);
  EXPECT_EQ(client_.chunks.count(1), 0u);
  EXPECT_EQ(client_.end_count.count(1), 0u);
  EXPECT_EQ(isolate_->in_flight(), 0u);
}

TEST_P(IsolateContractTest, AStreamThatFailsEndsInItsOutcome) {
  Start(Behaviour::kStreamFails);
  const RequestView request = Request();
  isolate_->Dispatch(1, &request);
  EXPECT_EQ(client_.responses[1].body, "abc");
  EXPECT_EQ(client_.ends[1].kind, OutcomeKind::kThrew);
  EXPECT_EQ(client_.ends[1].message, "Error: broken");
  EXPECT_EQ(client_.failures.count(1), 0u);
  EXPECT_TRUE(isolate_->usable());
}

TEST_P(IsolateContractTest, TasksMayRunBeforeItIsAttached) {
  subject_ = GetParam()();
  isolate_ = subject_.factory->NewIsolate();
  isolate_->RunTasks();
  ASSERT_TRUE(isolate_->Load(MakeScript("fn", "v1", subject_.source(Behaviour::kHello))).outcome.ok());
  isolate_->RunTasks();
  isolate_->Attach(&client_);
  const RequestView request = Request();
  isolate_->Dispatch(1, &request);
  EXPECT_EQ(client_.responses[1].body, "hello");
}

TEST_P(IsolateContractTest, WithoutRoomAStreamWaits) {
  Start(Behaviour::kStreamLarge);
  client_.room = 25'000;
  const RequestView request = Request();
  isolate_->Dispatch(1, &request);
  EXPECT_EQ(client_.responses[1].body.size(), 25'000u);
  const int chunks = client_.chunks[1];
  isolate_->RunTasks();
  EXPECT_EQ(client_.chunks[1], chunks);  // not offered again by itself
  for (int i = 0; i < 1000 && client_.end_count[1] == 0; ++i) {
    client_.room = 7'000;
    isolate_->ResumeResponse(1);
  }
  EXPECT_EQ(client_.responses[1].body.size(), 640'000u);
  EXPECT_TRUE(client_.ends[1].ok());
  isolate_->ResumeResponse(1);  // late: nothing to do
}

TEST_P(IsolateContractTest, AnAbandonedStreamIsSilent) {
  Start(Behaviour::kStreamNever);
  const RequestView request = Request();
  isolate_->Dispatch(1, &request);
  EXPECT_EQ(client_.responses[1].body, "abc");
  EXPECT_EQ(isolate_->in_flight(), 1u);
  isolate_->Abandon(1);
  EXPECT_EQ(isolate_->in_flight(), 0u);
  EXPECT_EQ(client_.end_count.count(1), 0u);
  isolate_->ResumeResponse(1);
  isolate_->BodyArrived(1);
  isolate_->PeerFinished(1);
}

TEST_P(IsolateContractTest, ReadsABodyAsItArrives) {
  Start(Behaviour::kEcho);
  RequestView request = Request("POST");
  const auto body = std::make_shared<RequestBody>();
  request.stream = body.get();
  body->Append("so");
  isolate_->Dispatch(1, &request);
  EXPECT_EQ(client_.answers.count(1), 0u);
  EXPECT_TRUE(body->waiting());
  EXPECT_FALSE(body->wakes_reader());
  body->Append("me ");
  ASSERT_TRUE(body->wakes_reader());
  isolate_->BodyArrived(1);
  EXPECT_EQ(body->size(), 0u);
  body->Append("body");
  body->Complete();
  isolate_->BodyArrived(1);
  EXPECT_EQ(client_.responses[1].body, "POST http://hello.localhost:8080/a/b?c=d\nsome body");
  EXPECT_TRUE(body->dropped());
}

TEST_P(IsolateContractTest, ABodyThatFailsIsTheFunctionsError) {
  Start(Behaviour::kEcho);
  RequestView request = Request("POST");
  const auto body = std::make_shared<RequestBody>();
  request.stream = body.get();
  isolate_->Dispatch(1, &request);
  body->Fail("it broke off");
  isolate_->BodyArrived(1);
  EXPECT_EQ(client_.failures[1].kind, OutcomeKind::kThrew);
  EXPECT_NE(client_.failures[1].message.find("it broke off"), std::string::npos);
}

TEST_P(IsolateContractTest, ABodyNobodyReadsIsDropped) {
  Start(Behaviour::kHello);
  RequestView request = Request("POST");
  const auto body = std::make_shared<RequestBody>();
  request.stream = body.get();
  body->Append("unread");
  isolate_->Dispatch(1, &request);
  EXPECT_EQ(client_.responses[1].body, "hello");
  EXPECT_TRUE(body->dropped());
  EXPECT_EQ(body->size(), 0u);
}

TEST_P(IsolateContractTest, PassesABodyThrough) {
  Start(Behaviour::kStreamEcho);
  RequestView request = Request("POST");
  const auto body = std::make_shared<RequestBody>();
  request.stream = body.get();
  isolate_->Dispatch(1, &request);
  EXPECT_EQ(client_.answers[1], 1);
  for (const char* piece : {"one ", "two ", "three"}) {
    body->Append(piece);
    ASSERT_TRUE(body->wakes_reader());
    isolate_->BodyArrived(1);
  }
  EXPECT_EQ(client_.responses[1].body, "one two three");
  EXPECT_EQ(client_.end_count.count(1), 0u);
  body->Complete();
  isolate_->BodyArrived(1);
  EXPECT_TRUE(client_.ends[1].ok());
  EXPECT_EQ(client_.end_count[1], 1);
  EXPECT_EQ(isolate_->in_flight(), 0u);
}

TEST_P(IsolateContractTest, AStreamThatTakesNoPiecesIsHeldUpToTheSource) {
  Start(Behaviour::kStreamEcho);
  client_.room = 1'000;
  RequestView request = Request("POST");
  const auto body = std::make_shared<RequestBody>();
  request.stream = body.get();
  body->Append(std::string(500'000, 'x'));
  isolate_->Dispatch(1, &request);
  EXPECT_EQ(client_.responses[1].body.size(), 1'000u);
  EXPECT_GT(body->size(), 100'000u);  // a piece or two are on the way, the rest is left where it is bounded
  isolate_->Abandon(1);
  EXPECT_TRUE(body->dropped());
}

TEST_P(IsolateContractTest, CpuLimitEndsAStream) {
  Start(Behaviour::kSpinOnChunk);
  client_.room = 3;
  const RequestView request = Request();
  isolate_->Dispatch(1, &request);
  EXPECT_EQ(client_.responses[1].body, "abc");
  client_.room = 3;
  std::atomic<bool> done{false};
  std::thread watchdog([&] {
    while (!done.load()) {
      isolate_->Terminate(OutcomeKind::kCpuLimit);
      std::this_thread::yield();
    }
  });
  isolate_->ResumeResponse(1);
  done = true;
  watchdog.join();
  isolate_->ClearTermination();
  EXPECT_EQ(client_.ends[1].kind, OutcomeKind::kCpuLimit);
  EXPECT_EQ(client_.end_count[1], 1);
  EXPECT_TRUE(isolate_->draining());
  EXPECT_EQ(isolate_->in_flight(), 0u);
}

TEST_P(IsolateContractTest, LateTerminationIsTakenBack) {
  Start(Behaviour::kHello);
  isolate_->Terminate(OutcomeKind::kCpuLimit);
  isolate_->ClearTermination();
  const RequestView request = Request();
  isolate_->Dispatch(1, &request);
  EXPECT_EQ(client_.responses[1].body, "hello");
  EXPECT_FALSE(isolate_->draining());
}

TEST_P(IsolateContractTest, LoadSaysWhatIsWrong) {
  EXPECT_EQ(Load(Behaviour::kSyntaxError).outcome.kind, OutcomeKind::kSyntax);
  EXPECT_EQ(Load(Behaviour::kNoHandler).outcome.kind, OutcomeKind::kNoHandler);
  const LoadReport threw = Load(Behaviour::kLoadThrows);
  EXPECT_EQ(threw.outcome.kind, OutcomeKind::kThrew);
  EXPECT_EQ(threw.outcome.message, "Error: oops");
  EXPECT_EQ(threw.outcome.file, "contract.js");
  EXPECT_EQ(threw.outcome.line, 1);
}

TEST_P(IsolateContractTest, LoadIsBoundedByTerminate) {
  subject_ = GetParam()();
  isolate_ = subject_.factory->NewIsolate();
  std::atomic<bool> done{false};
  std::thread watchdog([&] {
    while (!done.load()) {
      isolate_->Terminate(OutcomeKind::kStartupLimit);
      std::this_thread::yield();
    }
  });
  const LoadReport report = isolate_->Load(MakeScript("contract", "v1", subject_.source(Behaviour::kLoadSpins)));
  done = true;
  watchdog.join();
  EXPECT_EQ(report.outcome.kind, OutcomeKind::kStartupLimit);
}

TEST_P(IsolateContractTest, MovesToAnotherThread) {
  ASSERT_TRUE(Load(Behaviour::kHello).outcome.ok());
  std::thread shard([this] {
    isolate_->Attach(&client_);
    const RequestView request = Request();
    for (InvocationId id = 1; id <= 100; ++id) isolate_->Dispatch(id, &request);
  });
  shard.join();
  EXPECT_EQ(client_.responses.size(), 100u);
}

TEST_P(IsolateContractTest, KnowsItsMemory) {
  Start(Behaviour::kHello);
  EXPECT_GT(isolate_->memory().heap_used_bytes, 100'000u);
  EXPECT_GE(isolate_->memory().heap_committed_bytes, isolate_->memory().heap_used_bytes);
  isolate_->CollectGarbage();
}

}  // namespace zts::js
