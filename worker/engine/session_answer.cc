// The part of a session that writes answers: the functions' own, streamed or whole, and ours when there is none.
#include "worker/engine/session.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "worker/engine/limits.h"
#include "worker/engine/server_timing.h"

namespace zts {
namespace {

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
    case js::OutcomeKind::kHeadTooLarge: return {500, "The headers of the function's response are too large.", ""};
    case js::OutcomeKind::kBodyTooLarge: return {500, "The function's response is larger than the platform sends.", ""};
  }
  return {500, "The function failed.", ""};
}

}  // namespace

http::OutBuffer& Session::out() {
  if (out_ == nullptr) out_ = context_->out_buffers.Take();
  return *out_;
}

Session::After Session::AfterThis() const {
  // In a drain the last request that has come says it: what a client has sent behind this one would be lost with the connection.
  const bool keep = parser_.head().keep_alive && (context_->mode == SessionContext::Mode::kServing || more_received()) &&
                    (!body_open_ || body_is_read() || MayDiscardRest());
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
  exchange_->times = context_->pool->times();
  const bool streams = response.form() == js::ResponseView::Form::kStream;
  const size_t bytes = response.body_bytes();
  if (bytes > kResponseBodyBytesMax) return RefuseResponse(js::OutcomeKind::kBodyTooLarge, bytes, kResponseBodyBytesMax);
  after_ = AfterThis();
  if (!AppendResponseHead(response)) {
    cancel_due_ = streams;
    size_t head_bytes = 0;
    for (const HeaderField& field : response.headers()) head_bytes += field.name.size() + field.value.size();
    return RefuseResponse(js::OutcomeKind::kHeadTooLarge, head_bytes, kResponseHeadBytesMax);
  }
  wants_continue_ = false;
  if (streams) return BeginStream(response);
  if (!parser_.head().is_head && bytes > 0 && http::StatusHasBody(response.status())) WriteBody(response);
  Answered(response.status(), js::OutcomeKind::kOk);
}

void Session::WriteBody(const js::ResponseView& response) {
  const size_t bytes = response.body_bytes();
  if (bytes >= kBorrowedBodyBytesMin && SendBorrowed(response)) return;
  response.CopyBody(out_->Reserve(bytes));
  out_->Commit(bytes);
}

// Behind what is written, straight from the function's memory; what the kernel does not take now is copied. False: nothing of the body has
// gone, and a connection that is broken shows at the next send.
bool Session::SendBorrowed(const js::ResponseView& response) {
  if (sending()) return false;
  const std::string_view body = response.BorrowBody();
  if (body.empty()) return false;
  const size_t head = out_->size();
  const int64_t taken = context_->loop->io().TrySendBoth(handle_, AsBytes(out_->text()), AsBytes(body));
  if (taken <= 0) return false;
  const auto sent = static_cast<size_t>(taken);
  out_->Drop(std::min(sent, head));
  out_->Append(body.substr(sent - std::min(sent, head)));
  if (out_->size() == 0) context_->out_buffers.Give(std::exchange(out_, nullptr));
  return true;
}

// False: it is too large.
bool Session::AppendResponseHead(const js::ResponseView& response) {
  const http::RequestHead& head = parser_.head();
  size_t length = response.body_bytes();
  framing_ = http::BodyFraming::kLength;
  if (response.form() != js::ResponseView::Form::kWhole) {
    // RFC 9112 6.3, 7: chunks, unless the function knows the length or the peer knows no chunks.
    if (response.declared_length().has_value()) {
      length = *response.declared_length();
    } else if (head.minor_version > 0) {
      framing_ = http::BodyFraming::kChunked;
    } else {
      framing_ = http::BodyFraming::kNone;
      after_ = After::kClose;
    }
  }
  response_left_ = length;
  return http::AppendHead(out(), {.status = response.status(),
                                  .fields = response.headers(),
                                  .framing = framing_,
                                  .content_length = length,
                                  .keep_alive = after_ == After::kKeepAlive,
                                  .minor_version = head.minor_version,
                                  .date_line = context_->DateLine(),
                                  .request_id = exchange_->view.request_id,
                                  .extra_lines = exchange_->server_timing,
                                  .version = exchange_->version_number});
}

void Session::BeginStream(const js::ResponseView& response) {
  streaming_ = true;
  stream_blocked_ = false;
  context_->counters->response_streams.Begin();
  context_->counters->functions[exchange_->counter_row].requests[std::clamp(response.status() / 100, 1, ipc::kCodeClasses) - 1].Add();
  MarkReady();
}

size_t Session::waiting_bytes() const {
  const size_t inflight = inflight_ != nullptr ? inflight_->size() - inflight_sent_ : 0;
  return inflight + (out_ != nullptr ? out_->size() : 0);
}

js::IsolateClient::Taken Session::OnChunk(std::string_view bytes) {
  using Room = js::IsolateClient::Room;
  MarkReady();
  if (!streaming_) return {0, Room::kNo};
  const size_t waiting = waiting_bytes();
  const size_t room = waiting < kStreamBufferBytes ? kStreamBufferBytes - waiting : 0;
  std::string_view taken = bytes.substr(0, room);
  if (framing_ == http::BodyFraming::kChunked) {
    if (!taken.empty()) http::AppendChunk(out(), taken);
  } else {
    if (framing_ == http::BodyFraming::kLength && taken.size() > response_left_) {
      LogBroken("The response's stream gives more than its content-length; the connection is closed.");
      out().Append(taken.substr(0, response_left_));
      cancel_due_ = true;
      EndStream(js::OutcomeKind::kThrew);
      return {0, Room::kNo};
    }
    if (framing_ == http::BodyFraming::kLength) response_left_ -= taken.size();
    if (!taken.empty()) out().Append(taken);
  }
  stream_blocked_ = taken.size() == room;
  return {taken.size(), stream_blocked_ ? Room::kNo : Room::kYes};
}

