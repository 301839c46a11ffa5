#include "jsruntime/response_reader.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"
#include "jsruntime/ops/simdutf.h"

namespace zts::js {
namespace {

// Set by the writer, or by nobody: a function that sets them would break the framing of the connection.
constexpr std::array<std::string_view, 9> kWritersOwn = {"connection", "content-length", "date",    "keep-alive", "te",
                                                         "trailer",    "transfer-encoding", "upgrade", "proxy-connection"};

bool IsWritersOwn(std::string_view name) {
  return std::find(kWritersOwn.begin(), kWritersOwn.end(), name) != kWritersOwn.end();
}

constexpr bool IsNameCharacter(unsigned char c) {
  if (c >= 'a' && c <= 'z') return true;
  if (c >= '0' && c <= '9') return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
}

// web/headers.js has checked both; a function that tampers with the language itself could have talked it out of that, and then the field
// is left out.
bool IsValidField(std::string_view name, std::string_view value) {
  if (name.empty() || !std::all_of(name.begin(), name.end(), [](char c) { return IsNameCharacter(c); })) return false;
  return std::none_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 32 && byte != '\t') || byte == 127;
  });
}

std::string_view TakeLine(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

ResponseReader::ResponseReader(v8::Isolate* isolate, int status, ContentType type, std::string_view head,
                               v8::Local<v8::Value> body, std::vector<HeaderField>* fields)
    : isolate_(isolate), status_(status), body_(body), fields_(fields) {
  fields_->clear();
  switch (type) {
    case ContentType::kNone: break;
    case ContentType::kText: fields_->push_back({"content-type", "text/plain;charset=UTF-8"}); break;
    case ContentType::kJson: fields_->push_back({"content-type", "application/json"}); break;
    case ContentType::kInHead: AddHead(head); break;
  }
  MeasureBody();
}

void ResponseReader::AddHead(std::string_view head) {
  while (!head.empty()) {
    const std::string_view name = TakeLine(head);
    const std::string_view value = TakeLine(head);
    if (name == "content-length") declared_length_ = ParseInteger<uint64_t>(value);
    if (!IsWritersOwn(name) && IsValidField(name, value)) fields_->push_back({name, value});
  }
}

void ResponseReader::MeasureBody() {
  if (body_->IsString()) {
    const auto string = body_.As<v8::String>();
    const v8::String::ValueView view(isolate_, string);
    const size_t length = view.length();
    if (length == 0) return;
    if (view.is_one_byte() && simdutf::validate_ascii(reinterpret_cast<const char*>(view.data8()), length)) {
      form_ = length <= kSmallBytes ? Form::kSmall : Form::kOneByte;
      body_bytes_ = length;
      if (form_ == Form::kSmall) std::memcpy(small_, view.data8(), length);
      return;
    }
    form_ = Form::kUtf8;
  } else if (body_->IsArrayBufferView()) {
    form_ = Form::kBytes;
    body_bytes_ = body_.As<v8::ArrayBufferView>()->ByteLength();
    return;
  } else {
    if (body_->IsObject()) form_ = Form::kStreamed;
    return;
  }
  body_bytes_ = body_.As<v8::String>()->Utf8LengthV2(isolate_);
}

void ResponseReader::CopyBody(char* out) const {
  switch (form_) {
    case Form::kEmpty:
    case Form::kStreamed: return;
    case Form::kSmall: std::memcpy(out, small_, body_bytes_); return;
    case Form::kOneByte: {
      const v8::String::ValueView view(isolate_, body_.As<v8::String>());
      std::memcpy(out, view.data8(), body_bytes_);
      return;
    }
    case Form::kUtf8:
      body_.As<v8::String>()->WriteUtf8V2(isolate_, out, body_bytes_, v8::String::WriteFlags::kReplaceInvalidUtf8);
      return;
    case Form::kBytes:
      body_.As<v8::ArrayBufferView>()->CopyContents(out, body_bytes_);
      return;
  }
}

std::string_view ResponseReader::BorrowBody() const {
  switch (form_) {
    case Form::kEmpty:
    case Form::kUtf8:
    case Form::kStreamed: return {};
    case Form::kSmall: return {small_, body_bytes_};
    case Form::kOneByte:
      borrowed_.emplace(isolate_, body_.As<v8::String>());
      return {reinterpret_cast<const char*>(borrowed_->data8()), body_bytes_};
    case Form::kBytes: {
      const auto bytes = body_.As<v8::ArrayBufferView>();
      return {static_cast<const char*>(bytes->Buffer()->Data()) + bytes->ByteOffset(), body_bytes_};
    }
  }
  return {};
}

}  // namespace zts::js
