#include "jsruntime/sandbox.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <system_error>
#include <type_traits>

#include "base/bytes.h"
#include "base/unique_fd.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

namespace zts::js {
namespace {

// The hot path's first, which matters to a kernel without the bitmap only. No rule of these looks at arguments.
constexpr int kServing[] = {
    SCMP_SYS(io_uring_enter), SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(shutdown),
    SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
    SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    // Each ring allows only what is harmless of it.
    SCMP_SYS(io_uring_register),
};

constexpr int kAccepting[] = {SCMP_SYS(accept4), SCMP_SYS(accept), SCMP_SYS(listen)};

constexpr int kRunning[] = {
    // The host's own loops, idle as they are, end the process when they may not wait.
    SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(epoll_ctl), SCMP_SYS(close),
    SCMP_SYS(futex), SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64), SCMP_SYS(poll),
    SCMP_SYS(ppoll), SCMP_SYS(lseek), SCMP_SYS(fstat),
    // Memory, executable too: V8 compiles.
    SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mprotect), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
    SCMP_SYS(pkey_alloc), SCMP_SYS(pkey_free), SCMP_SYS(pkey_mprotect), SCMP_SYS(membarrier),
    // Threads and their ends.
    SCMP_SYS(rseq), SCMP_SYS(set_robust_list), SCMP_SYS(get_robust_list), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(gettid),
    SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler), SCMP_SYS(getcpu), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall),
    // Time, chance, and what the process uses.
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday),
    SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(getrusage), SCMP_SYS(times), SCMP_SYS(sysinfo), SCMP_SYS(uname),
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
};

// Nothing that V8, the host or we ever do; who asks has taken the process over.
constexpr int kHostile[] = {
    // Another program, another process.
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev), SCMP_SYS(process_madvise), SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp),
    // The kernel itself.
    SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(init_module), SCMP_SYS(finit_module),
    SCMP_SYS(delete_module), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(iopl), SCMP_SYS(ioperm),
    SCMP_SYS(modify_ldt), SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key),
    // The system's files, clock and accounts.
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(open_tree), SCMP_SYS(move_mount),
    SCMP_SYS(fsopen), SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(mount_setattr),
    SCMP_SYS(open_by_handle_at), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(quotactl), SCMP_SYS(acct), SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime), SCMP_SYS(sethostname), SCMP_SYS(setdomainname),
    // Other rights.
    SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setreuid), SCMP_SYS(setregid), SCMP_SYS(setresuid), SCMP_SYS(setresgid),
    SCMP_SYS(setgroups), SCMP_SYS(setfsuid), SCMP_SYS(setfsgid), SCMP_SYS(capset), SCMP_SYS(unshare), SCMP_SYS(setns),
};

// A new thread of this process and nothing else: no namespace of its own, no vfork.
constexpr scmp_datum_t kThreadFlags = CLONE_THREAD | CLONE_VM | CLONE_SIGHAND;
constexpr scmp_datum_t kNoThreadFlags = CLONE_VFORK | CLONE_PTRACE | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                        CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

// Collects rules; the first that cannot be added is the result.
class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM)), &seccomp_release), error_(context_ == nullptr ? -ENOMEM : 0) {}

  void Attribute(scmp_filter_attr attribute, uint32_t value) {
    if (error_ == 0) error_ = seccomp_attr_set(context_.get(), attribute, value);
  }
  void Add(uint32_t action, int call, std::initializer_list<scmp_arg_cmp> arguments = {}) {
    if (error_ != 0) return;
    error_ = seccomp_rule_add_array(context_.get(), action, call, static_cast<unsigned>(arguments.size()), arguments.begin());
  }
  void Prefer(int call, uint8_t priority) {
    if (error_ == 0) error_ = seccomp_syscall_priority(context_.get(), call, priority);
  }
  // 0 or -errno; positive: a thread that cannot take the filter.
  int Load() { return error_ != 0 ? error_ : seccomp_load(context_.get()); }

 private:
  std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, void (*)(scmp_filter_ctx)> context_;
  int error_;
};

