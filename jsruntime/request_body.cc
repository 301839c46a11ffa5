#include "jsruntime/request_body.h"

namespace zts::js {

void RequestBody::Append(std::string_view bytes) {
  if (dropped_ || state_ != State::kOpen) return;
  if (taken_ > 0 && taken_ >= buffer_.size() / 2) {
    buffer_.erase(0, taken_);
    taken_ = 0;
  }
  buffer_.append(bytes);
}

void RequestBody::Fail(std::string_view why) {
  if (state_ == State::kFailed) return;
  state_ = State::kFailed;
  failure_ = why;
  buffer_.clear();
  taken_ = 0;
}

void RequestBody::Take(size_t count) {
  taken_ += count;
  if (taken_ == buffer_.size()) {
    buffer_.clear();
    taken_ = 0;
  }
  if (listener_ != nullptr) listener_->OnBodyTaken();
}

void RequestBody::Wait() {
  if (waiting_) return;
  waiting_ = true;
  if (listener_ != nullptr) listener_->OnBodyWanted();
}

void RequestBody::Drop() {
  if (dropped_) return;
  dropped_ = true;
  waiting_ = false;
  buffer_ = std::string();
  taken_ = 0;
  if (listener_ != nullptr) listener_->OnBodyDropped();
}

}  // namespace zts::js
