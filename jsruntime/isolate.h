// One function version running on one thread: the interface between the engine and V8, free of V8's headers.
//
// An Isolate is made empty (a spare), loaded once with a Script on any thread, attached to its shard, and then answers many
// requests, several of them in flight at once. Whatever a tenant's code does ends as a response or an Outcome; never as an
// exception, never as the end of the process.
//
//   spare = host.NewIsolate()      warm-up thread
//   report = spare->Load(script)   warm-up thread
//   spare->Attach(&client)         shard's thread, from here on only that thread
//   spare->Dispatch(id, request)   -> client.OnResponse / client.OnFailure, inside this call or after a later turn
//
// Bodies stream both ways, with back-pressure and without a copy that nobody asked for:
//
//   in    RequestView::stream      the engine appends what arrives and wakes a waiting reader (BodyArrived); bytes the function
//                                  does not take fill the engine's window, and the socket is not read
//   out   ResponseView::kStream    OnResponse is followed by OnChunk, which takes what fits the out-buffer; the source is asked
//                                  for more once there is room (ResumeResponse). OnResponseEnd comes last, once
//
// A *turn* is one entry into JavaScript: Load, Dispatch, BodyArrived, ResumeResponse, PeerFinished, Abandon, RunTimers, RunTasks. Every
// turn ends with its microtasks done. The watchdog bounds a turn from another thread by Terminate().
//
// Owner:    the pool of one shard (before that: the warm-up).
// Thread:   one at a time; Attach moves it to the calling thread. Terminate: any thread, while it lives.
// Life:     outlived by its Host. The client outlives it or calls Detach.
// Limits:   Script::limits. Memory is enforced here; CPU and wall time by the engine's watchdog and timers.
// Errors:   see Outcome. After kMemoryLimit, and after Terminate, usable() is false: in-flight invocations have got
//           their OnFailure (the one whose turn it was its own kind, the others kRecycled) and the isolate is only good for
//           destruction. After Terminate(kCpuLimit) in a Dispatch, draining() is true instead: what is in flight goes on,
//           nothing new is to be dispatched.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/header_field.h"
#include "base/peer_address.h"
#include "jsruntime/fetch.h"
#include "jsruntime/jit_report.h"
#include "jsruntime/outcome.h"
#include "jsruntime/request_body.h"
#include "jsruntime/script.h"

