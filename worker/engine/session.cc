#include "worker/engine/session.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "worker/engine/limits.h"
#include "worker/engine/version_choice.h"

namespace zts {
namespace {

using CloseMode = net::Io::CloseMode;

constexpr std::string_view kRetryLine = "retry-after: 1\r\n";

using FailureAnswer = Session::FailureAnswer;

FailureAnswer AnswerTo(js::OutcomeKind kind) {
  switch (kind) {
    case js::OutcomeKind::kOk: break;
    case js::OutcomeKind::kThrew: return {500, "The function threw an exception; `ztsctl logs` shows it under this request id.", ""};
    case js::OutcomeKind::kSyntax:
    case js::OutcomeKind::kNoHandler: return {500, "The function could not be loaded; `ztsctl logs` shows why.", ""};
    case js::OutcomeKind::kStartupLimit: return {500, "The function did not load within its start-up time limit.", ""};
    case js::OutcomeKind::kCpuLimit: return {503, "The function used up its CPU time limit on this request.", ""};
    case js::OutcomeKind::kMemoryLimit: return {503, "The function reached its memory limit.", ""};
    case js::OutcomeKind::kRecycled:
      return {503, "Another request took the function's isolate down; this one may be sent again.", kRetryLine};
    case js::OutcomeKind::kOverloaded:
      return {503, "The function has no capacity for this request at the moment; try again shortly.", kRetryLine};
    case js::OutcomeKind::kWallLimit: return {504, "The function did not answer within its time limit.", ""};
  }
  return {500, "The function failed.", ""};
}

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
  if (!can_read() || unread_bytes() > 0) {
    Stash(bytes);
    if (can_read()) ConsumeUnread();
  } else {
    const size_t used = Consume(bytes);
    if (used < bytes.size() && state_ != State::kFinishing && state_ != State::kClosing) Stash(bytes.substr(used));
  }
  AfterInput();
}

// The peer sends no more, but may well read: what it has asked for is still answered (a client may close its sending side behind its
// last request).
void Session::OnPeerFinished() {
  peer_finished_ = true;
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
  } else if (exchange_ != nullptr) {
    parser_.PinHead();  // its body is still to come, in other buffers
  }
  return used;
}

