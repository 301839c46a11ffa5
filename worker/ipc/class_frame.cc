#include "worker/ipc/class_frame.h"

#include <algorithm>
#include <utility>

namespace zts::ipc {
namespace {

// What says how an answer lies on its connection is written by who has the connection.
constexpr std::string_view kWritersOwn[] = {"connection", "content-length", "transfer-encoding", "keep-alive", "upgrade", "date"};

// RFC 9110 5.6.2, in lower case.
bool IsNameChar(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || kMarks.find(c) != std::string_view::npos;
}

bool IsValid(const HeaderField& field) {
  constexpr std::string_view kNeverInValues("\r\n\0", 3);
  return !field.name.empty() && std::all_of(field.name.begin(), field.name.end(), IsNameChar) &&
         field.value.find_first_of(kNeverInValues) == std::string_view::npos &&
         std::find(std::begin(kWritersOwn), std::end(kWritersOwn), field.name) == std::end(kWritersOwn);
}

// None, IPv4 or IPv6.
bool IsAddressSize(size_t bytes) { return bytes == 0 || bytes == 4 || bytes == 16; }

std::string_view FirstPiece(std::string_view body) { return body.substr(0, kClassPieceBytesMax); }
std::string_view BehindIt(std::string_view body) { return body.substr(std::min(body.size(), kClassPieceBytesMax)); }

}  // namespace

void AppendClassRequest(uint64_t ticket, const ClassRequest& request, std::string* out) {
  {
    FrameWriter writer(ClassFrameType::kRequest, ticket, out);
    writer.Put(request.version_id);
    writer.Put(static_cast<uint8_t>(request.streams));
    for (const std::string_view text : {request.method, request.scheme, request.authority, request.target, request.request_id}) {
      writer.Put(text);
    }
    writer.Put(request.headers);
    writer.Put(request.body_bytes);
    writer.Put(FirstPiece(request.body));
    writer.Put(request.peer.address());
    writer.Put(request.peer.port);
  }
  AppendClassBytes(ClassFrameType::kBody, ticket, BehindIt(request.body), out);
}

void AppendClassAnswer(uint64_t ticket, const ClassAnswer& answer, std::string* out) {
  {
    FrameWriter writer(ClassFrameType::kAnswer, ticket, out);
    writer.Put(answer.form);
    writer.Put(answer.status);
    writer.Put(static_cast<uint8_t>(answer.declared_length.has_value()));
    writer.Put(answer.declared_length.value_or(0));
    writer.Put(answer.headers);
    writer.Put(answer.body_bytes);
    writer.Put(FirstPiece(answer.body));
  }
  AppendClassBytes(ClassFrameType::kData, ticket, BehindIt(answer.body), out);
}

void AppendClassOutcome(ClassFrameType type, uint64_t ticket, const ClassOutcome& outcome, std::string* out) {
  FrameWriter writer(type, ticket, out);
  writer.Put(static_cast<uint8_t>(outcome.kind));
  writer.Put(outcome.message.substr(0, kClassPieceBytesMax));
}

void AppendClassColdTimes(uint64_t ticket, const ClassColdTimes& times, std::string* out) {
  FrameWriter writer(ClassFrameType::kColdTimes, ticket, out);
  writer.Put(times.kind);
  for (const Nanos phase : times.phases) writer.Put(phase);
}

void AppendClassCount(ClassFrameType type, uint64_t ticket, uint32_t bytes, std::string* out) { FrameWriter(type, ticket, out).Put(bytes); }

void AppendClassBytes(ClassFrameType type, uint64_t ticket, std::string_view bytes, std::string* out) {
  AppendPieces(type, ticket, bytes, kClassPieceBytesMax, out);
}

void AppendClassText(ClassFrameType type, uint64_t ticket, std::string_view text, std::string* out) {
  FrameWriter(type, ticket, out).Put(text.substr(0, kClassPieceBytesMax));
}

void AppendClassSignal(ClassFrameType type, uint64_t ticket, std::string* out) { FrameWriter(type, ticket, out); }

Result<ClassRequest> DecodeClassRequest(std::string_view payload) {
  FrameCursor cursor(payload);
  ClassRequest request;
  request.version_id = cursor.Get<uint64_t>();
  request.streams = cursor.Get<uint8_t>() != 0;
  for (std::string_view* text : {&request.method, &request.scheme, &request.authority, &request.target, &request.request_id}) {
    *text = cursor.Text();
  }
  request.fields = cursor.Fields();
  request.headers = request.fields;
  request.body_bytes = cursor.Get<uint64_t>();
  request.body = cursor.Text();
  const std::string_view address = cursor.Text();
  request.peer.port = cursor.Get<uint16_t>();
  if (!IsAddressSize(address.size())) return BrokenFrame("request");
  request.peer.size = static_cast<uint8_t>(address.copy(request.peer.bytes, sizeof(request.peer.bytes)));
  const bool body_fits = request.body.size() <= request.body_bytes && request.body_bytes <= kWholeRequestBytesMax;
  if (!cursor.done() || !body_fits || (request.streams && request.body_bytes > 0)) return BrokenFrame("request");
  return request;
}

Result<ClassAnswer> DecodeClassAnswer(std::string_view payload) {
  FrameCursor cursor(payload);
  ClassAnswer answer;
  answer.form = cursor.Get<ClassAnswer::Form>();
  answer.status = cursor.Get<uint16_t>();
  const bool declared = cursor.Get<uint8_t>() != 0;
  const auto length = cursor.Get<uint64_t>();
  if (declared) answer.declared_length = length;
  answer.fields = cursor.Fields();
  answer.headers = answer.fields;
  answer.body_bytes = cursor.Get<uint64_t>();
  answer.body = cursor.Text();
  const bool body_fits = answer.body.size() <= answer.body_bytes && answer.body_bytes <= kWholeAnswerBytesMax &&
                         (answer.form == ClassAnswer::Form::kWhole || answer.body_bytes == 0);
  const bool head_fits = answer.form <= ClassAnswer::Form::kOmitted && answer.status >= 200 && answer.status <= 599 &&
                         std::all_of(answer.fields.begin(), answer.fields.end(), IsValid);
  if (!cursor.done() || !body_fits || !head_fits) return BrokenFrame("answer");
  return answer;
}

Result<ClassOutcome> DecodeClassOutcome(std::string_view payload) {
  FrameCursor cursor(payload);
  const auto kind = cursor.Get<uint8_t>();
  const std::string_view message = cursor.Text();
  if (!cursor.done() || kind >= js::kOutcomeKinds) return BrokenFrame("outcome");
  return ClassOutcome{static_cast<js::OutcomeKind>(kind), message};
}

Result<ClassColdTimes> DecodeClassColdTimes(std::string_view payload) {
  FrameCursor cursor(payload);
  ClassColdTimes times;
  times.kind = cursor.Get<ColdKind>();
  for (Nanos& phase : times.phases) phase = cursor.Get<Nanos>();
  if (!cursor.done() || static_cast<int>(times.kind) >= kColdKinds) return BrokenFrame("cold start's");
  return times;
}

Result<uint32_t> DecodeClassCount(std::string_view payload) {
  FrameCursor cursor(payload);
  const auto bytes = cursor.Get<uint32_t>();
  if (!cursor.done()) return BrokenFrame("count");
  return bytes;
}

Result<std::string_view> DecodeClassText(std::string_view payload) {
  FrameCursor cursor(payload);
  const std::string_view text = cursor.Text();
  if (!cursor.done()) return BrokenFrame("text");
  return text;
}

}  // namespace zts::ipc
