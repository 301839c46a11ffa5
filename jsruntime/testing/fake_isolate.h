// Isolates without V8, for tests of the engine in plain executables: what a handler does is scripted by its source text.
//
// A source is lines. Lines about the load come first, then lines done at each request, then one line that says how it ends:
//
//   load-error syntax-error oops     Load fails: syntax-error, exception, no-handler, startup-limit, memory-limit
//   load-spin                        Load blocks until Terminate
//   log hello                        a console record (kLog)
//   header NAME VALUE                a response header (lower-case name)
//   respond 200 hello world          status and body; content-type is text/plain unless a header line says otherwise
//   echo                             200 with "METHOD scheme://authority/target\n" and the request's body
//   peer                             200 with the address and the port of who asks
//   takes 50                         so many milliseconds pass, as the test has it (FakeIsolateFactory::on_takes)
//   collect minor 300                the client is told of a collection of so many microseconds: minor, major
//   sink                             200 with "N bytes" once all of the request's body is read
//   declare N                        the content-length that a streamed response declares
//   stream 200 3 abc                 a streamed response of three pieces "abc"
//   stream-fail 200 3 abc            the same, failing behind them with "Error: broken"
//   stream-open 200                  a streamed response that the test continues: Chunk(id, ...), EndStream(id)
//   stream-stuck abc                 a streamed 200 of one piece, and then nothing
//   stream-spin abc                  the same, blocking until Terminate when there is room for more
//   stream-echo                      a streamed 200 of the request's body
//   pending                          answered later by the test: Complete(id, ...) or Fail(id, ...)
//   timer 20 200 hello               answered by RunTimers 20 ms after the dispatch
//   background 200 hello             answered at once; its background work ends by FinishBackground(id)
//   socket http://host/              a WebSocket: sends "hi" when it is open, closes it (3000, "bye") after the first message; answered
//                                    with how it ended and that message, or 502 and the result's name
//   fetch http://host/               answered when the outgoing request has ended: its status and body, or 502 and the result's name
//   throw oops                       kThrew with "Error: oops"
//   oom                              kMemoryLimit: the isolate is lost, others in flight get kRecycled
//   spin                             blocks until Terminate
//   on POST spin                     the rest of the line only for requests of this method, and then nothing after it
//
// Owner:    the test owns the factory; isolates belong to whom NewIsolate hands them.
// Thread:   as jsruntime/isolate.h says, and CHECKed; isolates(), Find(): any.
// Life:     the factory outlives its isolates.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "jsruntime/isolate.h"
#include "jsruntime/testing/make_script.h"

namespace zts::js {

class FakeIsolateFactory;

class FakeIsolate final : public Isolate {
 public:
  explicit FakeIsolate(FakeIsolateFactory* factory);
  ~FakeIsolate() override;

  LoadReport LoadFrom(ScriptPtr script, Bytes code_cache) override;
  void Attach(IsolateClient* client) override;
  void Enter() override;
  void Leave() override;
  void Dispatch(InvocationId id, const RequestView* request) override;
  void Abandon(InvocationId id) override;
  void BodyArrived(InvocationId id) override;
  void ResumeResponse(InvocationId id) override;
  void PeerFinished(InvocationId id) override;
  void RunTimers(Nanos now) override;
  void RunTasks() override;
  void OnFetch(FetchId id, const FetchEvent& event) override;
  void Terminate(OutcomeKind why) override;
  void ClearTermination() override;
  bool usable() const override { return usable_; }
  bool draining() const override { return draining_; }
  size_t in_flight() const override { return in_flight_.size(); }
  MemoryUse memory() const override;
  void CollectGarbage() override { ++collections_; }
  Nursery nursery() const override { return nursery_; }
  void CollectNursery() override {
    ++nursery_collections_;
    nursery_.used_bytes = 0;
    if (lost_in_collection_) LoseIsolate(0, OutcomeKind::kMemoryLimit);
  }
  void WatchJit() override { watched_ = true; }
  bool watches_jit() const override { return watched_; }
  // One function, which was sampled if it was watched.
  JitReport TakeJitReport() override;
  // As much longer than the script's own as there were requests.
  std::string MakeCodeCache() override;
  const ScriptPtr& script() const override { return script_; }

  // --- the test's side, on the isolate's thread ---
  // Between Enter and Leave.
  bool inside() const { return inside_; }
  // Answers a `pending` invocation. REQUIRES: in flight and not answered.
  void Complete(InvocationId id, int status, std::string_view body);
  void Fail(InvocationId id, OutcomeKind kind, std::string_view message);
  // Outgoing requests under way.
  size_t outgoing() const { return outgoing_.size(); }
  // Offers a piece of a `stream-open` response behind what is still to go, and ends it. REQUIRES: its end has not come.
  void Chunk(InvocationId id, std::string_view bytes);
  void EndStream(InvocationId id);
  // Reads what is there of a request's body that streams, at most `bytes`; nothing there: it waits for more.
  std::string ReadBody(InvocationId id, size_t bytes);
  // Ends the background work of an answered invocation.
  void FinishBackground(InvocationId id);
  // As V8 does when it has work: calls OnTasksPosted. Any thread.
  void PostTasks();