void Session::OnResponseEnd(const js::Outcome& outcome) {
  if (!streaming_) return;
  js::OutcomeKind kind = outcome.kind;
  if (kind == js::OutcomeKind::kOk && framing_ == http::BodyFraming::kLength && response_left_ > 0) {
    LogBroken("The response's stream ended before its content-length; the connection is closed.");
    kind = js::OutcomeKind::kThrew;
  }
  if (kind == js::OutcomeKind::kOk && framing_ == http::BodyFraming::kChunked) http::AppendLastChunk(out());
  EndStream(kind);
}

// Not kOk: the peer must see that something is missing, so the connection ends without what would end the body.
void Session::EndStream(js::OutcomeKind kind) {
  const bool whole = kind == js::OutcomeKind::kOk;
  streaming_ = false;
  answered_ = true;
  if (!whole || (context_->mode == SessionContext::Mode::kDraining && !more_received())) after_ = After::kClose;
  context_->counters->functions[exchange_->counter_row].outcomes[static_cast<int>(kind)].Add();
  context_->counters->response_streams.Finish(whole ? ipc::StreamCounters::End::kWhole : ipc::StreamCounters::End::kAborted);
  MarkReady();
}

void Session::LogBroken(std::string_view message) {
  context_->host->OnConsole(exchange_->version_id, exchange_->view.request_id, js::LogSeverity::kException, message);
}

// What the function has given is not sent: its owner reads in the log how large it was.
void Session::RefuseResponse(js::OutcomeKind why, size_t bytes, size_t bytes_max) {
  LogBroken(std::string(js::OutcomeName(why)) + ": " + std::to_string(bytes) + " bytes; at most " + std::to_string(bytes_max) +
            " are sent" + (why == js::OutcomeKind::kBodyTooLarge ? " of one value; a ReadableStream has no such limit" : ""));
  WriteFailure(why);
}

void Session::OnFailure(const js::Outcome& outcome) {
  exchange_->times = context_->pool->times();
  WriteFailure(outcome.kind);
}

void Session::OnColdAnswer(const runtime::ColdTimes& times) {
  if (exchange_ != nullptr) exchange_->server_timing = ServerTimingLine(times);
}

void Session::WriteFailure(js::OutcomeKind kind) {
  const FailureAnswer answer = AnswerTo(kind);
  const http::RequestHead& head = parser_.head();
  after_ = AfterThis();
  std::string lines(answer.retry_line);
  lines.append("x-zts-request-id: ").append(exchange_->view.request_id).append("\r\n");
  if (exchange_->version_number != 0) lines.append("x-zts-version: ").append(std::to_string(exchange_->version_number)).append("\r\n");
  http::AppendError(out(),
                    {.status = answer.status,
                     .error_name = js::OutcomeName(kind),
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
  wants_continue_ = false;
  if (submitting_ == Submitting::kNo) MarkReady();
}

// A streamed response counts as fast as its head.
void Session::NoteLatency() {
  if (std::exchange(latency_noted_, true)) return;
  context_->unflushed.push_back({exchange_->counter_row, exchange_->version_row, exchange_->started});
  const Nanos took = std::max(context_->pool->turn_ended(), context_->loop->now()) - exchange_->started;
  if (context_->slow.Note(exchange_->counter_row, took)) [[unlikely]] TellSlow(took);
}

void Session::TellSlow(Nanos took) {
  const Nanos delayed = context_->run_delay != nullptr ? context_->run_delay->Take() : 0;
  const SlowRequest slow = context_->slow.Explain(took, exchange_->times, delayed);
  context_->counters->functions[exchange_->counter_row].slow[static_cast<int>(slow.cause)].Add();
  context_->host->OnConsole(exchange_->version_id, exchange_->view.request_id, js::LogSeverity::kInfo, slow.Text());
}

void Session::CountVersion(int status) {
  ipc::VersionCounters& row = context_->counters->versions[exchange_->version_row % ipc::kVersionRows];
  row.requests.Add();
  if (status >= 500) row.errors.Add();
  if (exchange_->cold) row.cold_starts.Add();
}

void Session::FinishExchange() {
  NoteLatency();
  if (std::exchange(cancel_due_, false)) context_->pool->Cancel(ticket_);
  DropExchange();
  served_ = true;
  state_ = after_ == After::kKeepAlive ? State::kReading : State::kFinishing;
}

void Session::DropExchange() {
  if (exchange_ == nullptr) return;
  if (exchange_->stream != nullptr) {
    // What still arrives of it is read by nobody.
    if (body_open_) context_->counters->request_streams.Finish(ipc::StreamCounters::End::kAborted);
    exchange_->stream->Listen(nullptr);
    exchange_->stream.reset();
    exchange_->view.stream = nullptr;
  }
  // A body of megabytes is not kept for the next request.
  if (exchange_->body.capacity() > kOutBufferKeptBytes) exchange_->body = std::string();
  context_->exchanges.Give(std::exchange(exchange_, nullptr));
}

}  // namespace zts
