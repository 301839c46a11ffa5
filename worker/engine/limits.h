// Every bound of the engine, with its reason. Units are in the names; what crosses a bound is refused, counted and told why.
//
// Thread:   constants.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace zts {

// --- receiving ---------------------------------------------------------------------------------------------------------------

// One receive buffer holds the head of nearly every request (browsers send 0.5-2 KiB) and 30 pipelined small ones.
inline constexpr size_t kRecvBufferBytes = 16 * 1024;
// A shard's worth: 4 MiB. A buffer is held only while its bytes are looked at, so this bounds a pass, not the connections.
inline constexpr size_t kRecvBufferCount = 256;
static_assert((kRecvBufferCount & (kRecvBufferCount - 1)) == 0, "a buffer ring has a power of two of entries");

// Completions taken from the kernel at once: a pass over 512 small requests is about a millisecond, which is how long the last waits.
inline constexpr size_t kCompletionsPerPass = 512;

// Answers that are written before they are sent one behind the other: parser, router and V8 stay in the caches meanwhile, then the
// kernel's TCP does. The first one waits for the last, a microsecond or two for each.
inline constexpr size_t kAnswersPerBatch = 32;
// From so many on, one system call that goes through the ring is cheaper than one for each.
inline constexpr size_t kRingSendsMin = 4;
// And no more bytes than this: large ones leave the caches before the kernel copies them.
inline constexpr size_t kAnswerBytesPerBatch = 128 * 1024;

// --- slow requests -------------------------------------------------------------------------------------------------------------

// A request faster than this is slow for nobody who waits for it.
inline constexpr Nanos kSlowRequest = 10 * kMillisecond;
// And so many times what is usual for its function.
inline constexpr Nanos kSlowFactor = 4;
// What is usual moves by the difference of each request over this: the last few dozens count.
inline constexpr Nanos kUsualShare = 32;

// --- HTTP ----------------------------------------------------------------------------------------------------------------------

// RFC 9110 4.1 asks for at least 8000 octets of URI.
inline constexpr size_t kTargetBytesMax = 8 * 1024;
// All of the head. Cookies of 4 KiB and a few tokens fit; must hold a target of the maximal length and some fields.
inline constexpr size_t kHeadBytesMax = 32 * 1024;
static_assert(kHeadBytesMax >= 2 * kTargetBytesMax);
inline constexpr size_t kHeaderCountMax = 100;
// A request's body passes through a window of kBodyWindowBytes, so its size costs the engine no memory: 256 MiB is what a peer of 2 MiB a
// second sends within kBodyTimeout. A function that wants all of it at once is bounded by its own memory limit.
inline constexpr size_t kBodyBytesMax = size_t{256} << 20;
// Bytes of a body that have arrived and wait for the function to read them; beyond it (and kUnreadBytesMax) the socket is not read. A few
// receive buffers: a function that reads at once never sees it full.
inline constexpr size_t kBodyWindowBytes = 64 * 1024;
static_assert(kBodyWindowBytes >= kRecvBufferBytes);
// What is still read of a body whose request was answered without it, so that the connection can go on. More costs more than a new
// connection.
inline constexpr size_t kBodyDiscardBytesMax = 64 * 1024;
// A response head is written by functions; beyond this no proxy would take it.
inline constexpr size_t kResponseHeadBytesMax = 64 * 1024;
// A response body that is one V8 value, copied once. Streamed ones have no bound but the wall limit.
inline constexpr size_t kResponseBodyBytesMax = size_t{64} << 20;

// --- connections -----------------------------------------------------------------------------------------------------------------

