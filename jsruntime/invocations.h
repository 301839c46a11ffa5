// The requests in flight in one isolate, named by serial numbers that JavaScript holds.
//
// A serial is never given twice, so a Request that outlives its invocation finds nothing rather than a stranger's request. The table
// is a ring indexed by the serial's low bits: opening, finding and closing touch one entry and no allocator.
//
// Owner:    Realm, one an isolate.
// Thread:   the isolate's.
// Life:     an Invocation* is valid until the next Open or Close.
// Limits:   the engine's bound on requests in flight; the ring doubles when it is half full.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <unordered_map>
#include <vector>

#include "jsruntime/isolate.h"

namespace zts::js {

// A request's fields in memory of their own: for background work that goes on after the engine's buffers are gone. A body that streams is
// shared with the connection.
class OwnedRequest {
 public:
  explicit OwnedRequest(const RequestView& from);
  const RequestView& view() const { return view_; }

 private:
  std::string text_;
  std::vector<HeaderField> headers_;
  RequestView view_;
  std::shared_ptr<RequestBody> stream_;
};

// What JavaScript keeps of an invocation that streams or is watched for its peer's end: made by the isolate, told nothing from here.
class InvocationHooks {
 public:
  virtual ~InvocationHooks() = default;
};

struct Invocation {
  uint64_t serial = 0;  // 0: a free entry
  InvocationId id = 0;
  const RequestView* request = nullptr;
  std::unique_ptr<OwnedRequest> owned;  // once answered with background work left
  uint32_t background = 0;              // waitUntil promises and timers that are not done
  uint32_t fetches_begun = 0;           // outgoing requests, in all
  uint32_t fetches_open = 0;            // and those under way
  uint32_t promised = 0;                // those of `background` that are waitUntil promises
  std::unique_ptr<InvocationHooks> hooks;
  bool abandoned = false;               // nobody is to be told anything any more
  bool answered = false;
  bool streaming = false;               // answered, and the end of the response is still to come
  bool pending = false;                 // the handler's promise has not settled in its own turn
};

class InvocationTable {
 public:
  InvocationTable() : ring_(kInitialEntries) {}

  Invocation& Open(InvocationId id, const RequestView* request);
  // Null where the serial is over.
  Invocation* Find(uint64_t serial) {
    Invocation& entry = ring_[serial & (ring_.size() - 1)];
    return entry.serial == serial && serial != 0 ? &entry : nullptr;
  }
  // Looks at every entry: for what is rare.
  Invocation* FindById(InvocationId id);
  // The same for those with hooks, at once.
  Invocation* FindHooked(InvocationId id);
  void SetHooks(Invocation& entry, std::unique_ptr<InvocationHooks> hooks);
  // All of them: before V8 goes.
  void DropHooks();
  // Its request's body has no reader any more.
  void Close(Invocation& entry);
  // Called by Close with the serial of an invocation that leaves outgoing requests behind.
  void set_on_fetches_left(std::function<void(uint64_t serial)> run) { on_fetches_left_ = std::move(run); }
  size_t size() const { return size_; }
  // Oldest first.
  std::vector<uint64_t> Serials() const;

 private:
  static constexpr size_t kInitialEntries = 16;
  void Grow();

  std::vector<Invocation> ring_;
  std::function<void(uint64_t)> on_fetches_left_;
  std::unordered_map<InvocationId, uint64_t> hooked_;  // to the serial
  uint64_t next_serial_ = 1;
  size_t size_ = 0;
};

}  // namespace zts::js
