#include "worker/engine/classes/class_link.h"

#include <cstring>
#include <utility>

#include "base/log.h"
#include "worker/engine/limits.h"

namespace zts::classes {

using ipc::ClassFrameType;
using offload::AwayRequest;
using offload::AwayRequestPtr;
using runtime::Ticket;

namespace {

static_assert(ipc::kWholeAnswerBytesMax == kResponseBodyBytesMax);
static_assert(ipc::kAnswerHeadBytesMax == kResponseHeadBytesMax);
static_assert(ipc::kWholeRequestBytesMax >= 2 * kRecvBufferCount * kRecvBufferBytes);
static_assert(static_cast<int>(js::ResponseView::Form::kOmitted) == static_cast<int>(ipc::ClassAnswer::Form::kOmitted));

const js::Outcome kEngineGone{js::OutcomeKind::kRecycled, "the engine process that ran the function has ended", {}, {}, 0, 0, {}};

// An answer as its frames have it.
class FramedResponse final : public js::ResponseView {
 public:
  FramedResponse(const ipc::ClassAnswer& answer, std::string_view body) : answer_(answer), body_(body) {}
  Form form() const override { return static_cast<Form>(answer_.form); }
  std::optional<uint64_t> declared_length() const override { return answer_.declared_length; }
  int status() const override { return answer_.status; }
  std::span<const HeaderField> headers() const override { return answer_.headers; }
  size_t body_bytes() const override { return body_.size(); }
  void CopyBody(char* out) const override { std::memcpy(out, body_.data(), body_.size()); }