  int collections() const { return collections_; }
  // What nursery() answers until the next CollectNursery.
  void set_nursery(const Nursery& nursery) { nursery_ = nursery; }
  int nursery_collections() const { return nursery_collections_; }
  // In the next CollectNursery, as if its memory limit were reached there.
  void LoseInCollection() { lost_in_collection_ = true; }
  int tasks_run() const { return tasks_run_; }
  std::vector<InvocationId> in_flight_ids() const;
  bool has(InvocationId id) const { return in_flight_.count(id) > 0; }
  // What was abandoned before its end, and whose peer has finished sending.
  const std::vector<InvocationId>& abandoned() const { return abandoned_; }
  const std::vector<InvocationId>& peer_finished() const { return peer_finished_; }

 private:
  friend class FakeIsolateFactory;
  struct InFlight {
    bool answered = false;
    Nanos due = 0;  // of a timer; 0: none
    int status = 0;
    std::string body;

    std::shared_ptr<RequestBody> stream;  // the request's, when it streams
    enum class Reads : uint8_t { kNothing, kEcho, kSink, kStreamEcho } reads = Reads::kNothing;
    std::string read;                     // so far, of kEcho; else its front
    size_t read_bytes = 0;

    bool streaming = false;               // a response whose end is still to come
    bool open = false;                    // the test gives pieces and end
    bool spins = false;                   // when it is asked for more
    bool paused = false;
    std::string piece;
    int pieces_left = 0;
    std::string to_send;
    Outcome end;
  };
  void RunLine(InvocationId id, const RequestView& request, std::string_view line);
  void BeginStream(InvocationId id, int status);
  void ReadOn(InvocationId id);
  void SendOn(InvocationId id);
  void FinishStream(InvocationId id);
  // The invocation is over: nobody reads its request's body.
  void Erase(InvocationId id);
  void Respond(InvocationId id, int status, std::string_view body);
  void FailInvocation(InvocationId id, OutcomeKind kind, std::string message);
  void LoseIsolate(InvocationId culprit, OutcomeKind kind);
  OutcomeKind SpinUntilTerminated();
  void AnnounceTimers();
  void CheckThread() const;
  void StartFetch(InvocationId id, std::string_view url, FetchBody body_kind);

  FakeIsolateFactory* const factory_;
  ScriptPtr script_;
  IsolateClient* client_ = nullptr;
  std::thread::id thread_;
  std::vector<std::string> lines_;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::map<InvocationId, InFlight> in_flight_;
  struct Outgoing {
    InvocationId invocation = 0;
    int status = 0;
    std::string body;
  };
  std::map<FetchId, Outgoing> outgoing_;
  std::optional<uint64_t> declared_length_;
  std::vector<InvocationId> abandoned_;
  std::vector<InvocationId> peer_finished_;
  Nanos announced_due_ = 0;
  bool loaded_ = false;
  bool inside_ = false;
  bool usable_ = true;
  bool draining_ = false;
  int collections_ = 0;
  Nursery nursery_ = {0, size_t{1} << 20};
  int nursery_collections_ = 0;
  bool lost_in_collection_ = false;
  int tasks_run_ = 0;
  size_t dispatched_ = 0;

  std::mutex mutex_;
  std::condition_variable terminated_;
  bool watched_ = false;
  OutcomeKind terminate_why_ = OutcomeKind::kOk;  // guarded by mutex_; kOk: nobody has asked
};

class FakeIsolateFactory final : public IsolateFactory {
 public:
  explicit FakeIsolateFactory(const Clock* clock) : clock_(clock) {}
  ~FakeIsolateFactory() override;

  std::unique_ptr<Isolate> NewIsolate(const IsolateOptions& options = {}) override;
  void ReleaseFreeMemory() override { ++releases_; }

  // How often free memory was released.
  int releases() const { return releases_; }
  // Those alive, oldest first.
  std::vector<FakeIsolate*> isolates() const;
  // The newest one loaded with this function; null when there is none.
  FakeIsolate* Find(std::string_view function) const;
  int made() const { return made_; }
  // What the last one was made with.
  size_t nursery_bytes() const { return nursery_bytes_; }
  const Clock& clock() const { return *clock_; }
  // What lets the time of a turn pass. Before isolates are made.
  std::function<void(Nanos)> on_takes;

 private:
  friend class FakeIsolate;
  void Remove(FakeIsolate* isolate);

  const Clock* const clock_;
  mutable std::mutex mutex_;
  std::vector<FakeIsolate*> alive_;
  std::atomic<int> made_{0};
  std::atomic<int> releases_{0};
  std::atomic<size_t> nursery_bytes_{0};
};

}  // namespace zts::js