void AddWhatLooksAtArguments(Filter* filter) {
  for (const int command : {F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GET_SEALS, F_DUPFD_CLOEXEC}) {
    filter->Add(SCMP_ACT_ALLOW, SCMP_SYS(fcntl), {SCMP_A1_32(SCMP_CMP_EQ, static_cast<unsigned>(command))});
  }
  for (const unsigned option : {unsigned{PR_SET_NAME}, unsigned{PR_GET_NAME}, unsigned{PR_SET_VMA}}) {
    filter->Add(SCMP_ACT_ALLOW, SCMP_SYS(prctl), {SCMP_A0_32(SCMP_CMP_EQ, option)});
  }
  // fstat, as the C library asks for it: a descriptor, no path.
  filter->Add(SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), {SCMP_A3_32(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH)});
  // Signals to itself: abort() and the watchdogs.
  filter->Add(SCMP_ACT_ALLOW, SCMP_SYS(tgkill), {SCMP_A0_32(SCMP_CMP_EQ, static_cast<unsigned>(::getpid()))});
  // Its own limits, which only go down.
  filter->Add(SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), {SCMP_A0_32(SCMP_CMP_EQ, 0)});
}

void AddThreads(Filter* filter) {
  filter->Add(SCMP_ACT_ALLOW, SCMP_SYS(clone), {SCMP_A0(SCMP_CMP_MASKED_EQ, kThreadFlags | kNoThreadFlags, kThreadFlags)});
  // Its flags are in memory, where a filter cannot look: the C library takes clone when there is no clone3.
  filter->Add(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
}

}  // namespace

std::vector<int> FindRings() {
  std::vector<int> rings;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const auto fd = ParseInteger<int>(entry.path().filename().native());
    if (fd && std::filesystem::read_symlink(entry.path(), error) == "anon_inode:[io_uring]") rings.push_back(*fd);
  }
  return rings;
}

Status DisableRings(const std::vector<int>& rings) {
  const UniqueFd dead(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!dead.valid()) return Error::FromErrno("/dev/null");
  for (const int ring : rings) {
    if (::dup3(dead.get(), ring, O_CLOEXEC) != ring) return Error::FromErrno("disabling a ring of the host");
  }
  return {};
}

Status EnterSandbox(SandboxProfile profile) {
  // Asked first, so that a kernel without it is told from a filter that is wrong.
  if (::prctl(PR_GET_SECCOMP) < 0) {
    return Error{ErrorCode::kUnsupported, "this kernel has no seccomp (CONFIG_SECCOMP); run on one that has"};
  }
  Filter filter;
  filter.Attribute(SCMP_FLTATR_CTL_TSYNC, 1);
  filter.Attribute(SCMP_FLTATR_CTL_NNP, 1);
  // Calls of another architecture (32 bit) have other numbers: no way around the list.
  filter.Attribute(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  // A binary tree: a hundred calls are found in seven steps.
  filter.Attribute(SCMP_FLTATR_CTL_OPTIMIZE, 2);
  if (profile != SandboxProfile::kCompile) {
    uint8_t priority = 255;
    for (const int call : kServing) {
      filter.Add(SCMP_ACT_ALLOW, call);
      filter.Prefer(call, priority--);
    }
    AddThreads(&filter);
  }
  if (profile == SandboxProfile::kServe) {
    for (const int call : kAccepting) filter.Add(SCMP_ACT_ALLOW, call);
  }
  for (const int call : kRunning) filter.Add(SCMP_ACT_ALLOW, call);
  AddWhatLooksAtArguments(&filter);
  for (const int call : kHostile) filter.Add(SCMP_ACT_KILL_PROCESS, call);
  const int result = filter.Load();
  if (result == 0) return {};
  if (result > 0) return Error{ErrorCode::kDenied, "thread " + std::to_string(result) + " cannot take the seccomp filter"};
  return Error::FromErrno("the kernel refuses the seccomp filter (CONFIG_SECCOMP_FILTER, or the container's own profile)", -result);
}

}  // namespace zts::js
