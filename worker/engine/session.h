// One connection, the whole way: bytes -> request -> function -> response -> bytes.
//
// Requests of a connection are answered one after the other. While one is with its function, or a response is still on its way to a
// peer that reads slowly, what arrives is kept (a little) and then left with the kernel. Whatever one batch of input leads to
// goes out in one send.
//
//   kReading --request complete--> kPending --answer--> kReading ... --last response--> kFinishing --sent--> kClosing --OnClosed--> gone
//
// An answer that comes within Submit never shows kPending outside this class; one that comes later finds the session by its
// RequestId (its slot), writes into the buffer, and the shard calls Continue at the end of the pass.
//
// Owner:    Shard, in a SlotMap; one a connection.
// Thread:   the shard's.
// Life:     from OnAccept until OnClosed; the context outlives it. Idle, it holds no buffer.
// Limits:   kHeadTimeout, kBodyTimeout, kBodyIdleTimeout, kIdleTimeout, kSendTimeout, kBodyBytesMax, kUnreadBytesMax,
//           kResponseHeadBytesMax, kResponseBodyBytesMax.
// Errors:   every input ends in an answer or a closed connection; refusals are counted and told why.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/slot_map.h"
#include "jsruntime/isolate.h"
#include "worker/engine/http/parser.h"
#include "worker/engine/http/writer.h"
#include "worker/engine/net/loop.h"
#include "worker/engine/session_context.h"

namespace zts {

class Session {
 public:
  Session(SessionContext* context, net::Handle handle);
  ~Session();
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
  // Of the shard: goes on after an answer that came later.
  void Continue();
  // The next response is the last; an idle connection ends at once.
  void OnDrain();
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
  void Submit(const route::Entry& entry);
  void Pin();

  // Out.
  http::OutBuffer& out();
  After AfterThis() const;
  void Refuse(http::Refusal refusal, After after = After::kClose);
  void AnswerOptions();
  void WriteFailure(const FailureAnswer& answer, std::string_view name, js::OutcomeKind kind);
  const route::Entry& ChosenOf(const route::Entry& entry);
  void CountVersion(int status);
  void Answered(int status, js::OutcomeKind kind);
  void FinishExchange();
  void DropExchange();
  void Flush();
  void SendPiece();
  void RecordLatencies();
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
  bool peer_finished_ = false;
  bool wants_continue_ = false;           // the peer waits for "100 Continue"
  bool served_ = false;                   // a request has been answered on this connection
  SlotId slot_;
  runtime::Ticket ticket_ = 0;

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
};

}  // namespace zts