// A shard: 16 Ki connections of about 1 KiB of our memory when idle.
inline constexpr size_t kConnectionsMax = 16 * 1024;
// A shard that accepts a connection keeps it unless another one has fewer by more than this: one core alone serves a hundred thousand
// requests a second, and those that come and go would otherwise be passed around.
inline constexpr uint32_t kBalanceSlack = 1;
// And by more than this part: what the kernel's hash makes of many hundred connections is as even as it needs to be.
inline constexpr uint32_t kBalanceSlackParts = 8;
// A shard's load is looked at over so long: the kernel brings a thread's time up to date at its ticks, of which this has ten or more.
inline constexpr Nanos kLoadWindow = 100 * kMillisecond;
// One that has been busy for this part of so many windows on end is exhausted: below it answers still come as they are asked for, and a
// burst of a fraction of a second is over before a move helps.
inline constexpr int kExhaustedPercent = 90;
inline constexpr int kExhaustedWindows = 3;
// For who looks for a shard for a new connection, it has this many times its connections, and so many more: with one that keeps it busy it
// gets no second one while others have a few, and of a thousand new ones it still gets its part.
inline constexpr uint32_t kExhaustedFactor = 2;
inline constexpr uint32_t kExhaustedExtra = 8;
// An exhausted one gives connections to one that is busy for less than this: what is given must not exhaust that one.
inline constexpr int kRestedPercent = 50;
// So many a window, and never more than half of those that ask: each takes along a share of the load that nobody knows before.
inline constexpr size_t kMovesPerWindow = 2;
// Who has got one gives none for this time, so that none goes back and forth while both find out what it brought.
inline constexpr Nanos kMoveRest = 1 * kSecond;
// One that has less room than this gets none: a connection on its way must not find its place taken.
inline constexpr uint32_t kMoveRoom = 64;
// An out-buffer keeps this much between responses; larger ones shrink back.
inline constexpr size_t kOutBufferKeptBytes = 64 * 1024;
// Bytes of a streamed response that wait for their peer: beyond it the stream is not read on, below half of it it is again. Fits a kept
// out-buffer with its framing, so that a stream in steady state allocates nothing.
inline constexpr size_t kStreamBufferBytes = kOutBufferKeptBytes - 1024;
// A body of so many bytes goes to the kernel from where its function has it, by a call of its own. To copy a smaller one costs less than is
// saved by sending it together with others' (bench/README.md).
inline constexpr size_t kBorrowedBodyBytesMin = 48 * 1024;
// Pipelined responses are gathered up to this size before they are sent.
inline constexpr size_t kOutBufferFlushBytes = 128 * 1024;

// Bytes of further requests that a connection keeps while one is being answered; beyond it receiving pauses.
inline constexpr size_t kUnreadBytesMax = 64 * 1024;
// What the kernel holds unsent of a connection before it takes no more: enough for a full congestion window on any path we serve, and small
// enough that a slow peer's progress shows every few seconds.
inline constexpr int kUnsentBytesMax = 256 * 1024;
// A response the kernel does not take at once goes out in pieces of this size, each with a time limit of its own (kSendTimeout):
// the slowest peer served is one of 8 KiB a second.
inline constexpr size_t kSendPieceBytes = 256 * 1024;
// Buffers and requests under way that a shard keeps for reuse: as many connections as one pass serves, not one a connection.
inline constexpr size_t kKeptBuffers = 64;

// Slowloris: the head must be there this long after its first byte; browsers on bad mobile links need a few seconds.
inline constexpr Nanos kHeadTimeout = 10 * kSecond;
// A body must make progress: this long at most between two pieces, and kBodyTimeout in all.
inline constexpr Nanos kBodyIdleTimeout = 10 * kSecond;
inline constexpr Nanos kBodyTimeout = 120 * kSecond;
// An idle keep-alive connection: longer than the usual 60 s of load balancers, so that they close first.
inline constexpr Nanos kIdleTimeout = 75 * kSecond;
// A peer that does not read its response: no progress for this long ends the connection.
inline constexpr Nanos kSendTimeout = 30 * kSecond;
// How long a drain waits for requests in flight before connections are cut.
inline constexpr Nanos kDrainTimeout = 30 * kSecond;
// After a linger close the peer has this long to stop sending.
inline constexpr Nanos kLingerTimeout = 1 * kSecond;

// --- loop -------------------------------------------------------------------------------------------------------------------------

inline constexpr Nanos kTimerTick = 1 * kMillisecond;
// A shard's slice of its core when others want it too: the shortest that Linux gives. A pass is tens of microseconds.
inline constexpr Nanos kShardSlice = 100 * kMicrosecond;
static_assert(kHeadTimeout > 100 * kTimerTick);

// --- catalog ------------------------------------------------------------------------------------------------------------------------

inline constexpr size_t kFunctionCountMax = 16 * 1024;
inline constexpr size_t kRouteCountMax = 64 * 1024;

// --- runtime ------------------------------------------------------------------------------------------------------------------------

