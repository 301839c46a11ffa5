// One connection, the whole way: bytes -> request -> function -> response -> bytes.
//
// Requests of a connection are answered one after the other. While one is with its function, or a response is still on its way to a
// peer that reads slowly, what arrives is kept (a little) and then left with the kernel. Whatever one batch of input leads to
// goes out in one send.
//
//   kReading --request--> kPending --answer--> kReading ... --last response--> kFinishing --sent--> kClosing --OnClosed--> gone
//
// Between two requests another shard may take the connection over (Leave): the bytes that come meanwhile wait in the kernel.
//
// A request goes to its function when it is complete, or when the input ends in the middle of its body: then the rest streams. Bytes that
// the function does not read fill a window, then the stash, then the kernel. A streamed response is written while its buffer has room, and
// its function is asked for more when the peer has read. The next request is looked at when the response has come to its end and nobody
// reads the body any more; what is left of that is discarded when it is little, else the connection ends.
//
// "100 Continue" is sent when the function first waits for the body, and never behind a final answer (RFC 9110 10.1.1). A peer that closes
// its sending side in the middle of a body or of a streamed response is taken to be gone; else its answer is still written.
//
// An answer that comes within Submit never shows kPending outside this class; what comes later finds the session by its
// RequestId (its slot), writes into the buffer, and the shard calls Continue at the end of the pass.
//
// Owner:    Shard, in a SlotMap; one a connection.
// Thread:   the shard's.
// Life:     from OnAccept until OnClosed; the context outlives it. Idle, it holds no buffer.
// Limits:   kHeadTimeout, kBodyTimeout, kBodyIdleTimeout, kIdleTimeout, kSendTimeout, kBodyBytesMax, kBodyWindowBytes, kUnreadBytesMax,
//           kBodyDiscardBytesMax, kStreamBufferBytes, kResponseHeadBytesMax, kResponseBodyBytesMax.
// Errors:   every input ends in an answer or a closed connection; refusals are counted and told why.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/peer_address.h"
#include "base/slot_map.h"
#include "base/unique_fd.h"
#include "jsruntime/isolate.h"
#include "worker/engine/http/parser.h"
#include "worker/engine/http/writer.h"
#include "worker/engine/limits.h"
#include "worker/engine/net/loop.h"
#include "worker/engine/runtime/pool.h"
#include "worker/engine/session_context.h"

namespace zts {

class Session final : private js::RequestBody::Listener {
 public:
  Session(SessionContext* context, net::Handle handle);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // How a request that a function did not answer is answered. What exactly went wrong is its owner's to know, by the log.
  struct FailureAnswer {
    int status;
    std::string_view message;
    std::string_view retry_line;  // with its line end; may be empty
  };

  // Names the session and starts receiving. Once, before anything else.
  void Open(SlotId slot);

  // Of the loop.
  void OnRecv(net::Lease lease, int error);
  void OnSent(int error);
  // Of the pool, by way of the shard.
  void OnResponse(const js::ResponseView& response);
  void OnFailure(const js::Outcome& outcome);
  void OnCold() {
    if (exchange_ != nullptr) exchange_->cold = true;
  }
  void OnColdAnswer(const runtime::ColdTimes& times);
  js::IsolateClient::Taken OnChunk(std::string_view bytes);
  void OnResponseEnd(const js::Outcome& outcome);
  // Of the shard, which sends what OnRecv has left written, of several sessions at once: what it is, perhaps nothing, and what the kernel
  // has taken of it (as TrySend says).
  std::string_view written() const;
  void OnBatchEnd(int64_t taken);
  net::Handle handle() const { return handle_; }
  // Of the shard: goes on after what happened outside the session's own events.
  void Continue();
  // The next response is the last; an idle connection ends at once.
  void OnDrain();
  // Nothing is under way, neither here nor with the kernel: another shard can go on with the connection.
  bool can_leave() const;
  bool is_leaving() const { return leaving_; }
  // Receiving ends, and OnQuiet of the loop follows; what comes before it is still answered here. REQUIRES: can_leave().
  void BeginLeaving();
  // After that: the connection's socket; nothing is left to do for the session but to be erased. REQUIRES: can_leave().
  UniqueFd Leave();
  // Or it goes on here.
  void Stay();
  // Ends the connection now, whatever is under way.
  void Abort();

 private:
  enum class State : uint8_t { kReading, kPending, kFinishing, kClosing };
  enum class After : uint8_t { kKeepAlive, kClose };

  bool sending() const { return inflight_ != nullptr; }
  bool can_read() const { return state_ == State::kReading && !sending(); }
  size_t unread_bytes() const { return unread_.size() - unread_used_; }
  // Bytes behind the request that is being answered are here.
  bool more_received() const { return input_left_.value_or(unread_bytes()) > 0; }
  js::RequestBody* body() const { return exchange_ != nullptr ? exchange_->stream.get() : nullptr; }
  // Somebody reads the body that is still arriving.
  bool body_is_read() const { return body_open_ && body() != nullptr && !body()->dropped(); }
  bool can_feed() const { return state_ == State::kPending && body_is_read() && body()->size() < kBodyWindowBytes; }
  // Nothing of the exchange is left to do but to end it.
  bool exchange_is_over() const { return answered_ && !streaming_ && !body_is_read(); }

