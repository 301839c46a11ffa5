#include "worker/engine/classes/class_port.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "worker/engine/limits.h"

namespace zts::classes {

using ipc::ClassFrameType;
using offload::AwayRequest;
using offload::AwayRequestPtr;
using runtime::Ticket;

ClassPort::ClassPort(net::Loop* loop, offload::AwayRuns* runs, runtime::PoolHost* host)
    : socket_(loop, FrameSocket::kFront), runs_(runs), host_(host) {}
ClassPort::~ClassPort() = default;

// ---- the socket -------------------------------------------------------------------------------------------------------------

void ClassPort::Connect(UniqueFd socket) {
  Disconnect();
  socket_.Connect(std::move(socket));
}

void ClassPort::Disconnect() {
  if (!socket_.connected()) return;
  socket_.Disconnect();
  reader_ = ipc::ClassFrameReader();
  gathering_.reset();
  std::vector<AwayRequestPtr> left;
  for (const auto& [ticket, request] : requests_) left.push_back(request);
  for (const AwayRequestPtr& request : left) runs_->Cancel(*request);
  requests_.clear();
}

void ClassPort::OnRecv(SlotId slot, const net::Lease& lease, int error) {
  if (!socket_.IsCurrent(slot)) return;
  if (lease.bytes().empty()) return Disconnect();
  const Status fed = reader_.Feed(lease.text(), [this](const ipc::ClassFrameReader::Frame& frame) { return OnFrame(frame); });
  if (fed.ok()) return;
  ZTS_LOG(kError) << "the front's engine sent nonsense: " << fed.error().message;
  Disconnect();
}

void ClassPort::OnSent(SlotId slot, int error) {
  if (!socket_.OnSent(slot, error)) Disconnect();
}

void ClassPort::OnPassEnd() {
  for (const AwayRequestPtr& request : std::exchange(refused_, {})) runs_->Cancel(*request);
  if (!socket_.Flush()) Disconnect();
}

// ---- in ---------------------------------------------------------------------------------------------------------------------

Status ClassPort::OnFrame(const ipc::ClassFrameReader::Frame& frame) {
  const Ticket ticket = frame.header.stream;
  if (gathering_ != nullptr) {
    if (frame.header.type == ClassFrameType::kBody && ticket == gathering_->ticket) return OnPiece(frame.payload);
    return Error{ErrorCode::kCorrupt, "a frame in the middle of a request"};
  }
  if (frame.header.type == ClassFrameType::kRequest) return OnRequest(ticket, frame.payload);
  const auto found = requests_.find(ticket);
  if (found == requests_.end()) return {};  // it is over, and the other end has not known it yet
  const AwayRequestPtr request = found->second;
  return Tell(frame, *request);
}

Status ClassPort::Tell(const ipc::ClassFrameReader::Frame& frame, const AwayRequest& request) {
  switch (frame.header.type) {
    case ClassFrameType::kBody: runs_->BodyArrived(request, frame.payload); return {};
    case ClassFrameType::kBodyEnd: runs_->BodyComplete(request); return {};
    case ClassFrameType::kBodyFailed: {
      ZTS_ASSIGN_OR_RETURN(const std::string_view why, ipc::DecodeClassText(frame.payload));
      runs_->BodyFailed(request, why);
      return {};
    }
    case ClassFrameType::kPeerFinished: runs_->PeerFinished(request); return {};
    case ClassFrameType::kCredit: {
      ZTS_ASSIGN_OR_RETURN(const uint32_t bytes, ipc::DecodeClassCount(frame.payload));
      runs_->ChunkTaken(request, bytes);
      return {};
    }
    case ClassFrameType::kCancel: runs_->Cancel(request); return {};
    default: return Error{ErrorCode::kCorrupt, "a frame that only a class's engine sends"};
  }
}

Status ClassPort::OnRequest(Ticket ticket, std::string_view payload) {
  if (requests_.count(ticket) > 0) return Error{ErrorCode::kCorrupt, "a request's name twice"};
  ZTS_ASSIGN_OR_RETURN(const ipc::ClassRequest request, ipc::DecodeClassRequest(payload));
  if (request.body.size() == request.body_bytes) {
    Begin(ticket, request, request.body);
  } else {
    gathering_ = std::make_unique<Gathering>(Gathering{ticket, std::string(payload), request.body_bytes, std::string(request.body)});
  }
  return {};
}

Status ClassPort::OnPiece(std::string_view bytes) {
  if (bytes.size() > gathering_->body_bytes - gathering_->body.size()) {
    return Error{ErrorCode::kCorrupt, "more of a body than its request says"};
  }
  gathering_->body.append(bytes);
  if (gathering_->body.size() < gathering_->body_bytes) return {};
  const std::unique_ptr<Gathering> whole = std::move(gathering_);
  ZTS_ASSIGN_OR_RETURN(const ipc::ClassRequest request, ipc::DecodeClassRequest(whole->payload));
  Begin(whole->ticket, request, whole->body);
  return {};
}

void ClassPort::Begin(Ticket ticket, const ipc::ClassRequest& request, std::string_view body) {
  const auto target = targets_.find(request.version_id);
  if (target == targets_.end()) {
    js::Outcome unknown;
    unknown.kind = js::OutcomeKind::kOverloaded;
    unknown.message = "the engine of the function's class does not have this version";
    return OnFailure(ticket, unknown);
  }
  js::RequestView view;
  view.method = request.method;
  view.scheme = request.scheme;
  view.authority = request.authority;
  view.target = request.target;
  view.headers = request.fields;
  view.body = body;
  view.request_id = request.request_id;
  view.peer = request.peer;
  const auto streams = request.streams ? AwayRequest::Body::kStreams : AwayRequest::Body::kWhole;
  const auto begun = std::make_shared<AwayRequest>(ticket, target->second, view, streams);
  requests_.emplace(ticket, begun);
  runs_->Begin(this, begun);
}

// ---- out --------------------------------------------------------------------------------------------------------------------

void ClassPort::Signal(ClassFrameType type, Ticket ticket) {
  if (socket_.connected()) ipc::AppendClassSignal(type, ticket, &socket_.out());
}

void ClassPort::OnBegan(Ticket ticket) { Signal(ClassFrameType::kBegan, ticket); }
void ClassPort::OnCold(Ticket ticket) { Signal(ClassFrameType::kCold, ticket); }
void ClassPort::OnBodyWanted(Ticket ticket) { Signal(ClassFrameType::kBodyWanted, ticket); }
void ClassPort::OnBodyDropped(Ticket ticket) { Signal(ClassFrameType::kBodyDropped, ticket); }

void ClassPort::OnBodyTaken(Ticket ticket, size_t bytes) {
  if (!socket_.connected()) return;
  ipc::AppendClassCount(ClassFrameType::kBodyTaken, ticket, static_cast<uint32_t>(bytes), &socket_.out());
}

void ClassPort::OnColdAnswer(Ticket ticket, const runtime::ColdTimes& times) {
  if (!socket_.connected()) return;
  ipc::ClassColdTimes framed{.kind = times.kind};
  std::copy(std::begin(times.phases), std::end(times.phases), framed.phases.begin());
  ipc::AppendClassColdTimes(ticket, framed, &socket_.out());
}

void ClassPort::OnResponse(Ticket ticket, const js::ResponseView& response) {
  if (!socket_.connected()) return;
  size_t head_bytes = 0;
  for (const HeaderField& field : response.headers()) head_bytes += field.name.size() + field.value.size();
  const size_t bytes = response.body_bytes();
  if (head_bytes > kResponseHeadBytesMax || response.headers().size() > ipc::kAnswerFieldsMax) {
    return Refuse(ticket, js::OutcomeKind::kHeadTooLarge, head_bytes, kResponseHeadBytesMax);
  }
  if (bytes > kResponseBodyBytesMax) return Refuse(ticket, js::OutcomeKind::kBodyTooLarge, bytes, kResponseBodyBytesMax);
  std::string_view body = response.BorrowBody();
  if (body.size() != bytes) {
    body_.resize(bytes);
    response.CopyBody(body_.data());
    body = body_;
  }
  ipc::AppendClassAnswer(ticket,
                         {.form = static_cast<ipc::ClassAnswer::Form>(response.form()),
                          .status = static_cast<uint16_t>(response.status()),
                          .declared_length = response.declared_length(),
                          .headers = response.headers(),
                          .body_bytes = bytes,
                          .body = body},
                         &socket_.out());
  if (body_.capacity() > kOutBufferKeptBytes) body_ = std::string();
}

// What the function has given is not sent: its owner reads in the log how large it was.
void ClassPort::Refuse(Ticket ticket, js::OutcomeKind why, size_t bytes, size_t bytes_max) {
  const auto found = requests_.find(ticket);
  if (found == requests_.end()) return;
  const AwayRequest& request = *found->second;
  host_->OnConsole(request.target.version_id, request.view.request_id, js::LogSeverity::kException,
                   std::string(js::OutcomeName(why)) + ": " + std::to_string(bytes) + " bytes; at most " + std::to_string(bytes_max) +
                       " are sent");
  ipc::AppendClassOutcome(ClassFrameType::kFailure, ticket, {why, {}}, &socket_.out());
  refused_.push_back(found->second);
}

void ClassPort::OnFailure(Ticket ticket, const js::Outcome& outcome) {
  requests_.erase(ticket);
  if (!socket_.connected()) return;
  ipc::AppendClassOutcome(ClassFrameType::kFailure, ticket, {outcome.kind, outcome.message}, &socket_.out());
}

void ClassPort::OnChunk(Ticket ticket, std::string bytes) {
  if (socket_.connected()) ipc::AppendClassBytes(ClassFrameType::kData, ticket, bytes, &socket_.out());
}

void ClassPort::OnResponseEnd(Ticket ticket, const js::Outcome& outcome) {
  if (!socket_.connected()) return;
  ipc::AppendClassOutcome(ClassFrameType::kEnd, ticket, {outcome.kind, outcome.message}, &socket_.out());
}

}  // namespace zts::classes
