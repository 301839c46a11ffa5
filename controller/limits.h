// Every bound of the controller, with its reason. What crosses one is refused with a sentence that names it.
//
// Thread:   constants.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace zts::controller {

// --- what a deploy may bring ------------------------------------------------------------------------------------------------

// One ES module with everything bundled in. 10 MiB of source is ten times what large applications bundle to; V8 compiles it in
// about a second, and every worker keeps a copy.
inline constexpr uint64_t kBundleBytesMax = uint64_t{10} << 20;
// A map with the sources in it is two to three times its bundle; RocksDB halves it. It goes away with its version.
inline constexpr uint64_t kSourceMapBytesMax = uint64_t{24} << 20;
// A label of a host name, RFC 1035 2.3.4.
inline constexpr size_t kFunctionNameBytesMax = 63;
inline constexpr size_t kMainModuleBytesMax = 255;  // NAME_MAX of every file system it may come from
// Environments are configuration, not data: they are part of the catalog that every worker holds in memory.
inline constexpr size_t kEnvCountMax = 128;
inline constexpr size_t kEnvNameBytesMax = 128;
inline constexpr size_t kEnvBytesMax = 32 * 1024;  // all names and values of a version
inline constexpr size_t kRoutesPerFunctionMax = 16;
inline constexpr size_t kRouteBytesMax = 1024;
inline constexpr size_t kAllowNetMax = 32;
inline constexpr size_t kHostBytesMax = 253;  // RFC 1035 2.3.4, without the root's dot

// A limit of 0 means the platform's default. Below the minimum nothing runs; above the maximum one tenant holds a core.
inline constexpr Nanos kCpuPerRequestMin = 1 * kMillisecond;
inline constexpr Nanos kCpuPerRequestMax = 60 * kSecond;
inline constexpr Nanos kWallPerRequestMin = 10 * kMillisecond;
inline constexpr Nanos kWallPerRequestMax = 900 * kSecond;
inline constexpr Nanos kStartupCpuMin = 10 * kMillisecond;
inline constexpr Nanos kStartupCpuMax = 10 * kSecond;
inline constexpr Nanos kStartupCpuDefault = 2 * kSecond;
inline constexpr uint64_t kMemoryBytesMin = uint64_t{16} << 20;  // the web API and a small module fit
inline constexpr uint64_t kMemoryBytesMax = uint64_t{1} << 30;
// V8 keeps three times as much for its young generation. At most an eighth of the memory limit, so that most of that is the function's.
inline constexpr uint64_t kNurseryBytesMin = uint64_t{512} << 10;
inline constexpr uint64_t kNurseryBytesMax = uint64_t{32} << 20;
inline constexpr uint64_t kMemoryBytesDefault = uint64_t{128} << 20;
// What a request allocates. Less is a slip of the unit; at most what lets a nursery hold kNurseryRequests of them, as an engine makes it
// (jsruntime/script.h), or where the deploy names a nursery itself, two: one is collected after each of them as it is.
inline constexpr uint64_t kRequestGarbageBytesMin = uint64_t{4} << 10;
inline constexpr uint64_t kNurseryRequests = 5;
inline constexpr uint64_t kNurseryRequestsMin = 2;
// As V8 bounds it (jsruntime/jit_policy.h).
inline constexpr uint32_t kJitThresholdMax = 1'000'000;

// --- what the platform holds --------------------------------------------------------------------------------------------------

