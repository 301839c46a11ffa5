#include "worker/engine/egress_link.h"

#include <utility>

#include "base/log.h"
#include "worker/engine/limits.h"

namespace zts {

using ipc::FrameType;
using js::FetchEvent;
using js::FetchId;
using js::FetchResult;

EgressLink::EgressLink(net::Loop* loop, ipc::ShardCounters* counters, FetchSink* sink)
    : loop_(loop), counters_(counters), sink_(sink), socket_(loop, FrameSocket::kEgress) {}

// ---- the socket -------------------------------------------------------------------------------------------------------------

void EgressLink::Connect(UniqueFd socket) {
  Disconnect();
  socket_.Connect(std::move(socket));
}

void EgressLink::Disconnect() {
  if (!socket_.connected()) return;
  socket_.Disconnect();
  reader_ = ipc::FrameReader();
  FailAll();
}

void EgressLink::FailAll() {
  std::vector<FetchId> ids;
  for (const auto& [id, fetch] : fetches_) ids.push_back(id);
  for (const FetchId id : ids) {
    const auto found = fetches_.find(id);
    if (found == fetches_.end()) continue;  // another one's failure has ended it
    const uint64_t instance = found->second.instance;
    End(id, FetchResult::kUnavailable);
    sink_->OnFetchEvent(instance, id,
                        {.kind = FetchEvent::Kind::kError,
                         .bytes = "the process that makes outgoing requests has ended; the request may or may not have been made",
                         .result = FetchResult::kUnavailable});
  }
}

void EgressLink::OnRecv(SlotId slot, const net::Lease& lease, int error) {
  if (!socket_.IsCurrent(slot)) return;
  if (lease.bytes().empty()) {
    ZTS_LOG(kWarning) << "the egress process is gone" << (error != 0 ? " (broken)" : "") << "; " << fetches_.size()
                      << " outgoing requests of this shard fail";
    return Disconnect();
  }
  // A function's turn cannot replace the socket, the end of one can only come from here.
  const Status fed = reader_.Feed(lease.text(), [this](const ipc::FrameReader::Frame& frame) { return OnFrame(frame); });
  if (fed.ok()) return;
  ZTS_LOG(kError) << "the egress process sent nonsense: " << fed.error().message;
  Disconnect();
}

// ---- in ---------------------------------------------------------------------------------------------------------------------

Status EgressLink::OnFrame(const ipc::FrameReader::Frame& frame) {
  const FetchId id = frame.header.stream;
  // It was cancelled while the frame was on its way.
  if (fetches_.count(id) == 0) return {};
  switch (frame.header.type) {
    case FrameType::kHead: return OnHead(id, frame.payload);
    case FrameType::kError: return OnError(id, frame.payload);
    case FrameType::kData: Tell(id, {.kind = FetchEvent::Kind::kData, .bytes = frame.payload}); return {};
    case FrameType::kRewind: Tell(id, {.kind = FetchEvent::Kind::kRewind}); return {};
    case FrameType::kCredit: {
      ZTS_ASSIGN_OR_RETURN(const uint32_t bytes, ipc::DecodeCredit(frame.payload));
      Tell(id, {.kind = FetchEvent::Kind::kWritable, .credit = bytes});
      return {};
    }
    case FrameType::kMessage: return OnMessage(id, frame.payload);
    case FrameType::kTaken: return OnTaken(id, frame.payload);
    case FrameType::kClose: return OnClose(id, frame.payload);
    case FrameType::kEnd: {
      const uint64_t instance = fetches_.at(id).instance;
      End(id, FetchResult::kOk);
      sink_->OnFetchEvent(instance, id, {.kind = FetchEvent::Kind::kEnd});
      return {};
    }
    default: return Error{ErrorCode::kCorrupt, "a frame that only shards send"};
  }
}

void EgressLink::Tell(FetchId id, const FetchEvent& event) { sink_->OnFetchEvent(fetches_.at(id).instance, id, event); }

Status EgressLink::OnHead(FetchId id, std::string_view payload) {
  ZTS_ASSIGN_OR_RETURN(const ipc::HeadFrame frame, ipc::DecodeHead(payload));
  Fetch& fetch = fetches_.at(id);
  RecordWait(&fetch);
  js::FetchHead head;
  head.status = frame.status;
  head.redirected = frame.redirected;
  head.url = frame.url;
  head.status_text = frame.status_text;
  head.headers = frame.headers;
  Tell(id, {.kind = FetchEvent::Kind::kHead, .head = &head});
  return {};
}

Status EgressLink::OnError(FetchId id, std::string_view payload) {
  ZTS_ASSIGN_OR_RETURN(const ipc::ErrorFrame error, ipc::DecodeError(payload));
  const uint64_t instance = fetches_.at(id).instance;
  End(id, error.result);
  sink_->OnFetchEvent(instance, id, {.kind = FetchEvent::Kind::kError, .bytes = error.message, .result = error.result});
  return {};
}

Status EgressLink::OnMessage(FetchId id, std::string_view payload) {
  ZTS_ASSIGN_OR_RETURN(const ipc::MessageFrame message, ipc::DecodeMessage(payload));
  Tell(id, {.kind = FetchEvent::Kind::kMessage, .message = message.kind});
  return {};
}

Status EgressLink::OnTaken(FetchId id, std::string_view payload) {
  ZTS_ASSIGN_OR_RETURN(const ipc::TakenFrame taken, ipc::DecodeTaken(payload));
  Tell(id, {.kind = FetchEvent::Kind::kTaken, .credit = taken.bytes, .messages = taken.messages});
  return {};
}

Status EgressLink::OnClose(FetchId id, std::string_view payload) {
  ZTS_ASSIGN_OR_RETURN(const ipc::CloseFrame close, ipc::DecodeClose(payload));
  const uint64_t instance = fetches_.at(id).instance;
  End(id, FetchResult::kOk);
  sink_->OnFetchEvent(instance, id, {.kind = FetchEvent::Kind::kClosed, .bytes = close.reason, .close_code = close.code});
  return {};
}

void EgressLink::RecordWait(Fetch* fetch) {
  if (std::exchange(fetch->has_head, true)) return;
  counters_->functions[fetch->counter_row].subrequest_wait_ns.Add(static_cast<uint64_t>(loop_->now() - fetch->started));
}

void EgressLink::End(FetchId id, FetchResult result) {
  const auto found = fetches_.find(id);
  RecordWait(&found->second);
  counters_->functions[found->second.counter_row].subrequests[static_cast<int>(result)].Add();
  fetches_.erase(found);
}

// ---- out --------------------------------------------------------------------------------------------------------------------

FetchId EgressLink::Start(const runtime::FetchOwner& owner, const js::FetchRequest& request) {
  const uint32_t row = owner.counter_row < ipc::kCounterRows ? owner.counter_row : 0;
  if (!socket_.connected() || fetches_.size() >= kFetchesMax) {
    const FetchResult why = socket_.connected() ? FetchResult::kLimit : FetchResult::kUnavailable;
    counters_->functions[row].subrequests[static_cast<int>(why)].Add();
    return 0;
  }
  const FetchId id = ++last_id_;
  fetches_.emplace(id, Fetch{owner.instance, row, loop_->now()});
  ipc::RequestFrame frame;
  frame.version_id = owner.version_id;
  frame.redirect = request.redirect;
  frame.body_kind = request.body_kind;
  frame.body_bytes = request.body_bytes;
  frame.method = request.method;
  frame.url = request.url;
  frame.headers.assign(request.headers.begin(), request.headers.end());
  frame.body = request.body;
  ipc::AppendRequest(id, frame, out());
  return id;
}

void EgressLink::SendBody(FetchId id, std::string_view bytes) {
  if (fetches_.count(id) > 0) ipc::AppendBytes(FrameType::kBody, id, bytes, out());
}

void EgressLink::FinishBody(FetchId id) {
  if (fetches_.count(id) > 0) ipc::AppendSignal(FrameType::kBodyEnd, id, out());
}

void EgressLink::Rewound(FetchId id) {
  if (fetches_.count(id) > 0) ipc::AppendSignal(FrameType::kRewind, id, out());
}

void EgressLink::ReadMore(FetchId id, uint32_t bytes) {
  if (fetches_.count(id) > 0) ipc::AppendCredit(id, bytes, out());
}

void EgressLink::Cancel(FetchId id) {
  if (fetches_.count(id) == 0) return;
  End(id, FetchResult::kCanceled);
  ipc::AppendSignal(FrameType::kCancel, id, out());
}

void EgressLink::SendMessage(FetchId id, js::SocketMessage kind, uint64_t bytes) {
  if (fetches_.count(id) > 0) ipc::AppendMessage(id, {kind, bytes}, out());
}

void EgressLink::CloseSocket(FetchId id, uint16_t code, std::string_view reason) {
  if (fetches_.count(id) > 0) ipc::AppendClose(id, {code, reason}, out());
}

void EgressLink::MessagesTaken(FetchId id, uint32_t bytes, uint32_t messages) {
  if (fetches_.count(id) > 0) ipc::AppendTaken(id, {bytes, messages}, out());
}

void EgressLink::CancelAll(uint64_t instance) {
  if (fetches_.empty()) return;
  std::vector<FetchId> ids;
  for (const auto& [id, fetch] : fetches_) {
    if (fetch.instance == instance) ids.push_back(id);
  }
  for (const FetchId id : ids) Cancel(id);
}

}  // namespace zts