// Isolates of an engine, whatever memory they take: each has ten mappings and more, of which Linux gives a process 65,530
// (vm.max_map_count), and one that V8 does not get is fatal. Idle ones beyond it, and beyond the memory budget, go, least recently used
// first.
inline constexpr size_t kWarmIsolatesMax = 3072;
// What an isolate takes beside V8's heap and ArrayBuffers: code, handles, zones, its part of the page tables; 0.3 MiB
// with a thousand small functions, rounded up.
inline constexpr size_t kIsolateOverheadBytes = 512 * 1024;
// Of them, isolates of versions that served before and are kept to go back to: a switch back to one of the last few that were replaced
// finds it warm. One that has given way is made warm again before the switch, which then takes as long as a deploy's.
inline constexpr size_t kStandbyIsolatesMax = 32;
static_assert(kStandbyIsolatesMax < kWarmIsolatesMax);
// Empty isolates at hand for cold starts, per engine: a burst of new functions takes them faster than one thread makes more.
inline constexpr size_t kSpareIsolates = 4;
// As many at the most, after bursts that have used them up: 24 MiB, and what a burst has that one thread serves in a few milliseconds.
inline constexpr size_t kSpareIsolatesMax = 16;
inline constexpr size_t kSpareIsolateBytes = size_t{3} << 19;
// And no more than this part of the memory budget takes.
inline constexpr size_t kSpareShare = 16;
// So long without a request that found none, and half as many do.
inline constexpr Nanos kSpareRest = 60 * kSecond;
// So long after the last isolate that went, what it has left to V8 and malloc goes back to the system. While they come and go the next ones
// take it; and it is what V8 itself keeps it for.
inline constexpr Nanos kReleaseRest = 9 * kSecond;
// And at the latest so long after the first or the last time, however many come and go.
inline constexpr Nanos kReleaseLatest = 60 * kSecond;
// So often then, each time after as long: V8 gives back what has been in its pool since the time before.
inline constexpr int kReleases = 3;
// Code caches that the engine makes itself (runtime/learned_code.h), all together: some 600 modules of 50 KB.
inline constexpr size_t kLearnedCodeBytesMax = size_t{64} << 20;
// And no more than this part of the memory budget: what they save is less than a millisecond a cold start, an isolate saves all of it.
inline constexpr size_t kLearnedCodeShare = 16;
// Making one takes the thread that loads modules some 10 ns a byte of source, and a request may come for it meanwhile.
inline constexpr size_t kLearnedSourceBytesMax = size_t{1} << 20;
// Requests in flight in one isolate: bounds the promises a function can pile up.
inline constexpr size_t kInFlightPerIsolateMax = 4096;
// Requests waiting for a cold function on a shard; beyond it 503 with Retry-After.
inline constexpr size_t kColdQueueMax = 512;
// And no longer than this.
inline constexpr Nanos kColdQueueTimeout = 10 * kSecond;
// The watchdog looks this often: the overshoot of a CPU limit. Two reads of shared memory a shard cost nothing at 200 Hz.
inline constexpr Nanos kWatchdogPeriod = 5 * kMillisecond;
// A terminated turn that has not ended after this much CPU time is inside a V8 builtin that does not look: the engine process ends and
// restarts. A second is the longest that a builtin takes within the default memory limit; twice that for slower cores.
inline constexpr Nanos kTerminationGrace = 2 * kSecond;
// A machine so busy that the turn does not get its CPU time is waited for no longer than this: the shard's other requests wait too.
inline constexpr Nanos kTerminationWaitMax = 8 * kSecond;
static_assert(kTerminationWaitMax > kTerminationGrace);

// --- noisy neighbours ---------------------------------------------------------------------------------------------------------------