// What an engine's catalog takes.
inline constexpr size_t kFunctionsMax = 16 * 1024;
// Routes that were asked for; each function's own two come on top, and an engine takes 64 Ki in all.
inline constexpr size_t kRoutesMax = 32 * 1024;
static_assert(kRoutesMax + 2 * kFunctionsMax <= 64 * 1024);
// The catalog travels whole to a new worker, in one message.
inline constexpr size_t kCatalogBytesMax = size_t{48} << 20;
inline constexpr int kMessageBytesMax = 64 << 20;
static_assert(kCatalogBytesMax + kCatalogBytesMax / 4 < kMessageBytesMax, "room for the encoding");
// Versions of a function that stay in the store: the newest kVersionsKept, and those younger than kVersionsKeptFor (a working day
// and the night after it, to go back to in the morning) up to kVersionsMax, which bounds what a deploy in a loop can fill. Those
// that serve, get a share, are kept warm or are to be fallen back to always stay.
inline constexpr size_t kVersionsKept = 10;
inline constexpr Nanos kVersionsKeptFor = 24 * 3600 * kSecond;
inline constexpr size_t kVersionsMax = 30;
// Of the versions that served before, workers keep the latest two ready, so that going back is a switch: the one that a bad deploy
// replaced, and the one before it, when the first is bad too. Each costs a worker its source, and an isolate a shard while there is room.
inline constexpr size_t kVersionsWarm = 2;
static_assert(kVersionsWarm + 3 < kVersionsKept, "active, canary and fallback besides");
// Changes of what serves that a function remembers: a canary in ten steps, a few times over. They are rewritten with each change.
inline constexpr size_t kHistoryKept = 40;
// A canary that is promoted by itself: looked at this often, in at most so many steps of at least and at most this long.
inline constexpr Nanos kPromotionTick = 250 * kMillisecond;
inline constexpr size_t kPromotionStepsMax = 20;
inline constexpr Nanos kStepTimeMin = 1 * kSecond;
inline constexpr Nanos kStepTimeMax = 24 * 3600 * kSecond;
inline constexpr Nanos kStepTimeDefault = 30 * kSecond;
inline constexpr uint64_t kSamplesMinDefault = 100;
inline constexpr uint64_t kSamplesMinMax = 10'000'000;
// A version's first requests run code that no compiler has seen: they are not held against it. Later steps wait for what is under way.
inline constexpr Nanos kPromotionGrace = 1500 * kMillisecond;
inline constexpr Nanos kPromotionStepGrace = 500 * kMillisecond;
// After an upgrade stored versions are compiled again one by one: soon after the first new worker, and with room for deploys between.
inline constexpr Nanos kRenewInterval = 5 * kSecond;
inline constexpr Nanos kRenewPause = 100 * kMillisecond;
inline constexpr size_t kAuthorBytesMax = 128;
inline constexpr size_t kMessageTextBytesMax = 512;
// A header's or cookie's name that keeps a client with one version.
inline constexpr size_t kStickyNameBytesMax = 64;
// Ways to the newest catalog that stay put together for the next worker that goes one: whole, and from the catalogs that most of a fleet
// have. Each holds its encoding, so that 200 workers that come back at once cost the memory of one.
inline constexpr size_t kUpdatesShared = 8;
// Removals remembered for deltas; a worker further behind gets the whole catalog.
inline constexpr size_t kRemovalsKept = 4096;

// --- deploys ------------------------------------------------------------------------------------------------------------------

// Each holds a bundle and its source map in memory: 272 MiB in all, if all are as large as they may be.
inline constexpr size_t kDeploysMax = 8;
inline constexpr size_t kUploadChunkBytesMax = size_t{1} << 20;
// From its first message to its last: a bundle of kBundleBytesMax at 1.4 Mbit/s. An upload that stalls would hold its slot for ever.
inline constexpr Nanos kUploadTimeout = 60 * kSecond;
// From the start of a worker's stream to its hello, which it says at once.
inline constexpr Nanos kHelloTimeout = 10 * kSecond;
// How long a deploy waits for its workers when it does not say.
inline constexpr Nanos kDeployWaitDefault = 30 * kSecond;
inline constexpr Nanos kDeployWaitMax = 600 * kSecond;
// Workers that are not warm after this no longer hold back those that are.
inline constexpr Nanos kPrepareTimeout = 5 * kSecond;
// And those that do not confirm a switch after this no longer hold back the next rollout.
inline constexpr Nanos kActivateTimeout = 5 * kSecond;
// A worker that has not answered for this long has its stream closed, so that it starts over.
inline constexpr Nanos kAnswerTimeout = 120 * kSecond;
// Rejections remembered for the deploys that wait for them.
inline constexpr size_t kRejectionsKept = 256;
// A worker that refused what others serve is asked again after this, doubled up to the maximum.
inline constexpr Nanos kRetryDelayMin = 1 * kSecond;
inline constexpr Nanos kRetryDelayMax = 60 * kSecond;

// --- compiler processes ---------------------------------------------------------------------------------------------------------

