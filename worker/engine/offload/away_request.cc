#include "worker/engine/offload/away_request.h"

#include <cstring>
#include <span>
#include <utility>

#include "base/check.h"
#include "worker/engine/limits.h"

namespace zts::offload {
namespace {

size_t BytesOf(std::span<const HeaderField> fields) {
  size_t bytes = 0;
  for (const HeaderField& field : fields) bytes += field.name.size() + field.value.size();
  return bytes;
}

size_t BytesOf(const js::RequestView& request) {
  return request.method.size() + request.scheme.size() + request.authority.size() + request.target.size() + request.body.size() +
         request.request_id.size() + BytesOf(request.headers);
}

std::vector<HeaderField> CopyFields(std::span<const HeaderField> fields, TextBlock* text) {
  std::vector<HeaderField> copies;
  copies.reserve(fields.size());
  for (const HeaderField& field : fields) copies.push_back({text->Add(field.name), text->Add(field.value)});
  return copies;
}

}  // namespace

std::string_view TextBlock::Add(std::string_view piece) {
  ZTS_CHECK(text_.capacity() - text_.size() >= piece.size());
  const size_t at = text_.size();
  text_.append(piece);
  return std::string_view(text_).substr(at);
}

AwayRequest::AwayRequest(runtime::Ticket its_ticket, runtime::Target its_target, const js::RequestView& request, Body body)
    : ticket(its_ticket), target(std::move(its_target)), streams(body == Body::kStreams), text(BytesOf(request)),
      headers(CopyFields(request.headers, &text)) {
  view.method = text.Add(request.method);
  view.scheme = text.Add(request.scheme);
  view.authority = text.Add(request.authority);
  view.target = text.Add(request.target);
  view.headers = headers;
  view.body = text.Add(request.body);
  view.request_id = text.Add(request.request_id);
  view.peer = request.peer;
}

AwayResponse::AwayResponse(const js::ResponseView& response)
    : form_(response.form()), declared_length_(response.declared_length()), status_(response.status()),
      text_(BytesOf(response.headers())), headers_(CopyFields(response.headers(), &text_)), body_bytes_(response.body_bytes()) {
  if (body_bytes_ == 0 || body_bytes_ > kResponseBodyBytesMax) return;
  body_.resize(body_bytes_);
  response.CopyBody(body_.data());
}

void AwayResponse::CopyBody(char* out) const {
  ZTS_CHECK(body_.size() == body_bytes_);
  std::memcpy(out, body_.data(), body_.size());
}

}  // namespace zts::offload
