// Reads a response where JavaScript left it: status and content type in the shared block, the other headers as one string, the
// body as a V8 value. Nothing is copied but the body, once, to where the engine wants it.
//
// Owner:    a local variable around OnResponse.
// Thread:   the isolate's.
// Life:     within the HandleScope its body was made in; `fields` and `head` outlive it.
#pragma once

#include <v8.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/header_field.h"
#include "jsruntime/isolate.h"

namespace zts::js {

// Index 1 of the shared block, by the same numbers in web/response.js.
enum class ContentType { kNone, kText, kJson, kInHead };

class ResponseReader final : public ResponseView {
 public:
  // `fields` is scratch space kept between responses. `head` is "name\nvalue\nname\nvalue".
  ResponseReader(v8::Isolate* isolate, int status, ContentType type, std::string_view head, v8::Local<v8::Value> body,
                 std::vector<HeaderField>* fields);

  // The body is an object that is no view: its stream.
  bool streams() const { return form_ == Form::kStreamed; }
  // Nobody will read the stream (see ResponseView::Form::kOmitted).
  void Omit() { omitted_ = true; }

  ResponseView::Form form() const override {
    if (form_ != Form::kStreamed) return ResponseView::Form::kWhole;
    return omitted_ ? ResponseView::Form::kOmitted : ResponseView::Form::kStream;
  }
  std::optional<uint64_t> declared_length() const override { return declared_length_; }
  int status() const override { return status_; }
  std::span<const HeaderField> headers() const override { return *fields_; }
  size_t body_bytes() const override { return body_bytes_; }
  void CopyBody(char* out) const override;
  std::string_view BorrowBody() const override;

 private:
  enum class Form { kEmpty, kSmall, kOneByte, kUtf8, kBytes, kStreamed };
  // Bodies up to here are copied when they are measured: looking into a string of V8's again costs more.
  static constexpr size_t kSmallBytes = 256;
  void AddHead(std::string_view head);
  void MeasureBody();

  v8::Isolate* isolate_;
  int status_;
  v8::Local<v8::Value> body_;
  std::vector<HeaderField>* fields_;
  Form form_ = Form::kEmpty;
  size_t body_bytes_ = 0;
  std::optional<uint64_t> declared_length_;
  bool omitted_ = false;
  char small_[kSmallBytes];  // kSmall's
  mutable std::optional<v8::String::ValueView> borrowed_;  // while it is there, V8 moves nothing
};

}  // namespace zts::js
