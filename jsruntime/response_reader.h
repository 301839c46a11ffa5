// Reads a response where JavaScript left it: status and content type in the shared block, the other headers as one string, the
// body as a V8 value. Nothing is copied but the body, once, to where the engine wants it.
//
// Owner:    a local variable around OnResponse.
// Thread:   the isolate's.
// Life:     within the HandleScope its body was made in; `fields` and `head` outlive it.
#pragma once

#include <v8.h>

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

  int status() const override { return status_; }
  std::span<const HeaderField> headers() const override { return *fields_; }
  size_t body_bytes() const override { return body_bytes_; }
  void CopyBody(char* out) const override;

 private:
  enum class Form { kEmpty, kOneByte, kUtf8, kBytes };
  void AddHead(std::string_view head);
  void MeasureBody();

  v8::Isolate* isolate_;
  int status_;
  v8::Local<v8::Value> body_;
  std::vector<HeaderField>* fields_;
  Form form_ = Form::kEmpty;
  size_t body_bytes_ = 0;
};

}  // namespace zts::js