namespace zts::js {

// Names one dispatched request within its isolate; chosen by the engine, never reused while in flight.
using InvocationId = uint64_t;

// What JavaScript reads of a request, lazily, straight from the engine's buffers.
//
// Life: the object stays at its address until OnResponse with a whole body, OnResponseEnd, OnFailure or Abandon of its invocation. Its
// views may be pointed elsewhere between turns (the engine copies the head out of the receive buffer when an invocation goes on).
struct RequestView {
  std::string_view method;               // "GET"; upper-case as received, a token
  std::string_view scheme = "http";      // "http" or "https"
  std::string_view authority;            // Host field, e.g. "hello.localhost:8080"; valid host[:port]
  std::string_view target;               // origin form: path and query as received, starts with '/'
  std::span<const HeaderField> headers;  // names as received (any case), values trimmed, valid field content
  std::string_view body;                 // the whole body, de-chunked; empty when it streams
  std::string_view request_id;           // for logs and the x-zts-request-id header
  PeerAddress peer;                      // who has sent it, as far as the connection tells; a proxy in between is the peer
  RequestBody* stream = nullptr;         // a body that has not arrived whole; read by reference, shared where it outlives this
};

// What the engine reads of a response. Valid inside OnResponse only.
class ResponseView {
 public:
  enum class Form : uint8_t {
    kWhole,    // body_bytes() and CopyBody
    kStream,   // follows by OnChunk
    kOmitted,  // would follow, but the request is HEAD or the status has no body: the source was cancelled
  };
  virtual ~ResponseView() = default;
  virtual Form form() const { return Form::kWhole; }
  // kStream and kOmitted: the content-length that the function has set.
  virtual std::optional<uint64_t> declared_length() const { return std::nullopt; }
  virtual int status() const = 0;  // 200..599
  // Lower-case names; checked (no CR, LF, NUL); without connection, content-length, transfer-encoding, keep-alive,
  // upgrade, date: those are the writer's.
  virtual std::span<const HeaderField> headers() const = 0;
  // The length on the wire (UTF-8 for strings).
  virtual size_t body_bytes() const = 0;
  // Writes exactly body_bytes() to `out`.
  virtual void CopyBody(char* out) const = 0;
  // The body where it lies, body_bytes() of it; empty where there is none, or where its bytes have to be made (text that is not ASCII).
  // Valid until OnResponse returns.
  virtual std::string_view BorrowBody() const { return {}; }
};

enum class LogSeverity : uint8_t { kDebug, kInfo, kLog, kWarn, kError, kException };
std::string_view LogSeverityName(LogSeverity severity);

// What kind of collection of garbage: of the young generation, or of the whole heap (its marking steps and finalizers included).
enum class GcKind : uint8_t { kMinor, kMajor };
// What it interrupted: a turn that somebody may wait for; V8's own tasks, which run between requests when answers have been sent
// (RunTasks); CollectGarbage in idle time.
enum class GcDuring : uint8_t { kTurn, kTask, kIdle };

// Called back on the thread of the turn, except where said.
class IsolateClient {
 public:
  virtual ~IsolateClient() = default;
  // Exactly one of these two for each dispatched id that is not abandoned.
  virtual void OnResponse(InvocationId id, const ResponseView& response) = 0;
  virtual void OnFailure(InvocationId id, const Outcome& outcome) = 0;
  // The next bytes of a streamed response, at least one. Some or all of them are taken; without room no more is offered, and the stream is
  // not read on, before ResumeResponse.
  enum class Room : uint8_t { kYes, kNo };
  struct Taken {
    size_t bytes;
    Room room;
  };
  virtual Taken OnChunk(InvocationId id, std::string_view bytes) = 0;
  // The end of a streamed response, once, unless it is abandoned. Not kOk: what was sent is not all of it.
  virtual void OnResponseEnd(InvocationId id, const Outcome& outcome) = 0;
  // ctx.waitUntil work of an answered invocation is done too. Called after OnResponse/OnFailure, once, for every id that
  // still had such work when it was answered whole (for a streamed one: perhaps, and never before its end).
  virtual void OnBackgroundDone(InvocationId id) {}
  // console.* and uncaught exceptions. `id` is 0 outside an invocation. `message` is valid during the call.
  virtual void OnConsole(InvocationId id, LogSeverity severity, std::string_view message) = 0;
  // The next moment RunTimers has something to do, on the monotonic clock; 0: none. Called when it changes.
  virtual void OnTimerDue(Nanos when) = 0;
  // Any thread: V8 has posted work for this isolate; call RunTasks() soon on the isolate's thread.
  virtual void OnTasksPosted() = 0;
  // The thread stood still this long for a collection. Called in the middle of it: no call into the isolate from here.
  virtual void OnGarbageCollected(GcKind kind, GcDuring during, Nanos pause) {}
  // The invocation has its first outgoing request under way, or none any more.
  enum class Upstream : uint8_t { kWaits, kDone };
  virtual void OnUpstream(InvocationId id, Upstream state) {}
  // Where outgoing requests go; null: nowhere, and fetch() says so. Asked for each one.
  virtual FetchDoor* fetch_door() { return nullptr; }
};

// How a load went, for the cold-start metrics.
struct LoadReport {
  Outcome outcome;
  Nanos context = 0;  // the part of making the isolate that its context took, whenever that was
  Nanos artifact = 0;  // making source and code cache, or the snapshot, ready for V8
  Nanos compile = 0;
  Nanos evaluate = 0;  // of the module, and of the runtime's own that it imports
  Nanos imports = 0;   // the latter's part of it
  enum class Cache : uint8_t { kNone, kAccepted, kRejected } cache = Cache::kNone;
  bool restored = false;  // from the function's snapshot: nothing was compiled, and only afterRestore() was run
};

struct MemoryUse {
  size_t heap_used_bytes = 0;
  size_t heap_committed_bytes = 0;
  size_t external_bytes = 0;  // ArrayBuffers, Wasm memories and modules, native objects
};

// V8's young generation, where objects begin: what is in it, and what it takes before it is collected. Of the two spaces that it has, for
// large objects and for all others, the fuller one.
struct Nursery {
  size_t used_bytes = 0;
  size_t capacity_bytes = 0;
};

class Isolate {
 public:
  virtual ~Isolate() = default;

  // Compiles, links and evaluates the module. Once. On failure the isolate is only good for destruction.
  // Top-level await is run to its end; a module still pending when nothing can settle it fails with kThrew.
  // Terminate(kStartupLimit) from the watchdog ends it.
  LoadReport Load(ScriptPtr script) {
    const Bytes code_cache = script->code_cache;
    return LoadFrom(std::move(script), code_cache);
  }
  // With this code cache in the place of the script's own: one of the same source, read within the call. Empty: from the source.
  virtual LoadReport LoadFrom(ScriptPtr script, Bytes code_cache) = 0;

  // Makes the calling thread the isolate's own and `client` the one to call back. REQUIRES: loaded.
  virtual void Attach(IsolateClient* client) = 0;

  // The calling thread stays inside the isolate from Enter until Leave, whatever turns it makes meanwhile, of this isolate or others:
  // V8 takes a lock and an allocation to get in. REQUIRES: no turn is running, and no other isolate has been entered later and not left;
  // Leave comes before anybody destroys the isolate. Turns do not need it.
  virtual void Enter() = 0;
  virtual void Leave() = 0;