// Deploys are rare and compiling one saturates a core; two let a small deploy pass a large one.
inline constexpr size_t kCompilersMax = 2;
// Started ahead, so that a deploy does not wait for a host to start. About 60 MiB each.
inline constexpr size_t kCompilersWarm = 1;
// Code caches of bundles compiled before, for the same source under another name: a few hundred functions of 50 KB.
inline constexpr size_t kCompileCacheBytes = size_t{32} << 20;
inline constexpr size_t kCompileQueueMax = kDeploysMax;
// From the start of a process until it is ready for its job; a busy machine needs seconds.
inline constexpr Nanos kCompilerStartTimeout = 20 * kSecond;
// Wall time of a job beyond its startup CPU time: waiting for a core, and a module that sleeps.
inline constexpr Nanos kCompileWallSlack = 15 * kSecond;
// From this much evaluation on (CPU time in the compiler process, where every function is compiled first) a version gets a snapshot of its
// evaluated module: making an isolate from one takes one to three milliseconds, which a spare isolate with a code cache also does where the
// module itself does little.
inline constexpr Nanos kSnapshotFromEvaluation = 10 * kMillisecond;
// V8's heap and the text of the module. The heap is copied for each isolate: beyond this it saves nothing.
inline constexpr size_t kSnapshotBytesMax = size_t{24} << 20;
// Transforming the module and writing the heap down, on top of the evaluation.
inline constexpr Nanos kSnapshotCpuMax = 10 * kSecond;
// A code cache is about as large as its source; what a compiler answers beyond this is not looked at.
inline constexpr size_t kCompilerAnswerBytesMax = size_t{64} << 20;

// --- logs -----------------------------------------------------------------------------------------------------------------------

// Kept for `logs` without -f, whichever is reached first.
inline constexpr size_t kLogRecordsKept = 10'000;
inline constexpr size_t kLogBytesKept = size_t{8} << 20;
// A tail that does not read loses records beyond this, and is told how many.
inline constexpr size_t kTailRecordsMax = 2'000;
inline constexpr size_t kTailBytesMax = size_t{2} << 20;
inline constexpr size_t kTailsMax = 64;
// A tail that has nothing to say says so this often: a client that hears nothing for a few times as long opens another stream.
inline constexpr Nanos kTailHeartbeat = 5 * kSecond;
inline constexpr size_t kRequestIdBytesMax = 128;

// --- what V8 has made of functions --------------------------------------------------------------------------------------------

// Questions under way, each one to all workers. Their answers wait for the client that asked: with kWorkersMax of them at their largest
// that is 128 MiB.
inline constexpr size_t kJitAsksMax = 2;
inline constexpr size_t kJitAnswerBytesMax = size_t{256} << 10;
// A watch costs the functions a few percent of their time.
inline constexpr Nanos kJitWatchMax = 30 * kSecond;
// After the watch. Workers give their own threads two seconds.
inline constexpr Nanos kJitAnswerTimeout = 5 * kSecond;

// --- connections ----------------------------------------------------------------------------------------------------------------

inline constexpr size_t kWorkersMax = 256;
// One a worker stream, a tail, a deploy and a fetch of a blob; beyond it calls are refused, not queued.
inline constexpr int kRpcThreadsMax = 2 * static_cast<int>(kWorkersMax) + static_cast<int>(kTailsMax + kDeploysMax) + 64;
// What arrives and is not read yet, of all connections of a listening address together: chunks of kDeploysMax uploads and a batch of logs
// of each worker come to less than 80 MiB. Where it is used up, gRPC closes windows, and then streams: whoever has a token may bring that
// about, which is why workers may have an address of their own (--worker-listen).
inline constexpr size_t kRpcMemoryBytesMax = size_t{256} << 20;
// What a call may have sent before somebody reads it, and calls at once on one connection. Both bound what a stranger's connection holds
// before its calls are refused; an upload of kBundleBytesMax over 100 ms of round trip takes four seconds with it.
inline constexpr int kUnreadBytesMax = 256 * 1024;
inline constexpr int kCallsPerConnectionMax = 64;
inline constexpr size_t kBlobChunkBytes = 256 * 1024;
// A dead peer is noticed after interval + timeout.
inline constexpr Nanos kKeepaliveInterval = 10 * kSecond;
inline constexpr Nanos kKeepaliveTimeout = 5 * kSecond;

}  // namespace zts::controller
