#include "jsruntime/helper_threads.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <future>
#include <thread>
#include <vector>

namespace zts::js {
namespace {

TEST(HelperThreadsTest, AreKnownByTheirNames) {
  EXPECT_TRUE(FindHelperThreads().empty());
  std::promise<pid_t> named;
  std::promise<void> release;
  std::thread helper([&] {
    pthread_setname_np(pthread_self(), "node-V8Worker");
    named.set_value(::gettid());
    release.get_future().wait();
  });
  const pid_t tid = named.get_future().get();
  EXPECT_EQ(FindHelperThreads(), (std::vector<pid_t>{tid}));
  release.set_value();
  helper.join();
}

}  // namespace
}  // namespace zts::js