// A version whose turns of JavaScript take longer than this, on the average, is run by an offload thread: all others on its core wait for
// a turn to end, and their p99 is to stay below a millisecond.
inline constexpr Nanos kHeavyTurn = 1 * kMillisecond;
// One that stays below this on the offload thread has become calm. Half, so that one at the border does not go to and fro.
inline constexpr Nanos kCalmTurn = kHeavyTurn / 2;
// CPU time after which a version is looked at: a dozen samples of the watchdog, so that what they say of the length of its turns is more
// than chance, and a single collection of garbage or compilation is not enough.
inline constexpr Nanos kBusyCpu = 12 * kWatchdogPeriod;
// Within this time: 1.5% of a core. Less than that falls on fewer than one request in a hundred of the others.
inline constexpr Nanos kBusyWindow = 4 * kSecond;
static_assert(kBusyCpu * 100 >= kBusyWindow);
// A version has to make so many turns to be known as calm: had they been longer than kCalmTurn, that would have been told of. The last few
// turns of one that is not called any more say nothing.
inline constexpr uint64_t kCalmTurns = kBusyCpu / kCalmTurn;
// So long a version has to behave before it comes back: coming and going costs it an isolate each time. Twice as long after each move.
inline constexpr Nanos kCalmTime = 30 * kSecond;
// Requests of a version that wait for its offload thread on a shard; beyond it 503 with Retry-After. Each is a copy of its head and of what
// came with it: 512 of a full receive buffer are 8 MiB.
inline constexpr size_t kOffloadQueueMax = 512;
// And no longer than this: as for one that is cold.
inline constexpr Nanos kOffloadQueueTimeout = kColdQueueTimeout;
// Requests of a version of another class that its engine has not begun on a shard: as many as an isolate there takes at once.
inline constexpr size_t kClassQueueMax = kInFlightPerIsolateMax;
// Engine classes of a worker besides the default one. Each is a process with V8, its snapshot and spare isolates (60 MiB before the first
// function), with as many threads as the default one has, and gets a part of the memory budget: more of them leave too little for each.
inline constexpr uint32_t kEngineClassesMax = 8;
// How long a class's engine answers for versions that its catalog names no longer: who forwards changes its own at another moment.
inline constexpr Nanos kClassLeaveTime = 10 * kSecond;
// Catalogs that it remembers for so long: as many deploys may follow one another while a request is in the socket. Each keeps the isolates
// of what it alone names, within the memory budget.
inline constexpr size_t kLeftCatalogsMax = 8;
// Offload threads give way to shards where both want a core: 5 more of niceness is a third of a shard's weight. With much less a turn that
// is to end may not get the CPU time to do so within kTerminationWaitMax on a busy machine.
inline constexpr int kOffloadNiceness = 5;
// Offload threads of an engine: so many heavy functions do not wait for one another. As many as shards, so that one function alone gets
// as many cores as it would there; four at least: all of them burning leave a shard three sevenths of a core that they have to share with
// it, and each costs some 100 KiB while it runs.
inline constexpr uint32_t kOffloadThreadsMin = 4;
constexpr uint32_t OffloadThreadsOf(uint32_t shards) { return shards < kOffloadThreadsMin ? kOffloadThreadsMin : shards; }
// How often they are looked at: so long two functions share a thread while another is idle. A look reads a clock a thread; long enough
// that a tenth of it is more than a few periods of the watchdog.
inline constexpr Nanos kOffloadLook = 250 * kMillisecond;
static_assert(kOffloadLook / 10 > 4 * kWatchdogPeriod);
// A function that has moved between them stays so long: it costs an isolate.
inline constexpr Nanos kOffloadMoveRest = 5 * kSecond;
// One that nobody has a function on ends after this: starting it again takes a fraction of a millisecond.
inline constexpr Nanos kOffloadRest = 10 * kSecond;

// Outgoing requests of a shard under way: as many as the egress process takes from one (worker/egress/limits.h).
inline constexpr size_t kFetchesMax = 1024;

// --- what V8 has made of a function --------------------------------------------------------------------------------------------------

// A watch is V8's profiler at work, a few percent of the function's time: long enough to see what happens now and then, and over when
// nobody looks any more.
inline constexpr Nanos kJitWatchMax = 30 * kSecond;
// Of one isolate: the functions where most time goes. More than anybody reads; with what else is bounded here a version's answer stays
// below 128 KiB.
inline constexpr size_t kJitFunctionsMax = 300;
inline constexpr size_t kJitNameBytesMax = 120;
inline constexpr size_t kJitDeoptimizationsMax = 400;  // of all its functions together
inline constexpr size_t kJitReasonBytesMax = 100;

// --- logs ---------------------------------------------------------------------------------------------------------------------------

// One console record; longer ones are cut and say so.
inline constexpr size_t kLogRecordBytesMax = 16 * 1024;
// Records waiting in a shard for the supervisor; beyond it they are dropped and counted.
inline constexpr size_t kLogQueueBytesMax = 1024 * 1024;
// What one function may print on a shard at once: a quarter of the queue, so that no single one fills it. Beyond it, so much a second: more
// than anybody reads, and little beside what requests cost.
inline constexpr size_t kLogBurstBytes = kLogQueueBytesMax / 4;
inline constexpr size_t kLogBytesPerSecond = 256 * 1024;
// Versions of which a shard knows how much they have printed lately, each a hundred bytes.
inline constexpr size_t kLogAllowancesMax = 1024;

}  // namespace zts
