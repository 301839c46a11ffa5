// Each case is a process of its own: the filter cannot be taken off.
#include "jsruntime/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <functional>
#include <future>
#include <string>
#include <thread>

#include "base/unique_fd.h"

namespace zts::js {
namespace {

constexpr int kGood = 0;
constexpr int kNoFilter = 100;

// The wait status of a child that does `body` behind the filter and exits with what it returns.
int StatusOf(SandboxProfile profile, const std::function<int()>& body) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    if (!EnterSandbox(profile).ok()) ::_exit(kNoFilter);
    ::_exit(body());
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

int ExitCodeOf(SandboxProfile profile, const std::function<int()>& body) {
  const int status = StatusOf(profile, body);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

// A call that fails makes its errno the exit code; one that succeeds, 0.
template <typename... Arguments>
std::function<int()> Call(long number, Arguments... arguments) {
  return [=] { return ::syscall(number, arguments...) < 0 ? errno : 0; };
}

class SandboxTest : public testing::TestWithParam<SandboxProfile> {
 protected:
  void ExpectRefused(const std::function<int()>& body, int error = EPERM) { EXPECT_EQ(ExitCodeOf(GetParam(), body), error); }
  void ExpectKilled(const std::function<int()>& body) {
    const int status = StatusOf(GetParam(), body);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << status;
  }
  void ExpectGood(const std::function<int()>& body) { EXPECT_EQ(ExitCodeOf(GetParam(), body), kGood); }
};
std::string NameOf(const testing::TestParamInfo<SandboxProfile>& info) {
  switch (info.param) {
    case SandboxProfile::kServe: return "Serve";
    case SandboxProfile::kServeForwarded: return "ServeForwarded";
    case SandboxProfile::kCompile: return "Compile";
  }
  return "Unknown";
}
INSTANTIATE_TEST_SUITE_P(Profiles, SandboxTest,
                         testing::Values(SandboxProfile::kServe, SandboxProfile::kServeForwarded, SandboxProfile::kCompile), NameOf);

TEST_P(SandboxTest, AnotherProgramOrProcessEndsIt) {
  static char* const no_arguments[] = {nullptr};
  ExpectKilled(Call(SYS_execve, "/bin/true", no_arguments, no_arguments));
  ExpectKilled(Call(SYS_execveat, AT_FDCWD, "/bin/true", no_arguments, no_arguments, 0));
  ExpectKilled(Call(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0));
  ExpectKilled(Call(SYS_process_vm_readv, ::getpid(), nullptr, 0, nullptr, 0, 0));
  ExpectKilled(Call(SYS_process_vm_writev, ::getpid(), nullptr, 0, nullptr, 0, 0));
}

TEST_P(SandboxTest, WhatOnlyAnAttackerAsksForEndsIt) {
  for (const long number : {SYS_bpf, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_init_module, SYS_kexec_load, SYS_keyctl, SYS_setuid,
                            SYS_setgid, SYS_setresuid, SYS_capset, SYS_unshare, SYS_setns, SYS_perf_event_open, SYS_reboot}) {
    SCOPED_TRACE(number);
    ExpectKilled(Call(number, 0, 0, 0, 0, 0));
  }
}

TEST_P(SandboxTest, NoNewProcess) {
  const auto fork_by_clone = [] {
    const long child = ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) ::_exit(0);
    return child < 0 ? errno : 0;
  };
  ExpectRefused(fork_by_clone);
  ExpectRefused([] { return ::fork() < 0 ? errno : 0; });
  // A thread with a namespace of its own is no thread of ours.
  ExpectRefused(Call(SYS_clone, CLONE_THREAD | CLONE_VM | CLONE_SIGHAND | CLONE_NEWUSER, 0, 0, 0, 0));
#if defined(__x86_64__)
  ExpectKilled(Call(SYS_vfork));
#endif
}

TEST_P(SandboxTest, NoSocketIsMadeConnectedOrBound) {
  ExpectRefused([] { return ::socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0; });
  ExpectRefused([] { return ::socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : 0; });
  const UniqueFd inherited(::socket(AF_INET, SOCK_STREAM, 0));
  const sockaddr_in anywhere{.sin_family = AF_INET};
  const auto* address = reinterpret_cast<const sockaddr*>(&anywhere);
  ExpectRefused([&] { return ::connect(inherited.get(), address, sizeof anywhere) < 0 ? errno : 0; });
  ExpectRefused([&] { return ::bind(inherited.get(), address, sizeof anywhere) < 0 ? errno : 0; });
}

TEST_P(SandboxTest, NoFileIsOpenedOrChanged) {
  ExpectRefused([] { return ::open("/tmp/zts-sandbox-test", O_WRONLY | O_CREAT, 0600) < 0 ? errno : 0; });
  ExpectRefused([] { return ::open("/etc/passwd", O_RDONLY) < 0 ? errno : 0; });
  ExpectRefused([] { return ::open("/proc/self/environ", O_RDONLY) < 0 ? errno : 0; });
  ExpectRefused(Call(SYS_openat2, AT_FDCWD, "/etc/passwd", nullptr, 0));
  ExpectRefused([] { return ::unlink("/tmp/zts-sandbox-test") < 0 ? errno : 0; });
  ExpectRefused([] { return ::rename("/tmp/zts-sandbox-test", "/tmp/zts-sandbox-test-2") < 0 ? errno : 0; });
  ExpectRefused([] { return ::mkdir("/tmp/zts-sandbox-test", 0700) < 0 ? errno : 0; });
  ExpectRefused([] { return ::chmod("/tmp", 0777) < 0 ? errno : 0; });
  ExpectRefused([] { return ::syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", nullptr, 0) < 0 ? errno : 0; });
  ExpectRefused([] {
    struct stat about;
    return ::stat("/etc/passwd", &about) < 0 ? errno : 0;
  });
}

TEST_P(SandboxTest, NoNewRing) { ExpectRefused(Call(SYS_io_uring_setup, 8, nullptr)); }

TEST_P(SandboxTest, SignalsReachItselfOnly) {
  ExpectRefused([] { return ::kill(::getppid(), 0) < 0 ? errno : 0; });
  ExpectRefused([] { return static_cast<int>(::syscall(SYS_tgkill, ::getppid(), ::getppid(), 0) < 0 ? errno : 0); });
  const int status = StatusOf(GetParam(), []() -> int { ::abort(); });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
}

TEST_P(SandboxTest, TheSupervisorsHoldStays) {
  ExpectRefused([] { return ::prctl(PR_SET_PDEATHSIG, 0) < 0 ? errno : 0; });
  ExpectRefused([] { return ::prctl(PR_SET_DUMPABLE, 1) < 0 ? errno : 0; });
  ExpectRefused(Call(SYS_prlimit64, ::getppid(), 0, nullptr, nullptr));
}

TEST_P(SandboxTest, MemoryClocksAndDescriptorsWork) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const UniqueFd out(pipe[0]), in(pipe[1]);
  ExpectGood([&] {
    void* code = ::mmap(nullptr, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED || ::mprotect(code, 1 << 16, PROT_READ | PROT_EXEC) != 0) return 1;
    if (::madvise(code, 1 << 16, MADV_DONTNEED) != 0 || ::munmap(code, 1 << 16) != 0) return 2;
    char byte = 'x';
    if (::write(in.get(), &byte, 1) != 1 || ::read(out.get(), &byte, 1) != 1) return 3;
    struct stat about;
    if (::fstat(in.get(), &about) != 0 || ::fcntl(in.get(), F_GETFL) < 0) return 4;
    const timespec moment{0, 1000};
    if (::nanosleep(&moment, nullptr) != 0) return 5;
    return kGood;
  });
}

TEST(SandboxServeTest, NewThreadsWorkAndAreCovered) {
  EXPECT_EQ(ExitCodeOf(SandboxProfile::kServe, [] {
    int error = 0;
    std::thread([&error] { error = ::socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0; }).join();
    return error == EPERM ? kGood : 1;
  }), kGood);
}

TEST(SandboxCompileTest, NoThread) {
  EXPECT_EQ(ExitCodeOf(SandboxProfile::kCompile, Call(SYS_clone, CLONE_THREAD | CLONE_VM | CLONE_SIGHAND, 0, 0, 0, 0)), EPERM);
}

TEST(SandboxTsyncTest, CoversThreadsThatAreThere) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    std::promise<void> entered;
    int error = 0;
    std::thread before([&] {
      entered.get_future().wait();
      error = ::socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0;
    });
    if (!EnterSandbox(SandboxProfile::kServe).ok()) ::_exit(kNoFilter);
    entered.set_value();
    before.join();
    ::_exit(error == EPERM ? kGood : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == kGood) << status;
}

TEST(SandboxServeTest, InheritedListenersServe) {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::send(client.get(), "x", 1, 0), 1);
  const auto serve = [&] {
    const int fd = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
    char byte = 0;
    const bool served = fd >= 0 && ::recv(fd, &byte, 1, 0) == 1 && ::send(fd, &byte, 1, MSG_NOSIGNAL) == 1;
    return served && ::shutdown(fd, SHUT_WR) == 0 && ::close(fd) == 0 ? kGood : errno;
  };
  EXPECT_EQ(ExitCodeOf(SandboxProfile::kServe, serve), kGood);
  EXPECT_EQ(ExitCodeOf(SandboxProfile::kServeForwarded, serve), EPERM);
  EXPECT_EQ(ExitCodeOf(SandboxProfile::kServeForwarded, Call(SYS_listen, listener.get(), 1)), EPERM);
  EXPECT_EQ(ExitCodeOf(SandboxProfile::kCompile, serve), EPERM);
}

// A container's profile may refuse seccomp(2) and prctl(2): an error that says so, and a process that goes on.
TEST(SandboxRefusedTest, SaysWhatIsMissing) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    };
    const sock_fprog program{sizeof code / sizeof code[0], code};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) ::_exit(kNoFilter);
    const Status entered = EnterSandbox(SandboxProfile::kServe);
    const bool says = !entered.ok() && entered.error().message.find("seccomp") != std::string::npos;
    ::_exit(says && ::open("/etc/passwd", O_RDONLY) >= 0 ? kGood : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == kGood) << status;
}

}  // namespace
}  // namespace zts::js
