#include "worker/engine/net/loop.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "worker/engine/limits.h"

namespace zts::net {

Loop::Loop(std::unique_ptr<Io> io, const Clock* clock)
    : io_(std::move(io)), clock_(clock), now_(clock->Now()), completions_(kCompletionsPerPass), wheel_(now_) {}

Loop::~Loop() = default;

void Loop::Run(LoopHandler* handler) {
  while (!stop_.load(std::memory_order_acquire)) RunOnce(handler, -1);
}

void Loop::RunOnce(LoopHandler* handler, Nanos timeout) {
  size_t count;
  if (timeout == 0 || std::exchange(come_back_, false)) {
    count = io_->Poll(completions_, 0);
  } else {
    waiting_.store(true, std::memory_order_seq_cst);
    count = io_->Poll(completions_, WaitTime(timeout));
    waiting_.store(false, std::memory_order_relaxed);
  }
  now_ = clock_->Now();
  Dispatch(handler, count);
  if (wheel_.NextWork() <= now_) wheel_.Run(now_);
  if (has_posted_.load(std::memory_order_acquire)) RunPosted();
  handler->OnPassEnd();
}

void Loop::Restart() { stop_.store(false, std::memory_order_seq_cst); }

void Loop::Stop() {
  stop_.store(true, std::memory_order_seq_cst);
  WakeIfWaiting();
}

void Loop::Post(std::function<void()> task) {
  {
    std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(task));
    // Somebody has already seen to the wake.
    if (has_posted_.exchange(true, std::memory_order_seq_cst)) return;
  }
  WakeIfWaiting();
}

void Loop::WakeIfWaiting() {
  if (waiting_.load(std::memory_order_seq_cst)) io_->Wake();
}

void Loop::Arm(Timer* timer, Nanos due) { wheel_.Arm(timer, due); }

void Loop::Disarm(Timer* timer) { wheel_.Disarm(timer); }

void Loop::Dispatch(LoopHandler* handler, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    Completion& completion = completions_[i];
    if (i + 1 < count) handler->Prefetch(completions_[i + 1].slot);
    switch (completion.event) {
      case Event::kAccept:
        if (completion.error == 0) {
          handler->OnAccept(completion.handle);
        } else {
          handler->OnAcceptError(completion.error);
        }
        break;
      case Event::kRecv:
        handler->OnRecv(completion.slot, std::move(completion.lease), completion.error);
        break;
      case Event::kSent:
        handler->OnSent(completion.slot, completion.error);
        break;
      case Event::kQuiet:
        handler->OnQuiet(completion.slot);
        break;
      case Event::kClosed:
        handler->OnClosed(completion.slot);
        break;
    }
  }
}

void Loop::RunPosted() {
  ZTS_DCHECK(running_.empty());
  {
    std::lock_guard lock(posted_mutex_);
    running_.swap(posted_);
    has_posted_.store(false, std::memory_order_relaxed);
  }
  // Tasks may post: theirs run in the next pass.
  for (std::function<void()>& task : running_) task();
  running_.clear();
}

Nanos Loop::WaitTime(Nanos timeout) const {
  if (has_posted_.load(std::memory_order_seq_cst) || stop_.load(std::memory_order_seq_cst)) return 0;
  const Nanos next = wheel_.NextWork();
  if (next == INT64_MAX) return timeout;
  // Not now_: the pass behind us has taken its time.
  const Nanos wait = std::max<Nanos>(next - clock_->Now(), 0);
  return timeout < 0 ? wait : std::min(wait, timeout);
}

}  // namespace zts::net
