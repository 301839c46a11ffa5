// What a process that runs tenants' code may still ask of the kernel: a seccomp filter for all of its threads.
//
// V8 keeps a tenant in its isolate; the filter is for the day it does not. What is not on the list of what V8, the host's idle threads
// and our own loops need fails with EPERM, so that a library's optional extra costs nothing. What only an attacker asks for (another
// program, another process's memory, mounts, kernel modules, other users' rights) ends the process with SIGSYS. No file can be opened,
// for reading neither: what the process needs it has open or mapped before. No socket can be made, connected or bound.
//
// The list is a fact about V8 and its host, so it stands here. It says nothing of what goes through a ring of io_uring: a ring
// restricts itself (worker/engine/net/uring_ring.h), and a new one cannot be made.
//
// Owner:    the process; there is no way back.
// Thread:   any, once; covers all threads that are there and all that come (SECCOMP_FILTER_FLAG_TSYNC).
// Life:     after threads, rings and files are made, before the first byte of a tenant's code.
// Errors:   kUnsupported or kDenied when the kernel has no seccomp or refuses the filter; then no thread has it.
// Needs:    Linux 3.17, CONFIG_SECCOMP_FILTER. From 5.11 on the kernel answers for what needs no look at arguments from a bitmap: all
//           of the hot path.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"

namespace zts::js {

enum class SandboxProfile : uint8_t {
  kServe,    // inherited listeners: accept, receive, send; new threads
  kServeForwarded,  // the same without listening and accepting: requests come by sockets that it is given
  kCompile,  // read a job, write an answer: no sockets, no threads
};

// The descriptors of this process's rings of io_uring. The host makes one a loop of its own, unrestricted and never used again once the
// loop runs: asked before a program makes its own rings, this is the list of what DisableRings is for.
std::vector<int> FindRings();
// Puts a dead descriptor in the place of each: nothing can be submitted any more. REQUIRES: loops that have begun to wait, and never
// watch another descriptor (libuv ends the process when it cannot submit).
Status DisableRings(const std::vector<int>& rings);

// Implies no_new_privs.
Status EnterSandbox(SandboxProfile profile);

}  // namespace zts::js
