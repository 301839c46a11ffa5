// Which back end is chosen, and what is said when the kernel refuses one.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

#include "worker/engine/net/io.h"
#include "worker/engine/net/uring_io.h"

namespace zts::net {
namespace {

// On a thread of its own whose io_uring_setup fails with `error`, as a container's seccomp profile makes it.
void WithoutIoUring(int error, const std::function<void()>& body) {
  std::thread thread([&] {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{.len = std::size(filter), .filter = filter};
    ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    body();
  });
  thread.join();
}

class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Environment() { unsetenv(name_); }

 private:
  const char* name_;
};

bool Says(const Error& error, std::string_view text) { return error.message.find(text) != std::string::npos; }

TEST(CreateIoTest, AutoFallsToEpollWhereUringIsRefused) {
  WithoutIoUring(EPERM, [] {
    auto io = CreateIo(IoBackend::kAuto);
    ASSERT_TRUE(io.ok());
    EXPECT_EQ((*io)->features().backend, "epoll");
  });
}

TEST(CreateIoTest, UringAloneSaysWhyAndWhatToDo) {
  WithoutIoUring(EPERM, [] {
    auto io = CreateIo(IoBackend::kUring);
    ASSERT_FALSE(io.ok());
    EXPECT_EQ(io.error().code, ErrorCode::kDenied);
    EXPECT_TRUE(Says(io.error(), "seccomp") || Says(io.error(), "sysctl -w kernel.io_uring_disabled=0"));
    EXPECT_TRUE(Says(io.error(), "--io=epoll"));
  });
  WithoutIoUring(ENOSYS, [] {
    auto io = CreateIo(IoBackend::kUring);
    ASSERT_FALSE(io.ok());
    EXPECT_EQ(io.error().code, ErrorCode::kUnsupported);
    EXPECT_TRUE(Says(io.error(), "kernel"));
  });
}

TEST(CreateIoTest, EachRefusalHasItsSentence) {
  EXPECT_TRUE(Says(UringSetupError(EPERM, 2), "kernel.io_uring_disabled = 2"));
  EXPECT_TRUE(Says(UringSetupError(EPERM, 2), "sysctl -w kernel.io_uring_disabled=0"));
  EXPECT_TRUE(Says(UringSetupError(EPERM, 0), "seccomp"));
  EXPECT_TRUE(Says(UringSetupError(EPERM, -1), "seccomp"));
  EXPECT_TRUE(Says(UringSetupError(ENOSYS, -1), "5.19"));
  EXPECT_TRUE(Says(UringSetupError(EINVAL, 0), "5.19"));
  EXPECT_TRUE(Says(UringSetupError(ENOMEM, 0), "ulimit -l"));
  EXPECT_TRUE(Says(UringSetupError(EMFILE, 0), "ulimit -n"));
  EXPECT_TRUE(Says(UringSetupError(EIO, 0), "--io=epoll"));
}

TEST(CreateIoTest, EpollIsAlwaysThere) {
  auto io = CreateIo(IoBackend::kEpoll);
  ASSERT_TRUE(io.ok());
  EXPECT_EQ((*io)->features().backend, "epoll");
}

TEST(CreateIoTest, FeaturesAreSwitchedOffByName) {
  auto all = UringFeatures::Without("");
  ASSERT_TRUE(all.ok());
  for (const std::string& name : UringFeatures::Names()) {
    EXPECT_TRUE(*all->Find(name)) << name;
    auto without = UringFeatures::Without(name);
    ASSERT_TRUE(without.ok());
    for (const std::string& other : UringFeatures::Names()) EXPECT_EQ(*without->Find(other), other != name);
  }
  EXPECT_EQ(all->Find("warp"), nullptr);
  auto unknown = UringFeatures::Without("multishot_recv,warp");
  ASSERT_FALSE(unknown.ok());
  EXPECT_TRUE(Says(unknown.error(), "\"warp\""));
  EXPECT_TRUE(Says(unknown.error(), "multishot_accept, multishot_recv"));
}

TEST(CreateIoTest, TheEnvironmentSwitchesFeaturesOff) {
  if (!CreateIo(IoBackend::kUring).ok()) GTEST_SKIP() << "no io_uring here";
  {
    const Environment disable("ZTS_IO_DISABLE", "multishot_recv,registered_ring");
    auto io = CreateIo(IoBackend::kUring);
    ASSERT_TRUE(io.ok()) << io.error().message;
    for (const auto& [name, on] : (*io)->features().features) {
      if (name == "multishot_recv" || name == "registered_ring") {
        EXPECT_FALSE(on) << name;
      }
    }
  }
  const Environment disable("ZTS_IO_DISABLE", "everything");
  auto io = CreateIo(IoBackend::kAuto);
  ASSERT_FALSE(io.ok());
  EXPECT_TRUE(Says(io.error(), "ZTS_IO_DISABLE"));
}

TEST(RestrictedRingTest, OpensNothingAndConnectsNowhere) {
  UringFeatures features;
  Ring ring;
  if (!ring.SetUp(8, 16, Ring::Start::kDisabled, &features).ok()) GTEST_SKIP() << "no io_uring here";
  ASSERT_TRUE(ring.Restrict().ok());
  ring.Enable();
  const auto result_of = [&ring](auto prepare) {
    prepare(ring.GetSqe());
    ring.Enter(1, kSecond);
    Cqe cqe;
    return ring.NextCqe(&cqe) ? cqe.result : 1;
  };
  EXPECT_EQ(result_of([](io_uring_sqe* sqe) { io_uring_prep_openat(sqe, AT_FDCWD, "/etc/passwd", O_RDONLY, 0); }), -EACCES);
  EXPECT_EQ(result_of([](io_uring_sqe* sqe) { io_uring_prep_connect(sqe, 0, nullptr, 0); }), -EACCES);
  EXPECT_EQ(result_of([](io_uring_sqe* sqe) { io_uring_prep_socket(sqe, AF_INET, SOCK_STREAM, 0, 0); }), -EACCES);
  EXPECT_EQ(result_of([](io_uring_sqe* sqe) { io_uring_prep_unlinkat(sqe, AT_FDCWD, "/none", 0); }), -EACCES);
  char byte = 0;
  EXPECT_EQ(result_of([&byte](io_uring_sqe* sqe) { io_uring_prep_read(sqe, -1, &byte, 1, 0); }), -EBADF);
}

}  // namespace
}  // namespace zts::net
