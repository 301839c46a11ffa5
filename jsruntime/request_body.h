// The bytes of one request's body on their way from the connection to the function that reads them, bounded by whoever writes.
//
// Only for a body that has not arrived whole with its head. The connection appends what arrives while there is room; the function takes
// what is there when it wants to. A writer that stops at its window and goes on after OnBodyTaken holds a bounded number of bytes,
// whatever the function does.
//
// Owner:    shared: the connection (writes) and the invocation (reads). Either may be gone first.
// Thread:   the shard's.
// Life:     bytes() is valid until the next call. The listener outlives it or is taken back with Listen(nullptr).
// Limits:   the writer's (kBodyWindowBytes).
// Errors:   a body that does not come to its end (peer gone, malformed, too slow, too large) ends in kFailed, with a sentence why.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace zts::js {

class RequestBody final : public std::enable_shared_from_this<RequestBody> {
 public:
  // The writer's ear. Called inside the reader's turn: not the time to enter an isolate.
  class Listener {
   public:
    virtual ~Listener() = default;
    // The reader wants bytes and there are none. Told once for each time it comes to wait.
    virtual void OnBodyWanted() = 0;
    // Bytes were taken: there is room.
    virtual void OnBodyTaken() = 0;
    // Nobody reads any more: what comes is dropped.
    virtual void OnBodyDropped() = 0;
  };
  enum class State : uint8_t { kOpen, kComplete, kFailed };

  // --- the writer ---
  void Listen(Listener* listener) { listener_ = listener; }
  // REQUIRES: open. Bytes that nobody will read are dropped.
  void Append(std::string_view bytes);
  void Complete() { state_ = state_ == State::kOpen ? State::kComplete : state_; }
  // `why` is a sentence for the function. What has arrived is dropped: half a body is no body.
  void Fail(std::string_view why);
  // The reader waits and there is news: bytes, the end or the failure. It is to be woken (Isolate::BodyArrived).
  bool wakes_reader() const { return waiting_ && (state_ != State::kOpen || size() > 0); }
  bool dropped() const { return dropped_; }
  bool waiting() const { return waiting_; }

  // --- the reader ---
  std::string_view bytes() const { return std::string_view(buffer_).substr(taken_); }
  size_t size() const { return buffer_.size() - taken_; }
  State state() const { return state_; }
  const std::string& failure() const { return failure_; }
  void Take(size_t count);
  // There are no bytes: wakes_reader() is true with the next news.
  void Wait();
  void StopWaiting() { waiting_ = false; }
  void Drop();

 private:
  Listener* listener_ = nullptr;
  std::string buffer_;
  size_t taken_ = 0;
  std::string failure_;
  State state_ = State::kOpen;
  bool waiting_ = false;
  bool dropped_ = false;
};

}  // namespace zts::js
