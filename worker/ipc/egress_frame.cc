#include "worker/ipc/egress_frame.h"

namespace zts::ipc {

void AppendRequest(uint64_t stream, const RequestFrame& request, std::string* out) {
  FrameWriter writer(FrameType::kRequest, stream, out);
  writer.Put(request.version_id);
  writer.Put(request.redirect);
  writer.Put(request.body_kind);
  writer.Put(request.body_bytes);
  writer.Put(request.method);
  writer.Put(request.url);
  writer.Put(std::span<const HeaderField>(request.headers));
  writer.Put(request.body);
}

void AppendHead(uint64_t stream, const HeadFrame& head, std::string* out) {
  FrameWriter writer(FrameType::kHead, stream, out);
  writer.Put(head.status);
  writer.Put(static_cast<uint8_t>(head.redirected));
  writer.Put(head.url);
  writer.Put(head.status_text);
  writer.Put(std::span<const HeaderField>(head.headers));
}

void AppendError(uint64_t stream, const ErrorFrame& error, std::string* out) {
  FrameWriter writer(FrameType::kError, stream, out);
  writer.Put(error.result);
  writer.Put(error.message);
}

void AppendCredit(uint64_t stream, uint32_t bytes, std::string* out) { FrameWriter(FrameType::kCredit, stream, out).Put(bytes); }

void AppendMessage(uint64_t stream, const MessageFrame& message, std::string* out) {
  FrameWriter writer(FrameType::kMessage, stream, out);
  writer.Put(message.kind);
  writer.Put(message.bytes);
}

void AppendTaken(uint64_t stream, const TakenFrame& taken, std::string* out) {
  FrameWriter writer(FrameType::kTaken, stream, out);
  writer.Put(taken.bytes);
  writer.Put(taken.messages);
}

void AppendClose(uint64_t stream, const CloseFrame& close, std::string* out) {
  FrameWriter writer(FrameType::kClose, stream, out);
  writer.Put(close.code);
  writer.Put(close.reason);
}

void AppendBytes(FrameType type, uint64_t stream, std::string_view bytes, std::string* out) {
  AppendPieces(type, stream, bytes, kDataFrameBytesMax, out);
}

void AppendSignal(FrameType type, uint64_t stream, std::string* out) { FrameWriter(type, stream, out); }

Result<RequestFrame> DecodeRequest(std::string_view payload) {
  FrameCursor cursor(payload);
  RequestFrame request;
  request.version_id = cursor.Get<uint64_t>();
  request.redirect = cursor.Get<Redirect>();
  request.body_kind = cursor.Get<BodyKind>();
  request.body_bytes = cursor.Get<uint64_t>();
  request.method = cursor.Text();
  request.url = cursor.Text();
  request.headers = cursor.Fields();
  request.body = cursor.Text();
  if (!cursor.done() || request.redirect > Redirect::kManual || request.body_kind > BodyKind::kSocket) return BrokenFrame("request");
  return request;
}

Result<HeadFrame> DecodeHead(std::string_view payload) {
  FrameCursor cursor(payload);
  HeadFrame head;
  head.status = cursor.Get<uint16_t>();
  head.redirected = cursor.Get<uint8_t>() != 0;
  head.url = cursor.Text();
  head.status_text = cursor.Text();
  head.headers = cursor.Fields();
  if (!cursor.done()) return BrokenFrame("head");
  return head;
}

Result<ErrorFrame> DecodeError(std::string_view payload) {
  FrameCursor cursor(payload);
  ErrorFrame error;
  error.result = cursor.Get<FetchResult>();
  error.message = cursor.Text();
  if (!cursor.done() || static_cast<int>(error.result) >= js::kFetchResults) return BrokenFrame("error");
  return error;
}

Result<uint32_t> DecodeCredit(std::string_view payload) {
  FrameCursor cursor(payload);
  const auto bytes = cursor.Get<uint32_t>();
  if (!cursor.done()) return BrokenFrame("credit");
  return bytes;
}

Result<MessageFrame> DecodeMessage(std::string_view payload) {
  FrameCursor cursor(payload);
  MessageFrame message;
  message.kind = cursor.Get<MessageKind>();
  message.bytes = cursor.Get<uint64_t>();
  if (!cursor.done() || message.kind > MessageKind::kBinary) return BrokenFrame("message");
  return message;
}

Result<TakenFrame> DecodeTaken(std::string_view payload) {
  FrameCursor cursor(payload);
  TakenFrame taken;
  taken.bytes = cursor.Get<uint32_t>();
  taken.messages = cursor.Get<uint32_t>();
  if (!cursor.done()) return BrokenFrame("taken");
  return taken;
}

Result<CloseFrame> DecodeClose(std::string_view payload) {
  FrameCursor cursor(payload);
  CloseFrame close;
  close.code = cursor.Get<uint16_t>();
  close.reason = cursor.Text();
  if (!cursor.done() || close.reason.size() > js::kSocketReasonBytesMax) return BrokenFrame("close");
  return close;
}

}  // namespace zts::ipc
