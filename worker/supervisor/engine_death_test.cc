#include "worker/supervisor/engine_death.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <set>

namespace zts::supervisor {
namespace {

constexpr ExitStatus kExit70{false, 70};
constexpr ExitStatus kSegfault{true, SIGSEGV};
constexpr ExitStatus kKilled{true, SIGKILL};

Death Of(ExitStatus exit, const std::string& fatal = "", const std::string& unresponsive = "") {
  Death death;
  death.pid = 12;
  death.exit = exit;
  death.fatal = fatal;
  death.unresponsive = unresponsive;
  return death;
}

TEST(EngineDeathTest, WhatItSaidItselfGoesBeforeHowItEnded) {
  EXPECT_EQ(Of(kExit70, "out of memory").Cause(), DeathCause::kFatal);
  EXPECT_EQ(Of(kSegfault, "V8 said so").Cause(), DeathCause::kFatal);
}

TEST(EngineDeathTest, WhoeverWasEndedForItsSilenceIsUnresponsive) {
  EXPECT_EQ(Of(kKilled, "last words", "did not answer in time").Cause(), DeathCause::kUnresponsive);
}

TEST(EngineDeathTest, SignalsThatAProgramBringsUponItselfAreCrashes) {
  for (const int signal : {SIGSEGV, SIGABRT, SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSYS}) {
    EXPECT_EQ(Of({true, signal}).Cause(), DeathCause::kCrashed) << signal;
  }
  for (const int signal : {SIGKILL, SIGTERM, SIGINT}) EXPECT_EQ(Of({true, signal}).Cause(), DeathCause::kKilled) << signal;
  EXPECT_EQ(Of(kExit70).Cause(), DeathCause::kExited);
}

TEST(EngineDeathTest, TheSentenceSaysWhichEngineHowAndInWhat) {
  Death death = Of(kSegfault);
  EXPECT_EQ(death.Sentence(), "engine 12 ended with " + kSegfault.ToString());
  death.of = "jit=disabled";
  death.fatal = "a turn did not stop";
  death.in = "hello v3";
  EXPECT_EQ(death.Sentence(), "engine 12 (jit=disabled) ended with " + kSegfault.ToString() + ": a turn did not stop, in hello v3");
  death.unresponsive = "was not ready in time";
  EXPECT_NE(death.Sentence().find("was not ready in time: a turn did not stop"), std::string::npos);
}

TEST(EngineDeathTest, EachCauseHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int cause = 0; cause < kDeathCauses; ++cause) names.insert(DeathCauseName(static_cast<DeathCause>(cause)));
  EXPECT_EQ(names.size(), static_cast<size_t>(kDeathCauses));
}

}  // namespace
}  // namespace zts::supervisor