  // In.
  size_t Consume(std::string_view input);
  size_t TakeRequests(std::string_view input);
  void ConsumeUnread();
  void Stash(std::string_view bytes);
  void AfterInput();
  void OnPeerFinished();
  void OnHead();
  void OnBody(std::string_view piece);
  void OnRequest();
  void SubmitOpen();
  void Submit(const route::Entry& entry);
  const PeerAddress& Peer();

  // A body that streams.
  size_t Feed(std::string_view input);
  void FeedUnread();
  void EndBody(ipc::StreamCounters::End end);
  void FailBody(http::Refusal refusal);
  bool Discard(size_t bytes);
  bool MayDiscardRest() const;
  void OnBodyWanted() override;
  void OnBodyTaken() override { MarkReady(); }
  void OnBodyDropped() override { MarkReady(); }
  void MarkReady();
  void Progress();
  void Pin();

  // Out.
  http::OutBuffer& out();
  After AfterThis() const;
  void Refuse(http::Refusal refusal, After after = After::kClose);
  void AnswerOptions();
  void RefuseResponse(js::OutcomeKind why, size_t bytes, size_t bytes_max);
  void WriteFailure(js::OutcomeKind kind);
  const route::Entry& ChosenOf(const route::Entry& entry);
  void CountVersion(int status);
  void Answered(int status, js::OutcomeKind kind);
  bool AppendResponseHead(const js::ResponseView& response);
  void WriteBody(const js::ResponseView& response);
  bool SendBorrowed(const js::ResponseView& response);
  void BeginStream(const js::ResponseView& response);
  void EndStream(js::OutcomeKind kind);
  void LogBroken(std::string_view message);
  size_t waiting_bytes() const;
  void NoteLatency();
  void TellSlow(Nanos took);
  void FinishExchange();
  void DropExchange();
  void Flush();
  void OnTaken(int64_t taken);
  void SendPiece();
  void Close(net::Io::CloseMode mode);

  // Time.
  void OnTimer();
  void SetDeadline(Nanos due);
  void UpdateDeadline();

  SessionContext* const context_;
  const net::Handle handle_;
  State state_ = State::kReading;
  After after_ = After::kKeepAlive;       // what follows the response just written
  enum class Submitting : uint8_t { kNo, kYes } submitting_ = Submitting::kNo;
  bool answered_ = false;                 // the request under way has its response in the buffer
  bool paused_ = false;                   // receiving
  bool leaving_ = false;                  // likewise, until the shard says Leave or Stay
  bool peer_finished_ = false;
  bool wants_continue_ = false;           // the peer waits for "100 Continue"
  bool continue_due_ = false;             // and the function for the body
  bool body_open_ = false;                // the request's body is still arriving, behind its dispatch or its answer
  bool streaming_ = false;                // the response's head is written, and its end is still to come
  bool stream_blocked_ = false;           // it waits for room
  bool latency_noted_ = false;            // of the response under way
  bool cancel_due_ = false;               // what the function still gives is not wanted
  bool served_ = false;                   // a request has been answered on this connection
  bool in_batch_ = false;                 // stands among the context's written ones
  std::optional<PeerAddress> peer_;       // once it was asked for
  SlotId slot_;
  runtime::Ticket ticket_ = 0;
  uint64_t marked_for_ = 0;               // the pass at whose end Continue comes
  uint64_t continued_in_ = 0;             // the pass that has had its Continue

  http::BodyFraming framing_ = http::BodyFraming::kLength;  // of a streamed response
  uint64_t response_left_ = 0;            // of its declared length
  uint64_t body_bytes_ = 0;               // of the request, so far
  size_t discarded_ = 0;

  http::Parser parser_;
  Exchange* exchange_ = nullptr;          // from a complete head to its answer
  std::string unread_;                    // input that waits for its turn
  size_t unread_used_ = 0;
  std::optional<size_t> input_left_;      // of the input in hand, while a request of it is answered

  http::OutBuffer* out_ = nullptr;        // being filled
  http::OutBuffer* inflight_ = nullptr;   // with the kernel, until OnSent
  size_t inflight_sent_ = 0;
  size_t inflight_piece_ = 0;

  net::Timer timer_;                      // fires at deadline_ or before it, and is then armed again
  Nanos deadline_ = 0;                    // 0: none
  Nanos head_since_ = 0;                  // first byte of an unfinished head
  Nanos body_deadline_ = 0;
  Nanos body_since_ = 0;                  // the last piece of a body, or when it could be read again
  Nanos send_since_ = 0;                  // the last progress of a peer that reads
};

}  // namespace zts
