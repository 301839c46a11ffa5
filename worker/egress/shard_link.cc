#include "worker/egress/shard_link.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/log.h"
#include "worker/egress/exchange.h"
#include "worker/egress/limits.h"
#include "worker/egress/web_socket.h"

namespace zts::egress {
namespace {

using ipc::FrameType;

constexpr size_t kReceiveBytes = 256 * 1024;
// Receives a turn: one busy shard does not hold the others.
constexpr int kReceivesPerTurn = 4;

}  // namespace

ShardLink::ShardLink(UniqueFd socket, const StreamSettings* settings, FindFunction find)
    : socket_(std::move(socket)), settings_(settings), find_(std::move(find)) {
  const int flags = ::fcntl(socket_.get(), F_GETFL);
  alive_ = flags >= 0 && ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK) == 0;
}

void ShardLink::OnReadable() {
  static char space[kReceiveBytes];
  for (int turn = 0; alive_ && turn < kReceivesPerTurn; ++turn) {
    const ssize_t got = ::recv(socket_.get(), space, sizeof space, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      alive_ = false;
      return;
    }
    const Status fed = reader_.Feed({space, static_cast<size_t>(got)},
                                    [this](const ipc::FrameReader::Frame& frame) { return OnFrame(frame); });
    if (!fed.ok()) {
      ZTS_LOG(kError) << "a shard sent nonsense and is cut off: " << fed.error().message;
      alive_ = false;
    }
  }
}

Status ShardLink::OnFrame(const ipc::FrameReader::Frame& frame) {
  const uint64_t stream = frame.header.stream;
  if (frame.header.type == FrameType::kRequest) return OnRequest(frame);
  const auto found = streams_.find(stream);
  // It ended while the frame was on its way.
  if (found == streams_.end()) return {};
  if (frame.header.type != FrameType::kCancel) return found->second->OnFrame(frame);
  found->second->OnCancel();
  streams_.erase(found);
  return {};
}

Status ShardLink::OnRequest(const ipc::FrameReader::Frame& frame) {
  const uint64_t stream = frame.header.stream;
  if (stream <= last_stream_) return Error{ErrorCode::kCorrupt, "a stream is named twice"};
  last_stream_ = stream;
  ZTS_ASSIGN_OR_RETURN(const ipc::RequestFrame request, ipc::DecodeRequest(frame.payload));
  if (streams_.size() >= kStreamsPerShardMax) {
    ipc::AppendError(stream, {ipc::FetchResult::kLimit, "too many outgoing requests at once on this machine"}, &out_);
    return {};
  }
  std::unique_ptr<Stream>& made = streams_[stream];
  if (request.body_kind == ipc::BodyKind::kSocket) {
    made = std::make_unique<WebSocket>(this, settings_, find_(request.version_id), stream);
  } else {
    made = std::make_unique<Exchange>(this, settings_, find_(request.version_id), stream);
  }
  Stream* raw = made.get();
  raw->Start(request);
  return {};
}

void ShardLink::OnStreamOver(uint64_t stream) {
  const auto found = streams_.find(stream);
  over_.push_back(std::move(found->second));
  streams_.erase(found);
}

void ShardLink::Flush() {
  over_.clear();
  size_t sent = 0;
  while (alive_ && sent < out_.size()) {
    const ssize_t got = ::send(socket_.get(), out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got < 0) {
      alive_ = false;
      break;
    }
    sent += static_cast<size_t>(got);
  }
  out_.erase(0, sent);
}

}  // namespace zts::egress
