#include "worker/ipc/egress_frame.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace zts::ipc {
namespace {

// More are no head, whatever their size.
constexpr uint32_t kFieldsMax = 4096;

class Writer {
 public:
  Writer(FrameType type, uint64_t stream, std::string* out) : out_(out), start_(out->size()) {
    const FrameHeader header{0, type, 0, 0, stream};
    out->append(reinterpret_cast<const char*>(&header), sizeof header);
  }
  ~Writer() {
    const auto bytes = static_cast<uint32_t>(out_->size() - start_ - sizeof(FrameHeader));
    ZTS_CHECK(bytes <= kFrameBytesMax);
    std::memcpy(out_->data() + start_ + offsetof(FrameHeader, bytes), &bytes, sizeof bytes);
  }
  template <typename Integer>
  void Put(Integer value) {
    out_->append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void Put(std::string_view text) {
    Put(static_cast<uint32_t>(text.size()));
    out_->append(text);
  }
  void Put(const std::vector<HeaderField>& fields) {
    Put(static_cast<uint32_t>(fields.size()));
    for (const HeaderField& field : fields) {
      Put(field.name);
      Put(field.value);
    }
  }

 private:
  std::string* out_;
  size_t start_;
};

// Reads what Writer wrote; what is not there is zero and makes ok() false.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}
  template <typename Integer>
  Integer Get() {
    Integer value{};
    if (rest_.size() < sizeof value) {
      ok_ = false;
      return value;
    }
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view Text() {
    const auto size = Get<uint32_t>();
    if (rest_.size() < size) ok_ = false;
    const std::string_view text = ok_ ? rest_.substr(0, size) : std::string_view();
    if (ok_) rest_.remove_prefix(size);
    return text;
  }
  std::vector<HeaderField> Fields() {
    const auto count = Get<uint32_t>();
    if (count > kFieldsMax) ok_ = false;
    std::vector<HeaderField> fields;
    for (uint32_t i = 0; ok_ && i < count; ++i) {
      const std::string_view name = Text();
      fields.push_back({name, Text()});
    }
    return fields;
  }
  // All was there, and nothing is left.
  bool done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

Error Broken(std::string_view what) { return {ErrorCode::kCorrupt, "a broken " + std::string(what) + " frame"}; }

}  // namespace

void AppendRequest(uint64_t stream, const RequestFrame& request, std::string* out) {
  Writer writer(FrameType::kRequest, stream, out);
  writer.Put(request.version_id);
  writer.Put(request.redirect);
  writer.Put(request.body_kind);
  writer.Put(request.body_bytes);
  writer.Put(request.method);
  writer.Put(request.url);
  writer.Put(request.headers);
  writer.Put(request.body);
}

void AppendHead(uint64_t stream, const HeadFrame& head, std::string* out) {
  Writer writer(FrameType::kHead, stream, out);
  writer.Put(head.status);
  writer.Put(static_cast<uint8_t>(head.redirected));
  writer.Put(head.url);
  writer.Put(head.status_text);
  writer.Put(head.headers);
}

void AppendError(uint64_t stream, const ErrorFrame& error, std::string* out) {
  Writer writer(FrameType::kError, stream, out);
  writer.Put(error.result);
  writer.Put(error.message);
}

void AppendCredit(uint64_t stream, uint32_t bytes, std::string* out) { Writer(FrameType::kCredit, stream, out).Put(bytes); }

void AppendBytes(FrameType type, uint64_t stream, std::string_view bytes, std::string* out) {
  for (size_t at = 0; at < bytes.size(); at += kDataFrameBytesMax) {
    const std::string_view piece = bytes.substr(at, kDataFrameBytesMax);
    const FrameHeader header{static_cast<uint32_t>(piece.size()), type, 0, 0, stream};
    out->append(reinterpret_cast<const char*>(&header), sizeof header);
    out->append(piece);
  }
}

void AppendSignal(FrameType type, uint64_t stream, std::string* out) { Writer(type, stream, out); }

Result<RequestFrame> DecodeRequest(std::string_view payload) {
  Cursor cursor(payload);
  RequestFrame request;
  request.version_id = cursor.Get<uint64_t>();
  request.redirect = cursor.Get<Redirect>();
  request.body_kind = cursor.Get<BodyKind>();
  request.body_bytes = cursor.Get<uint64_t>();
  request.method = cursor.Text();
  request.url = cursor.Text();
  request.headers = cursor.Fields();
  request.body = cursor.Text();
  if (!cursor.done() || request.redirect > Redirect::kManual || request.body_kind > BodyKind::kStream) return Broken("request");
  return request;
}

Result<HeadFrame> DecodeHead(std::string_view payload) {
  Cursor cursor(payload);
  HeadFrame head;
  head.status = cursor.Get<uint16_t>();
  head.redirected = cursor.Get<uint8_t>() != 0;
  head.url = cursor.Text();
  head.status_text = cursor.Text();
  head.headers = cursor.Fields();
  if (!cursor.done()) return Broken("head");
  return head;
}

Result<ErrorFrame> DecodeError(std::string_view payload) {
  Cursor cursor(payload);
  ErrorFrame error;
  error.result = cursor.Get<FetchResult>();
  error.message = cursor.Text();
  if (!cursor.done() || static_cast<int>(error.result) >= js::kFetchResults) return Broken("error");
  return error;
}

Result<uint32_t> DecodeCredit(std::string_view payload) {
  Cursor cursor(payload);
  const auto bytes = cursor.Get<uint32_t>();
  if (!cursor.done()) return Broken("credit");
  return bytes;
}

Result<std::optional<FrameReader::Frame>> FrameReader::Take(std::string_view* rest) {
  Frame frame;
  if (rest->size() < sizeof frame.header) return std::optional<Frame>();
  std::memcpy(&frame.header, rest->data(), sizeof frame.header);
  const auto type = static_cast<int>(frame.header.type);
  if (frame.header.bytes > kFrameBytesMax || type < static_cast<int>(FrameType::kRequest) ||
      type > static_cast<int>(FrameType::kRewind)) {
    return Error{ErrorCode::kCorrupt, "a frame of type " + std::to_string(type) + " and " + std::to_string(frame.header.bytes) + " bytes"};
  }
  if (rest->size() < sizeof frame.header + frame.header.bytes) return std::optional<Frame>();
  frame.payload = rest->substr(sizeof frame.header, frame.header.bytes);
  rest->remove_prefix(sizeof frame.header + frame.header.bytes);
  return std::optional<Frame>(frame);
}

void FrameReader::Keep(std::string_view rest) {
  if (rest.empty()) {
    partial_.clear();
  } else if (rest.data() != partial_.data() || rest.size() != partial_.size()) {
    partial_ = std::string(rest);
  }
}

}  // namespace zts::ipc
