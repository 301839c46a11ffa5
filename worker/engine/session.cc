#include "worker/engine/session.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "worker/engine/limits.h"
#include "worker/engine/version_choice.h"

namespace zts {
namespace {

using CloseMode = net::Io::CloseMode;

}  // namespace

Session::Session(SessionContext* context, net::Handle handle)
    : context_(context), handle_(handle), timer_([this] { OnTimer(); }) {}

Session::~Session() {
  // With the shard, when connections outlive it; else Close has seen to all but what the kernel held.
  if (exchange_ != nullptr) context_->exchanges.Give(exchange_);
  for (http::OutBuffer* buffer : {out_, inflight_}) {
    if (buffer == nullptr) continue;
    buffer->Clear();
    buffer->ShrinkTo(kOutBufferKeptBytes);
    context_->out_buffers.Give(buffer);
  }
}

void Session::Open(SlotId slot) {
  slot_ = slot;
  context_->loop->io().Open(handle_, slot);
  UpdateDeadline();
}

// ---- in ---------------------------------------------------------------------------------------------------------------------

void Session::OnRecv(net::Lease lease, int error) {
  if (state_ == State::kClosing) return;
  if (error < 0) return Close(CloseMode::kAbort);
  const std::string_view bytes = lease.text();
  if (bytes.empty()) return OnPeerFinished();
  if (state_ == State::kFinishing) return;  // behind the last request
  if (can_feed() && unread_bytes() == 0) {
    const size_t used = Feed(bytes);
    if (used < bytes.size() && state_ != State::kFinishing && state_ != State::kClosing) Stash(bytes.substr(used));
    MarkReady();  // one turn for all that one pass brings
  } else if (!can_read() || unread_bytes() > 0) {
    Stash(bytes);
    if (can_read()) ConsumeUnread();
  } else {
    const size_t used = Consume(bytes);
    if (used < bytes.size() && state_ != State::kFinishing && state_ != State::kClosing) Stash(bytes.substr(used));
  }
  if (state_ == State::kReading && out_ != nullptr && !sending()) {
    if (!parser_.mid_request()) parser_.Reset();  // the next session of the batch works in the same memory
    context_->written_bytes += out_->size();
    if (!std::exchange(in_batch_, true)) context_->written.push_back(slot_);
    return;
  }
  AfterInput();
}

// The peer sends no more, but may well read: what it has asked for is still answered (a client may close its sending side behind its
// last request). In the middle of a streamed response it is more likely gone, and only a cancelled stream ends what would wait for it.
void Session::OnPeerFinished() {
  peer_finished_ = true;
  if (streaming_) return Close(CloseMode::kAbort);
  if (state_ == State::kPending && !answered_ && !body_open_) context_->pool->PeerFinished(ticket_);
  AfterInput();
}

void Session::Stash(std::string_view bytes) {
  if (unread_used_ > unread_.size() / 2) {
    unread_.erase(0, unread_used_);
    unread_used_ = 0;
  }
  unread_.append(bytes);
  if (paused_ || unread_bytes() <= kUnreadBytesMax) return;
  paused_ = true;
  context_->loop->io().PauseRecv(handle_, slot_);
}

void Session::ConsumeUnread() {
  const size_t used = Consume(std::string_view(unread_).substr(unread_used_));
  if (state_ == State::kClosing) return;  // nothing is unread any more
  unread_used_ += used;
  if (unread_bytes() > 0) return;
  unread_ = std::string();
  unread_used_ = 0;
}

// Takes requests out of `input` and answers them, as far as answers come at once. Returns the number of bytes used; nothing points
// into them any more then.
size_t Session::Consume(std::string_view input) {
  const size_t used = TakeRequests(input);
  if (state_ == State::kPending) {
    Pin();
  } else if (body_open_) {
    parser_.PinHead();  // the rest of its body is still to come, in other buffers
  }
  return used;
}

size_t Session::TakeRequests(std::string_view input) {
  size_t used = 0;
  while (can_read()) {
    const http::Parser::Step step = parser_.Parse(input.substr(used));
    used += step.used;
    switch (step.state) {
      case http::ParseState::kNeedMore:
        if (exchange_ != nullptr) SubmitOpen();
        return used;
      case http::ParseState::kHead: OnHead(); break;
      case http::ParseState::kBody:
        if (exchange_ != nullptr) {
          OnBody(parser_.body());
        } else if (!Discard(parser_.body().size())) {
          return used;
        }
        break;
      case http::ParseState::kRefused:
        if (body_open_) {
          Close(CloseMode::kLinger);  // it has its answer
        } else {
          Refuse(parser_.refusal());
        }
        break;
      case http::ParseState::kComplete:
        if (body_open_) {
          body_open_ = false;
          break;
        }
        input_left_ = input.size() - used;
        OnRequest();
        input_left_.reset();
        if (out_ != nullptr && out_->size() >= kOutBufferFlushBytes) Flush();
        if (used == input.size()) return used;
        break;
    }
  }
  return used;
}

void Session::OnHead() {
  const http::RequestHead& head = parser_.head();
  context_->counters->requests_total.Add();
  head_since_ = 0;
  wants_continue_ = false;
  continue_due_ = false;
  exchange_ = context_->exchanges.Take();
  exchange_->started = context_->loop->now();
  exchange_->body.clear();
  exchange_->view.body = {};
  body_bytes_ = 0;
  if (!head.has_body) return;
  // What would be refused anyway is refused before its body is taken in.
  if (!head.chunked && head.content_length > kBodyBytesMax) return Refuse(http::Refusal::kBodyTooLarge);
  if (context_->catalog != nullptr && context_->catalog->Find(head.authority, head.target) == nullptr) {
    return Refuse(http::Refusal::kUnknownRoute);
  }
  body_deadline_ = context_->loop->now() + kBodyTimeout;
  wants_continue_ = head.expects_continue;
}

void Session::OnBody(std::string_view piece) {
  wants_continue_ = false;
  std::string& body = exchange_->body;
  body_bytes_ += piece.size();
  if (!parser_.head().chunked && piece.size() == parser_.head().content_length) {
    exchange_->view.body = piece;  // all of it lies in the input
    return;
  }
  body.append(piece);
  exchange_->view.body = body;
}

void Session::OnRequest() {
  const http::RequestHead& head = parser_.head();
  if (context_->catalog == nullptr) return Refuse(http::Refusal::kOverloaded, AfterThis());
  if (head.target == "*") return AnswerOptions();
  const route::Entry* entry = context_->catalog->Find(head.authority, head.target);
  if (entry == nullptr) return Refuse(http::Refusal::kUnknownRoute, AfterThis());
  if (head.asks_for_websocket) return Refuse(http::Refusal::kWebSocket, AfterThis());
  Submit(*entry);
}

// One system call a connection, none for one that asks for nothing.
const PeerAddress& Session::Peer() {
  if (!peer_) peer_ = context_->loop->io().PeerOf(handle_);
  return *peer_;
}

// Of a function's two versions, the one that answers this request.
const route::Entry& Session::ChosenOf(const route::Entry& entry) {
  const route::Entry& chosen =
      ChooseVersion(entry, parser_.head().headers(), Peer(), context_->Draw());
  exchange_->version_row = chosen.version_row;
  exchange_->version_number = chosen.number;
  return chosen;
}

// The input ends in the middle of a body: the function gets the head and what there is, the rest follows.
void Session::SubmitOpen() {
  exchange_->stream = std::make_shared<js::RequestBody>();
  exchange_->stream->Append(exchange_->view.body);
  exchange_->body.clear();
  exchange_->view.body = {};
  exchange_->view.stream = exchange_->stream.get();
  exchange_->stream->Listen(this);
  body_open_ = true;
  discarded_ = 0;
  body_since_ = context_->loop->now();
  context_->counters->request_streams.Begin();
  input_left_ = 0;
  OnRequest();
  input_left_.reset();
}

void Session::Submit(const route::Entry& routed) {
  exchange_->version_row = 0;
  exchange_->version_number = 0;
  exchange_->cold = false;
  exchange_->server_timing.clear();
  const route::Entry& entry = routed.split == nullptr ? routed : ChosenOf(routed);
  const http::RequestHead& head = parser_.head();
  js::RequestView& view = exchange_->view;
  view.method = head.method;
  view.authority = head.authority;
  view.target = head.target;
  view.headers = head.headers();
  view.peer = Peer();
  context_->NextRequestId(exchange_->request_id);
  view.request_id = {exchange_->request_id, sizeof(exchange_->request_id)};
  exchange_->version_id = entry.version_id;
  exchange_->counter_row = entry.counter_row < ipc::kCounterRows ? entry.counter_row : 0;
  answered_ = false;
  latency_noted_ = false;
  state_ = State::kPending;
  submitting_ = Submitting::kYes;
  const Nanos turn_before = context_->pool->turn_ended();
  ticket_ = context_->pool->Submit(slot_.Pack(), {entry.script, entry.version_id, entry.counter_row, entry.engine_class}, &view);
  submitting_ = Submitting::kNo;
  // One that the pool has refused had no turn: what it waited for is others'.
  const bool had_turn = context_->pool->turn_ended() != turn_before;
  if (answered_ && had_turn && exchange_ != nullptr) exchange_->times.turns += context_->pool->last_turn();
  if (exchange_is_over()) return FinishExchange();
  if (streaming_) NoteLatency();
}

// The request goes on beyond this pass: what JavaScript may still read of it moves out of the receive buffer.
void Session::Pin() {
  parser_.PinHead();
  const http::RequestHead& head = parser_.head();
  js::RequestView& view = exchange_->view;
  view.method = head.method;
  view.authority = head.authority;
  view.target = head.target;
  view.headers = head.headers();
  if (view.stream != nullptr) return;
  if (view.body.data() != exchange_->body.data()) exchange_->body.assign(view.body);
  view.body = exchange_->body;
}

// After whatever may have changed the state: sends, closes, waits or goes on receiving.
void Session::AfterInput() {
  if (state_ == State::kClosing) return;
  if (state_ == State::kPending && exchange_is_over()) return;  // Continue comes at the end of the pass
  if (std::exchange(continue_due_, false) && wants_continue_) {
    wants_continue_ = false;
    http::AppendContinue(out());
  }
  Flush();
  if (state_ == State::kClosing) return;
  if (!sending()) {
    if (state_ == State::kFinishing) return Close(CloseMode::kLinger);
    if (state_ == State::kReading && peer_finished_) return Close(CloseMode::kLinger);
    if (state_ == State::kReading && !parser_.mid_request()) parser_.Reset();
  }
  if (body_open_ && peer_finished_ && unread_bytes() == 0) return Close(CloseMode::kAbort);
  if (streaming_ && stream_blocked_ && waiting_bytes() <= kStreamBufferBytes / 2) MarkReady();
  if (paused_ && !leaving_ && unread_bytes() == 0) {
    paused_ = false;
    body_since_ = context_->loop->now();
    context_->loop->io().ResumeRecv(handle_, slot_);
  }
  UpdateDeadline();
}

// Continue is to come at the end of this pass; at the end of the next one if it has come already.
void Session::MarkReady() {
  if (state_ == State::kClosing || marked_for_ >= context_->pass) return;
  if (continued_in_ == context_->pass) {
    marked_for_ = context_->pass + 1;
    context_->later.push_back(slot_);
  } else {
    marked_for_ = context_->pass;
    context_->ready.push_back(slot_);
  }
}

void Session::Continue() {
  continued_in_ = context_->pass;
  marked_for_ = 0;
  if (state_ == State::kClosing) return;
  if (state_ == State::kPending) Progress();
  if (can_read() && unread_bytes() > 0) ConsumeUnread();
  AfterInput();
}

// Lets the function have what it waits for: bytes of the request, room for those of its response.
void Session::Progress() {
  if (streaming_) NoteLatency();
  if (can_feed() && unread_bytes() > 0) FeedUnread();
  if (state_ != State::kPending) return;
  if (body() != nullptr && body()->wakes_reader()) context_->pool->BodyArrived(ticket_);
  if (streaming_ && stream_blocked_ && waiting_bytes() <= kStreamBufferBytes / 2) {
    stream_blocked_ = false;
    context_->pool->ResumeResponse(ticket_);
  }
  if (exchange_is_over()) FinishExchange();
}

void Session::OnDrain() {
  if (state_ != State::kReading || sending() || parser_.mid_request() || unread_bytes() > 0) return;
  if (served_) return Close(CloseMode::kLinger);
  // A connection this young is about to send its request.
  SetDeadline(std::min(deadline_, context_->loop->now() + kLingerTimeout));
}

bool Session::can_leave() const {
  return state_ == State::kReading && !sending() && out_ == nullptr && exchange_ == nullptr && !body_open_ && !parser_.mid_request() &&
         unread_bytes() == 0 && !peer_finished_ && (leaving_ || !paused_);
}

void Session::BeginLeaving() {
  leaving_ = true;
  paused_ = true;
  context_->loop->io().Quiesce(handle_, slot_);
}

UniqueFd Session::Leave() {
  state_ = State::kClosing;
  context_->loop->Disarm(&timer_);
  return context_->loop->io().Release(handle_);
}

void Session::Stay() {
  leaving_ = false;
  AfterInput();
}

void Session::Abort() {
  if (state_ != State::kClosing) Close(CloseMode::kAbort);
}

// ---- sending ----------------------------------------------------------------------------------------------------------------

std::string_view Session::written() const {
  return state_ == State::kClosing || out_ == nullptr || sending() ? std::string_view() : out_->text();
}

void Session::OnBatchEnd(int64_t taken) {
  in_batch_ = false;
  if (!written().empty()) OnTaken(taken);
  AfterInput();
}

// Hands what is written to the kernel: at once what it takes, and the rest in pieces.
void Session::Flush() {
  if (out_ == nullptr || sending()) return;
  OnTaken(context_->loop->io().TrySend(handle_, AsBytes(out_->text())));
}

void Session::OnTaken(int64_t taken) {
  if (taken < 0) return Close(CloseMode::kAbort);
  http::OutBuffer* buffer = std::exchange(out_, nullptr);
  if (static_cast<size_t>(taken) == buffer->size()) {
    buffer->Clear();
    if (buffer->capacity() > kOutBufferKeptBytes) buffer->ShrinkTo(kOutBufferKeptBytes);
    context_->out_buffers.Give(buffer);
    return;
  }
  inflight_ = buffer;
  inflight_sent_ = static_cast<size_t>(taken);
  SendPiece();
}

void Session::SendPiece() {
  send_since_ = context_->loop->now();
  inflight_piece_ = std::min(kSendPieceBytes, inflight_->size() - inflight_sent_);
  context_->loop->io().Send(handle_, slot_, AsBytes(inflight_->text().substr(inflight_sent_, inflight_piece_)));
  UpdateDeadline();
}

void Session::OnSent(int error) {
  if (state_ == State::kClosing) return;
  if (error < 0) return Close(CloseMode::kAbort);
  inflight_sent_ += inflight_piece_;
  if (inflight_sent_ < inflight_->size()) return SendPiece();
  http::OutBuffer* buffer = std::exchange(inflight_, nullptr);
  buffer->Clear();
  buffer->ShrinkTo(kOutBufferKeptBytes);
  context_->out_buffers.Give(buffer);
  if (can_read() && unread_bytes() > 0) ConsumeUnread();
  AfterInput();
}

void Session::Close(CloseMode mode) {
  const bool pending = state_ == State::kPending;
  state_ = State::kClosing;
  if (js::RequestBody* unfinished = body_open_ ? body() : nullptr) {
    unfinished->Fail("The client has gone before the body of its request was complete");
  }
  if (std::exchange(streaming_, false)) context_->counters->response_streams.Finish(ipc::StreamCounters::End::kAborted);
  // While the exchange is there: what listens for the end of the request may look at it.
  if (pending) context_->pool->Cancel(ticket_);
  context_->loop->Disarm(&timer_);
  context_->loop->io().Close(handle_, slot_, mode);
  DropExchange();
  parser_.Reset();
  unread_ = std::string();
  unread_used_ = 0;
  // What the kernel still holds (inflight_) goes with the session, after its last event.
  if (out_ == nullptr) return;
  out_->Clear();
  out_->ShrinkTo(kOutBufferKeptBytes);
  context_->out_buffers.Give(std::exchange(out_, nullptr));
}

// ---- time -------------------------------------------------------------------------------------------------------------------

void Session::UpdateDeadline() {
  const Nanos now = context_->loop->now();
  if (sending()) return SetDeadline(send_since_ + kSendTimeout);
  if (state_ == State::kPending) {
    // The pool's wall limit bounds the function; a body that it would read is the peer's to send.
    const bool waits_for_peer = can_feed() || (body_is_read() && answered_);
    return SetDeadline(waits_for_peer ? std::min(body_deadline_, body_since_ + kBodyIdleTimeout) : 0);
  }
  if (!parser_.mid_request()) {
    head_since_ = 0;
    return SetDeadline(now + kIdleTimeout);
  }
  if (body_open_) return SetDeadline(std::min(body_deadline_, now + kBodyIdleTimeout));
  if (head_since_ == 0) head_since_ = now;
  SetDeadline(head_since_ + kHeadTimeout);
}

// Mostly the deadline moves away: the timer stays where it is and finds that out when it fires.
void Session::SetDeadline(Nanos due) {
  deadline_ = due;
  if (due != 0 && (!timer_.armed() || timer_.due() > due)) context_->loop->Arm(&timer_, due);
}

void Session::OnTimer() {
  if (state_ == State::kClosing || deadline_ == 0) return;
  if (context_->loop->now() < deadline_) return context_->loop->Arm(&timer_, deadline_);
  if (sending()) return Close(CloseMode::kAbort);
  if (state_ == State::kPending) {
    FailBody(http::Refusal::kTimeout);
    return AfterInput();
  }
  if (body_open_ || !parser_.mid_request()) return Close(CloseMode::kLinger);
  Refuse(http::Refusal::kTimeout);
  AfterInput();
}

}  // namespace zts
