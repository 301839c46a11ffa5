// The part of a session that takes a request's body while the function reads it.
#include "worker/engine/session.h"

#include <algorithm>
#include <utility>

#include "worker/engine/limits.h"

namespace zts {

// Takes what belongs to the body, as far as its window has room. Returns the number of bytes used.
size_t Session::Feed(std::string_view input) {
  size_t used = 0;
  body_since_ = context_->loop->now();
  // With all input used the parser is asked once more, whatever room there is: the body may be complete.
  while (can_feed() || (used == input.size() && state_ == State::kPending && body_is_read())) {
    const size_t room = kBodyWindowBytes - std::min(body()->size(), kBodyWindowBytes);
    const http::Parser::Step step = parser_.Parse(input.substr(used, room));
    used += step.used;
    switch (step.state) {
      case http::ParseState::kNeedMore:
        if (used == input.size()) return used;
        break;
      case http::ParseState::kBody:
        wants_continue_ = false;
        body_bytes_ += parser_.body().size();
        if (body_bytes_ > kBodyBytesMax) {
          FailBody(http::Refusal::kBodyTooLarge);
        } else {
          body()->Append(parser_.body());
        }
        break;
      case http::ParseState::kComplete:
        body()->Complete();
        EndBody(ipc::StreamCounters::End::kWhole);
        break;
      case http::ParseState::kRefused:
        FailBody(parser_.refusal());
        break;
      case http::ParseState::kHead:
        break;
    }
  }
  return used;
}

void Session::FeedUnread() {
  const size_t used = Feed(std::string_view(unread_).substr(unread_used_));
  if (state_ == State::kClosing) return;
  unread_used_ += used;
  if (unread_bytes() > 0) return;
  unread_ = std::string();
  unread_used_ = 0;
}

void Session::EndBody(ipc::StreamCounters::End end) {
  if (!body_open_) return;
  body_open_ = false;
  context_->counters->request_streams.Finish(end);
}

// The body does not come to its end. Where nothing is answered yet, this is the answer; the function is told that nobody waits for its own.
void Session::FailBody(http::Refusal refusal) {
  body()->Fail(http::RefusalHint(refusal));
  EndBody(ipc::StreamCounters::End::kAborted);
  if (streaming_) return Close(net::Io::CloseMode::kLinger);
  if (answered_) {
    after_ = After::kClose;
    return MarkReady();
  }
  context_->pool->Cancel(ticket_);
  Refuse(refusal);
}

// A body whose request has its answer: read for the sake of the next request, while that is little. False: the connection ends.
bool Session::Discard(size_t bytes) {
  discarded_ += bytes;
  if (discarded_ <= kBodyDiscardBytesMax) return true;
  Close(net::Io::CloseMode::kLinger);
  return false;
}

bool Session::MayDiscardRest() const {
  const http::RequestHead& head = parser_.head();
  if (wants_continue_) return false;  // whether the body comes is the peer's to decide
  return head.chunked || head.content_length - body_bytes_ <= kBodyDiscardBytesMax;
}

void Session::OnBodyWanted() {
  continue_due_ = wants_continue_;
  if (continue_due_) MarkReady();
}

}  // namespace zts
