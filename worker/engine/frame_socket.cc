#include "worker/engine/frame_socket.h"

#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace zts {

void FrameSocket::Connect(UniqueFd socket) {
  ZTS_CHECK(!connected());
  broken_ = false;
  serial_ = (serial_ + 1) & ((1u << kSerialBits) - 1);
  handle_ = loop_->io().Adopt(std::move(socket));
  loop_->io().Open(handle_, Slot());
}

void FrameSocket::Disconnect() {
  if (!connected()) return;
  closing_[Slot().index] = std::exchange(sending_, {});
  loop_->io().Close(std::exchange(handle_, -1), Slot(), net::Io::CloseMode::kAbort);
  out_.clear();
  broken_ = false;
}

bool FrameSocket::OnSent(SlotId slot, int error) {
  if (!IsCurrent(slot)) return true;
  sending_.clear();
  return error >= 0;
}

bool FrameSocket::Send() {
  const int64_t taken = loop_->io().TrySend(handle_, AsBytes(out_));
  if (taken < 0) {
    broken_ = true;
    return false;
  }
  if (static_cast<size_t>(taken) == out_.size()) {
    out_.clear();
    return true;
  }
  sending_ = out_.substr(static_cast<size_t>(taken));
  out_.clear();
  loop_->io().Send(handle_, Slot(), AsBytes(sending_));
  return true;
}

}  // namespace zts
