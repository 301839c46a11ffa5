#include "controller/jit_hub.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include "controller/limits.h"

namespace zts::controller {
namespace {

// A worker whose answers are the test's.
struct FakeLink final : WorkerLink {
  void Send(Push push) override { asked.push_back(std::get<AskJit>(push)); }
  void Close(Error) override {}
  std::vector<AskJit> asked;
};

v1::WorkerJit AnswerTo(const FakeLink& link, uint64_t isolates) {
  v1::WorkerJit answer;
  answer.set_id(link.asked.back().id);
  answer.add_versions()->set_isolates(static_cast<uint32_t>(isolates));
  return answer;
}

// Goes on while another thread looks at it.
class SharedClock final : public Clock {
 public:
  Nanos Now() const override { return now_; }
  Nanos WallNow() const override { return now_; }
  void Advance(Nanos by) { now_ += by; }

 private:
  std::atomic<Nanos> now_{kSecond};
};

class JitHubTest : public testing::Test {
 protected:
  // Asks from a thread of its own; `meanwhile` runs when the question is out.
  Status Ask(const std::function<void()>& meanwhile, const std::function<bool()>& keep_waiting = [] { return true; }) {
    std::atomic<bool> waits{false};
    Status asked;
    std::thread asker([&] {
      asked = hub_.Ask("f", 2 * kSecond,
                       [&] {
                         waits = true;
                         return keep_waiting();
                       },
                       [&](const v1::WorkerJit& answer) { answers_[answer.worker()] = answer; });
    });
    while (!waits) std::this_thread::yield();
    meanwhile();
    asker.join();
    return asked;
  }

  SharedClock clock_;
  JitHub hub_{clock_};
  FakeLink a_, b_;
  std::map<std::string, v1::WorkerJit> answers_;
};

TEST_F(JitHubTest, AsksAllAndGivesWhatTheySay) {
  hub_.Connect("a", &a_);
  hub_.Connect("b", &b_);
  ASSERT_TRUE(Ask([&] {
                hub_.OnAnswer("b", AnswerTo(b_, 2));
                hub_.OnAnswer("a", AnswerTo(a_, 1));
                hub_.OnAnswer("a", AnswerTo(a_, 9));  // once is enough
              }).ok());
  ASSERT_EQ(a_.asked.size(), 1u);
  EXPECT_EQ(a_.asked[0].function, "f");
  EXPECT_EQ(a_.asked[0].watch, 2 * kSecond);
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_EQ(answers_["a"].versions(0).isolates(), 1u);
  EXPECT_EQ(answers_["b"].versions(0).isolates(), 2u);
}

TEST_F(JitHubTest, WithoutWorkersThereIsNothingToWaitFor) {
  EXPECT_TRUE(hub_.Ask("f", 0, [] { return true; }, [](const v1::WorkerJit&) { FAIL(); }).ok());
}

TEST_F(JitHubTest, OneThatGoesOrIsSilentIsToldOf) {
  hub_.Connect("a", &a_);
  hub_.Connect("b", &b_);
  ASSERT_TRUE(Ask([&] {
                hub_.Disconnect("a", &a_);
                clock_.Advance(2 * kSecond + kJitAnswerTimeout);
              }).ok());
  EXPECT_NE(answers_["a"].problem().find("gone"), std::string::npos);
  EXPECT_NE(answers_["b"].problem().find("older release"), std::string::npos);
  hub_.OnAnswer("b", AnswerTo(b_, 1));  // too late, and no harm
}

TEST_F(JitHubTest, AWorkersNewStreamOutlivesItsOld) {
  FakeLink again;
  hub_.Connect("a", &a_);
  hub_.Connect("a", &again);
  hub_.Disconnect("a", &a_);
  ASSERT_TRUE(Ask([&] { hub_.OnAnswer("a", AnswerTo(again, 3)); }).ok());
  EXPECT_TRUE(a_.asked.empty());
  EXPECT_EQ(answers_["a"].versions(0).isolates(), 3u);
}

TEST_F(JitHubTest, AnAnswerThatIsTooLargeIsNotHandedOn) {
  hub_.Connect("a", &a_);
  ASSERT_TRUE(Ask([&] {
                v1::WorkerJit answer = AnswerTo(a_, 1);
                answer.mutable_versions(0)->add_functions()->set_name(std::string(kJitAnswerBytesMax, 'x'));
                hub_.OnAnswer("a", answer);
              }).ok());
  EXPECT_FALSE(answers_["a"].problem().empty());
  EXPECT_EQ(answers_["a"].versions_size(), 0);
}

TEST_F(JitHubTest, BeyondTheLimitNobodyAsks) {
  hub_.Connect("a", &a_);
  std::atomic<bool> enough{false};
  const auto until_enough = [&] { return !enough.load(); };
  ASSERT_TRUE(Ask(
                  [&] {
                    ASSERT_TRUE(Ask(
                                    [&] {
                                      const Status third = hub_.Ask("f", 0, [] { return true; }, [](const v1::WorkerJit&) {});
                                      ASSERT_FALSE(third.ok());
                                      EXPECT_EQ(third.error().code, ErrorCode::kExhausted);
                                      enough = true;
                                    },
                                    until_enough)
                                    .ok());
                  },
                  until_enough)
                  .ok());
  static_assert(kJitAsksMax == 2);
}

}  // namespace
}  // namespace zts::controller