  // Hands a request to the function. `request` lives as RequestView says. REQUIRES: usable() && !draining(). The others do
  // nothing for an id that is over or an isolate that is lost.
  virtual void Dispatch(InvocationId id, const RequestView* request) = 0;
  // Nobody waits for this answer, or the rest of it, any more (peer gone, wall limit passed): no call back for `id` after this, but for
  // its console. A turn: request.signal is aborted, a request body that is being read fails, a response's stream is cancelled.
  // Background work of ctx.waitUntil goes on where the answer had begun.
  virtual void Abandon(InvocationId id) = 0;
  // RequestBody::wakes_reader() of its request has become true.
  virtual void BodyArrived(InvocationId id) = 0;
  // There is room for more of a streamed response whose last OnChunk did not take all.
  virtual void ResumeResponse(InvocationId id) = 0;
  // The peer has finished sending: it may be gone, or read on. request.signal is aborted; the answer is still wanted.
  virtual void PeerFinished(InvocationId id) = 0;

  // What there is to tell of an outgoing request (jsruntime/fetch.h). A turn, if somebody waits for it.
  virtual void OnFetch(FetchId id, const FetchEvent& event) = 0;

  // Runs timers due at `now`.
  virtual void RunTimers(Nanos now) = 0;
  // Runs what V8 posted. Also before Attach.
  virtual void RunTasks() = 0;

  // Ends the running turn from another thread. `why` becomes the outcome of the invocation whose turn it is. A call that
  // arrives between turns must be taken back by ClearTermination() on the isolate's thread, see the watchdog.
  virtual void Terminate(OutcomeKind why) = 0;
  virtual void ClearTermination() = 0;

  virtual bool usable() const = 0;
  virtual bool draining() const = 0;
  // Invocations in flight, background work included.
  virtual size_t in_flight() const = 0;
  // Reads V8's heap statistics: microseconds; not on the request path.
  virtual MemoryUse memory() const = 0;
  // Collects garbage; REQUIRES: no turn is running. For idle time, or before an isolate is parked.
  virtual void CollectGarbage() = 0;
  // A microsecond; not on the path of all requests.
  virtual Nursery nursery() const = 0;
  // Collects the nursery alone, as a task of V8's would: tenths of a millisecond, before a request runs into it. A turn.
  virtual void CollectNursery() = 0;
  // From here to TakeJitReport V8's profiler looks at what runs, for samples and deoptimisations: a few percent of its time.
  virtual void WatchJit() = 0;
  virtual bool watches_jit() const = 0;
  // What V8 has made of the script's functions: milliseconds. REQUIRES: no turn is running.
  virtual JitReport TakeJitReport() = 0;
  // A code cache of the script with all functions that have run and that V8 still has code of; milliseconds for a large module. Empty where
  // there can be none: the isolate began from a snapshot. On any thread; nobody is called back any more, and the isolate is only good for
  // destruction afterwards. REQUIRES: loaded, usable, nothing in flight.
  virtual std::string MakeCodeCache() = 0;
  virtual const ScriptPtr& script() const = 0;
};

// For an isolate that waits to be loaded: a bundle of 50 KB takes less of the old space. V8 takes pages of 256 KiB from the kernel, and the
// rest of the page at hand is filled up with garbage for it: so many bytes at most.
inline constexpr size_t kSpareRoomBytes = size_t{64} << 10;

// What must be known before an isolate is made; an isolate made with other options than its script's limits name runs by its own.
struct IsolateOptions {
  // Kept at this, or the next MiB; what survives may let it grow to the next power of two. 0: V8 lets it grow up to kNurseryBytesDefault,
  // and shrinks it when it is quiet.
  size_t nursery_bytes = 0;
  size_t room_bytes = 0;  // at most kSpareRoomBytes: of the heap beside the nursery, taken from the kernel before a load asks for it
};

// Makes isolates. One a process; thread-safe.
class IsolateFactory {
 public:
  virtual ~IsolateFactory() = default;
  // An empty isolate with the web API in place, from the startup snapshot.
  virtual std::unique_ptr<Isolate> NewIsolate(const IsolateOptions& options = {}) = 0;
  // One from the script's function snapshot, to be loaded with this script; null where it has none that this process can use.
  virtual std::unique_ptr<Isolate> RestoreIsolate(const ScriptPtr& script) { return nullptr; }
  // Gives back to the system what isolates that are gone have left to malloc, and tells those whose V8 has housekeeping to do, which gives
  // back the pages of their heaps (RunTasks; for isolates that are not attached their owner calls it). Some milliseconds: for a thread
  // that serves nobody, when none has gone for a while.
  virtual void ReleaseFreeMemory() {}
  // `words` is called before the process ends for what V8 cannot go on from, on the thread that this has happened to. It must not call V8.
  // Once, before the first isolate is made.
  virtual void SetLastWords(std::function<void(std::string_view reason)> words) {}
};

}  // namespace zts::js