 private:
  const ipc::ClassAnswer& answer_;
  const std::string_view body_;
};

}  // namespace

ClassLink::ClassLink(net::Loop* loop, uint32_t number, runtime::ElsewhereEvents* events)
    : loop_(loop), number_(number), socket_(loop, number), link_(this) {
  link_.Connect(events);
}
ClassLink::~ClassLink() = default;

// ---- the socket -------------------------------------------------------------------------------------------------------------

void ClassLink::Connect(UniqueFd socket) {
  Disconnect();
  socket_.Connect(std::move(socket));
  for (const AwayRequestPtr& request : std::exchange(waiting_, {})) Send(*request);
}

void ClassLink::Disconnect() {
  if (!socket_.connected()) return;
  socket_.Disconnect();
  reader_ = ipc::ClassFrameReader();
  gathering_.reset();
  link_.LoseAll(kEngineGone);
}

void ClassLink::OnRecv(SlotId slot, const net::Lease& lease, int error) {
  if (!socket_.IsCurrent(slot)) return;
  if (lease.bytes().empty()) {
    ZTS_LOG(kWarning) << "the engine of class " << number_ << " is gone" << (error != 0 ? " (broken)" : "") << "; "
                      << link_.under_way() << " requests that this shard has there fail";
    return Disconnect();
  }
  const Status fed = reader_.Feed(lease.text(), [this](const ipc::ClassFrameReader::Frame& frame) { return OnFrame(frame); });
  if (fed.ok()) return;
  ZTS_LOG(kError) << "the engine of class " << number_ << " sent nonsense: " << fed.error().message;
  Disconnect();
}

void ClassLink::OnSent(SlotId slot, int error) {
  if (!socket_.OnSent(slot, error)) Disconnect();
}

// At the end of a pass no session may be told anything: it would have its turn in none.
void ClassLink::OnPassEnd() {
  if (socket_.Flush()) return;
  loop_->Post([this] {
    if (socket_.broken()) Disconnect();
  });
}

// ---- in ---------------------------------------------------------------------------------------------------------------------

Status ClassLink::OnFrame(const ipc::ClassFrameReader::Frame& frame) {
  const Ticket ticket = frame.header.stream;
  const ClassFrameType type = frame.header.type;
  if (gathering_ != nullptr) {
    if (type == ClassFrameType::kData && ticket == gathering_->ticket) return OnPiece(ticket, frame.payload);
    return Error{ErrorCode::kCorrupt, "a frame in the middle of an answer"};
  }
  switch (type) {
    case ClassFrameType::kBegan: link_.OnBegan(ticket); return {};
    case ClassFrameType::kCold: link_.OnCold(ticket); return {};
    case ClassFrameType::kColdTimes: return OnColdTimes(ticket, frame.payload);
    case ClassFrameType::kAnswer: return OnAnswer(ticket, frame.payload);
    case ClassFrameType::kData: link_.OnChunk(ticket, std::string(frame.payload)); return {};
    case ClassFrameType::kEnd:
    case ClassFrameType::kFailure: return OnOutcome(frame);
    case ClassFrameType::kBodyWanted: link_.OnBodyWanted(ticket); return {};
    case ClassFrameType::kBodyDropped: link_.OnBodyDropped(ticket); return {};
    case ClassFrameType::kBodyTaken: {
      ZTS_ASSIGN_OR_RETURN(const uint32_t bytes, ipc::DecodeClassCount(frame.payload));
      link_.OnBodyTaken(ticket, bytes);
      return {};
    }
    default: return Error{ErrorCode::kCorrupt, "a frame that only the front sends"};
  }
}

Status ClassLink::OnAnswer(Ticket ticket, std::string_view payload) {
  ZTS_ASSIGN_OR_RETURN(const ipc::ClassAnswer answer, ipc::DecodeClassAnswer(payload));
  if (answer.body.size() == answer.body_bytes) {
    link_.OnResponse(ticket, FramedResponse(answer, answer.body));
    return {};
  }
  gathering_ = std::make_unique<Gathering>(Gathering{ticket, std::string(payload), {}, std::string(answer.body)});
  ZTS_ASSIGN_OR_RETURN(gathering_->answer, ipc::DecodeClassAnswer(gathering_->payload));
  // Decoded fields lie in a vector that has moved with the value; the span is of before.
  gathering_->answer.headers = gathering_->answer.fields;
  return {};
}

Status ClassLink::OnPiece(Ticket ticket, std::string_view bytes) {
  if (bytes.size() > gathering_->answer.body_bytes - gathering_->body.size()) {
    return Error{ErrorCode::kCorrupt, "more of a body than its answer says"};
  }
  gathering_->body.append(bytes);
  if (gathering_->body.size() < gathering_->answer.body_bytes) return {};
  const std::unique_ptr<Gathering> whole = std::move(gathering_);
  link_.OnResponse(ticket, FramedResponse(whole->answer, whole->body));
  return {};
}

Status ClassLink::OnOutcome(const ipc::ClassFrameReader::Frame& frame) {
  ZTS_ASSIGN_OR_RETURN(const ipc::ClassOutcome framed, ipc::DecodeClassOutcome(frame.payload));
  js::Outcome outcome;
  outcome.kind = framed.kind;
  outcome.message = framed.message;
  if (frame.header.type == ClassFrameType::kEnd) {
    link_.OnResponseEnd(frame.header.stream, outcome);
  } else {
    link_.OnFailure(frame.header.stream, outcome);
  }
  return {};
}

Status ClassLink::OnColdTimes(Ticket ticket, std::string_view payload) {
  ZTS_ASSIGN_OR_RETURN(const ipc::ClassColdTimes framed, ipc::DecodeClassColdTimes(payload));
  runtime::ColdTimes times;
  times.kind = framed.kind;
  std::copy(framed.phases.begin(), framed.phases.end(), times.phases);
  link_.OnColdAnswer(ticket, times);
  return {};
}

// ---- out --------------------------------------------------------------------------------------------------------------------

// Without a socket all that is under way waits for one: nothing of it is known over there.

void ClassLink::Send(const AwayRequest& request) {
  const js::RequestView& view = request.view;
  ipc::AppendClassRequest(request.ticket,
                          {.version_id = request.target.version_id,
                           .streams = request.streams,
                           .method = view.method,
                           .scheme = view.scheme,
                           .authority = view.authority,
                           .target = view.target,
                           .request_id = view.request_id,
                           .peer = view.peer,
                           .headers = view.headers,
                           .body_bytes = view.body.size(),
                           .body = view.body},
                          &socket_.out());
}

void ClassLink::Begin(const AwayRequestPtr& request) {
  if (socket_.connected()) {
    Send(*request);
  } else {
    waiting_.push_back(request);
  }
}

void ClassLink::Cancel(const AwayRequestPtr& request) {
  if (socket_.connected()) {
    ipc::AppendClassSignal(ClassFrameType::kCancel, request->ticket, &socket_.out());
  } else {
    std::erase(waiting_, request);
  }
}

void ClassLink::PeerFinished(const AwayRequestPtr& request) {
  if (socket_.connected()) ipc::AppendClassSignal(ClassFrameType::kPeerFinished, request->ticket, &socket_.out());
}

void ClassLink::BodyArrived(const AwayRequestPtr& request, std::string_view bytes) {
  if (socket_.connected()) ipc::AppendClassBytes(ClassFrameType::kBody, request->ticket, bytes, &socket_.out());
}

void ClassLink::BodyComplete(const AwayRequestPtr& request) {
  if (socket_.connected()) ipc::AppendClassSignal(ClassFrameType::kBodyEnd, request->ticket, &socket_.out());
}

void ClassLink::BodyFailed(const AwayRequestPtr& request, const std::string& why) {
  if (socket_.connected()) ipc::AppendClassText(ClassFrameType::kBodyFailed, request->ticket, why, &socket_.out());
}

void ClassLink::ChunkTaken(const AwayRequestPtr& request, size_t bytes) {
  if (socket_.connected()) {
    ipc::AppendClassCount(ClassFrameType::kCredit, request->ticket, static_cast<uint32_t>(bytes), &socket_.out());
  }
}

}  // namespace zts::classes