size_t Session::TakeRequests(std::string_view input) {
  size_t used = 0;
  while (can_read()) {
    const http::Parser::Step step = parser_.Parse(input.substr(used));
    used += step.used;
    switch (step.state) {
      case http::ParseState::kNeedMore: return used;
      case http::ParseState::kHead: OnHead(); break;
      case http::ParseState::kBody: OnBody(parser_.body()); break;
      case http::ParseState::kRefused: Refuse(parser_.refusal()); break;
      case http::ParseState::kComplete:
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
  exchange_ = context_->exchanges.Take();
  exchange_->started = context_->loop->now();
  exchange_->body.clear();
  exchange_->view.body = {};
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
  if (body.size() + piece.size() > kBodyBytesMax) return Refuse(http::Refusal::kBodyTooLarge);
  if (!parser_.head().chunked && piece.size() == parser_.head().content_length) {
    exchange_->view.body = piece;  // all of it lies in the input
    return;
  }
  body.append(piece);
  exchange_->view.body = body;
}

void Session::OnRequest() {
  const http::RequestHead& head = parser_.head();
  wants_continue_ = false;
  if (context_->catalog == nullptr) return Refuse(http::Refusal::kOverloaded, AfterThis());
  if (head.target == "*") return AnswerOptions();
  const route::Entry* entry = context_->catalog->Find(head.authority, head.target);
  if (entry == nullptr) return Refuse(http::Refusal::kUnknownRoute, AfterThis());
  Submit(*entry);
}

// Of a function's two versions, the one that answers this request.
const route::Entry& Session::ChosenOf(const route::Entry& entry) {
  const route::Entry& chosen =
      ChooseVersion(entry, parser_.head().headers(), [this] { return PeerOf(handle_); }, context_->Draw());
  exchange_->version_row = chosen.version_row;
  exchange_->version_number = chosen.number;
  return chosen;
}

void Session::Submit(const route::Entry& routed) {
  exchange_->version_row = 0;
  exchange_->version_number = 0;
  exchange_->cold = false;
  const route::Entry& entry = routed.split == nullptr ? routed : ChosenOf(routed);
  const http::RequestHead& head = parser_.head();
  js::RequestView& view = exchange_->view;
  view.method = head.method;
  view.authority = head.authority;
  view.target = head.target;
  view.headers = head.headers();
  context_->NextRequestId(exchange_->request_id);
  view.request_id = {exchange_->request_id, sizeof(exchange_->request_id)};
  exchange_->counter_row = entry.counter_row < ipc::kCounterRows ? entry.counter_row : 0;
  answered_ = false;
  state_ = State::kPending;
  submitting_ = Submitting::kYes;
  ticket_ = context_->pool->Submit(slot_.Pack(), {entry.script, entry.version_id, entry.counter_row}, &view);
  submitting_ = Submitting::kNo;
  if (answered_) FinishExchange();
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
  if (view.body.data() != exchange_->body.data()) exchange_->body.assign(view.body);
  view.body = exchange_->body;
}

// After whatever may have changed the state: sends, closes, waits or goes on receiving.
void Session::AfterInput() {
  if (state_ == State::kClosing) return;
  if (state_ == State::kPending && answered_) return;  // Continue comes at the end of the pass
  if (wants_continue_ && state_ == State::kReading) {
    wants_continue_ = false;
    http::AppendContinue(out());
  }
  Flush();
  if (state_ == State::kClosing) return;
  RecordLatencies();  // what waits behind a slow peer is out of our hands too
  if (!sending()) {
    if (state_ == State::kFinishing) return Close(CloseMode::kLinger);
    if (state_ == State::kReading && peer_finished_) return Close(CloseMode::kLinger);
    if (state_ == State::kReading && !parser_.mid_request()) parser_.Reset();
  }
  if (paused_ && unread_bytes() == 0) {
    paused_ = false;
    context_->loop->io().ResumeRecv(handle_, slot_);
  }
  UpdateDeadline();
}

void Session::Continue() {
  if (state_ != State::kPending || !answered_) return;
  FinishExchange();
  if (can_read() && unread_bytes() > 0) ConsumeUnread();
  AfterInput();
}

void Session::OnDrain() {
  if (state_ != State::kReading || sending() || parser_.mid_request() || unread_bytes() > 0) return;
  if (served_) return Close(CloseMode::kLinger);
  // A connection this young is about to send its request.
  SetDeadline(std::min(deadline_, context_->loop->now() + kLingerTimeout));
}

void Session::Abort() {
  if (state_ != State::kClosing) Close(CloseMode::kAbort);
}

// ---- out --------------------------------------------------------------------------------------------------------------------

http::OutBuffer& Session::out() {
  if (out_ == nullptr) out_ = context_->out_buffers.Take();
  return *out_;
}

Session::After Session::AfterThis() const {
  // In a drain the last request that has come says it: what a client has sent behind this one would be lost with the connection.
  const bool keep = parser_.head().keep_alive && (context_->mode == SessionContext::Mode::kServing || more_received());
  return keep ? After::kKeepAlive : After::kClose;
}

// An answer of our own to a request that reaches no function.
void Session::Refuse(http::Refusal refusal, After after) {
  if (exchange_ == nullptr) context_->counters->requests_total.Add();  // refused before its head was complete
  context_->counters->refusals[static_cast<int>(refusal)].Add();
  const http::RequestHead& head = parser_.head();
  const int status = http::RefusalStatus(refusal);
  http::AppendError(out(),
                    {.status = status,
                     .error_name = http::RefusalName(refusal),
                     .message = http::RefusalHint(refusal),
                     .extra_line = status == 503 ? kRetryLine : std::string_view(),
                     .keep_alive = after == After::kKeepAlive,
                     .with_body = !head.is_head,
                     .minor_version = head.minor_version},
                    context_->DateLine());
  DropExchange();
  wants_continue_ = false;
  served_ = true;
  state_ = after == After::kKeepAlive ? State::kReading : State::kFinishing;
}

// OPTIONS * asks about the server (RFC 9110 9.3.7), which has nothing to say.
void Session::AnswerOptions() {
  const After after = AfterThis();
  http::AppendHead(out(), {.status = 204,
                           .keep_alive = after == After::kKeepAlive,
                           .minor_version = parser_.head().minor_version,
                           .date_line = context_->DateLine()});
  DropExchange();
  served_ = true;
  state_ = after == After::kKeepAlive ? State::kReading : State::kFinishing;
}

void Session::OnResponse(const js::ResponseView& response) {
  const http::RequestHead& head = parser_.head();
  const size_t bytes = response.body_bytes();
  if (bytes > kResponseBodyBytesMax) {
    return WriteFailure({500, "The function's response is larger than the platform sends.", ""}, "response-too-large",
                        js::OutcomeKind::kThrew);
  }
  after_ = AfterThis();
  const int status = response.status();
  http::OutBuffer& buffer = out();
  const bool fits = http::AppendHead(buffer, {.status = status,
                                              .fields = response.headers(),
                                              .content_length = bytes,
                                              .keep_alive = after_ == After::kKeepAlive,
                                              .minor_version = head.minor_version,
                                              .date_line = context_->DateLine(),
                                              .request_id = exchange_->view.request_id,
                                              .version = exchange_->version_number});
  if (!fits) {
    return WriteFailure({500, "The headers of the function's response are too large.", ""}, "response-head-too-large",
                        js::OutcomeKind::kThrew);
  }
  if (!head.is_head && bytes > 0 && http::StatusHasBody(status)) {
    response.CopyBody(buffer.Reserve(bytes));
    buffer.Commit(bytes);
  }
  Answered(status, js::OutcomeKind::kOk);
}

void Session::OnFailure(const js::Outcome& outcome) {
  WriteFailure(AnswerTo(outcome.kind), js::OutcomeName(outcome.kind), outcome.kind);
}

void Session::WriteFailure(const FailureAnswer& answer, std::string_view name, js::OutcomeKind kind) {
  const http::RequestHead& head = parser_.head();
  after_ = AfterThis();
  std::string lines(answer.retry_line);
  lines.append("x-zts-request-id: ").append(exchange_->view.request_id).append("\r\n");
  if (exchange_->version_number != 0) lines.append("x-zts-version: ").append(std::to_string(exchange_->version_number)).append("\r\n");
  http::AppendError(out(),
                    {.status = answer.status,
                     .error_name = name,
                     .message = answer.message,
                     .extra_line = lines,
                     .keep_alive = after_ == After::kKeepAlive,
                     .with_body = !head.is_head,
                     .minor_version = head.minor_version},
                    context_->DateLine());
  Answered(answer.status, kind);
}

void Session::Answered(int status, js::OutcomeKind kind) {
  ipc::FunctionCounters& row = context_->counters->functions[exchange_->counter_row];
  row.requests[std::clamp(status / 100, 1, ipc::kCodeClasses) - 1].Add();
  row.outcomes[static_cast<int>(kind)].Add();
  if (exchange_->version_row != 0) CountVersion(status);
  answered_ = true;
  if (submitting_ == Submitting::kNo) context_->ready.push_back(slot_);
}

void Session::CountVersion(int status) {
  ipc::VersionCounters& row = context_->counters->versions[exchange_->version_row % ipc::kVersionRows];
  row.requests.Add();
  if (status >= 500) row.errors.Add();
  if (exchange_->cold) row.cold_starts.Add();
}

void Session::FinishExchange() {
  context_->unflushed.push_back({exchange_->counter_row, exchange_->version_row, exchange_->started});
  DropExchange();
  served_ = true;
  state_ = after_ == After::kKeepAlive ? State::kReading : State::kFinishing;
}

void Session::DropExchange() {
  if (exchange_ == nullptr) return;
  // A body of megabytes is not kept for the next request.
  if (exchange_->body.capacity() > kOutBufferKeptBytes) exchange_->body = std::string();
  context_->exchanges.Give(std::exchange(exchange_, nullptr));
}

// Hands what is written to the kernel: at once what it takes, and the rest in pieces.
void Session::Flush() {
  if (out_ == nullptr || sending()) return;
  const std::string_view text = out_->text();
  const int64_t taken = context_->loop->io().TrySend(handle_, AsBytes(text));
  RecordLatencies();
  if (taken < 0) return Close(CloseMode::kAbort);
  http::OutBuffer* buffer = std::exchange(out_, nullptr);
  if (static_cast<size_t>(taken) == text.size()) {
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

void Session::RecordLatencies() {
  if (context_->unflushed.empty()) return;
  const Nanos now = context_->loop->clock().Now();
  for (const SessionContext::Unflushed& answer : context_->unflushed) {
    context_->counters->functions[answer.counter_row].latency.Record(now - answer.started);
    context_->counters->latency.Record(now - answer.started);
    if (answer.version_row != 0) {
      context_->counters->versions[answer.version_row % ipc::kVersionRows].latency.Record(now - answer.started);
    }
  }
  context_->unflushed.clear();
}

void Session::Close(CloseMode mode) {
  if (state_ == State::kPending && !answered_) context_->pool->Cancel(ticket_);
  state_ = State::kClosing;
  context_->loop->Disarm(&timer_);
  context_->loop->io().Close(handle_, slot_, mode);
  DropExchange();
  parser_.Reset();
  unread_ = std::string();
  unread_used_ = 0;
  context_->unflushed.clear();
  // What the kernel still holds (inflight_) goes with the session, after its last event.
  if (out_ == nullptr) return;
  out_->Clear();
  out_->ShrinkTo(kOutBufferKeptBytes);
  context_->out_buffers.Give(std::exchange(out_, nullptr));
}

// ---- time -------------------------------------------------------------------------------------------------------------------

void Session::UpdateDeadline() {
  const Nanos now = context_->loop->now();
  if (sending()) return SetDeadline(now + kSendTimeout);
  if (state_ == State::kPending) return SetDeadline(0);  // the pool's wall limit bounds it
  if (!parser_.mid_request()) {
    head_since_ = 0;
    return SetDeadline(now + kIdleTimeout);
  }
  if (exchange_ != nullptr) return SetDeadline(std::min(body_deadline_, now + kBodyIdleTimeout));
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
  if (!parser_.mid_request()) return Close(CloseMode::kLinger);
  Refuse(http::Refusal::kTimeout);
  AfterInput();
}

}  // namespace zts
