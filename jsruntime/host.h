// The door to Node's embedding API: the process's V8, lent by the host binary.
//
// A program of ours that needs V8 is an addon with
//
//   ZTS_HOST_MAIN(Main);   // int Main(int argc, char** argv): what follows the addon's path on the command line
//
// started as `zts-host <flags of v8_flags.txt> program.node args...` (jsruntime/launch.h makes that line). Main runs on the main thread
// with argv[0] the addon's path, and does not return to Node: the process exits with its result.
//
// Owner:    main(), exactly one Host a process.
// Thread:   Start: the main thread. NewIsolate: any.
// Life:     outlives every Isolate.
// Errors:   Start fails when the snapshot is missing or was made by another binary or other flags.
// Needs:    Node 26 (V8 14.6).
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "jsruntime/artifact_key.h"
#include "jsruntime/isolate.h"
#include "jsruntime/jit_policy.h"

namespace zts::js {

class Snapshot;

// How a process ends that V8 cannot go on in; stderr then names the function.
inline constexpr int kV8FatalExitCode = 86;

class Host : public IsolateFactory {
 public:
  struct Options {
    std::string snapshot_path;  // web.snapshot
    JitPolicy jit = {};
  };
  static Result<std::unique_ptr<Host>> Start(const Options& options);

  // What its isolates begin from.
  virtual const Snapshot& snapshot() const = 0;
  ~Host() override = default;
};

// Defined by ZTS_HOST_MAIN; called by the addon's entry.
int HostMain(int argc, char** argv);

}  // namespace zts::js

#define ZTS_HOST_MAIN(main_function)                                          \
  namespace zts::js {                                                         \
  int HostMain(int argc, char** argv) { return main_function(argc, argv); }   \
  }                                                                           \
  static_assert(true, "a semicolon follows")
