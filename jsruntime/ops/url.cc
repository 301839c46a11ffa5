#include "jsruntime/ops/url.h"

#include <cstring>
#include <string_view>

#include "jsruntime/ops/ada.h"
#include "jsruntime/ops/plain_url.h"
#include "jsruntime/ops/text.h"

namespace zts::js {
namespace {

constexpr size_t kUrlBytesMax = size_t{1} << 30;
constexpr size_t kPartsBytes = sizeof(ada_url_components);

// One parsed URL of ada's; empty where the input was none.
class Parsed {
 public:
  explicit Parsed(ada_url url) : url_(url) {}
  ~Parsed() {
    if (url_ != nullptr) ada_free(url_);
  }
  Parsed(const Parsed&) = delete;
  Parsed& operator=(const Parsed&) = delete;

  bool ok() const { return url_ != nullptr && ada_is_valid(url_); }
  ada_url get() const { return url_; }
  std::string_view href() const {
    const ada_string text = ada_get_href(url_);
    return {text.data, text.length};
  }

 private:
  ada_url url_;
};

// kAdaOmitted and -1 are the same bits.
void StoreParts(v8::Local<v8::Value> target, const ada_url_components& parts) {
  const std::span<uint8_t> bytes = WritableBytes(target);
  if (bytes.size() >= kPartsBytes) std::memcpy(bytes.data(), &parts, kPartsBytes);
}

// Hands out `source` again where it already is the href: most URLs are canonical, and a string less is made.
void ReturnHref(const v8::FunctionCallbackInfo<v8::Value>& info, const Parsed& url, v8::Local<v8::String> source,
                std::string_view source_text) {
  const std::string_view href = url.href();
  if (href.size() > kUrlBytesMax) return;
  StoreParts(info[info.Length() - 1], *ada_get_components(url.get()));
  if (href == source_text) return info.GetReturnValue().Set(source);
  v8::Local<v8::String> made;
  if (Latin1String(info.GetIsolate(), href).ToLocal(&made)) info.GetReturnValue().Set(made);
}

void UrlParse(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 3 || !info[0]->IsString()) return;
  v8::Isolate* isolate = info.GetIsolate();
  const auto input = info[0].As<v8::String>();
  const Utf8Text text(isolate, input);
  if (text.size() > kUrlBytesMax) return;
  if (!info[1]->IsString()) {
    ada_url_components parts;
    if (ParsePlainUrl(text.view(), &parts)) {
      StoreParts(info[2], parts);
      return info.GetReturnValue().Set(input);
    }
    const Parsed url(ada_parse(text.data(), text.size()));
    if (url.ok()) ReturnHref(info, url, input, text.view());
    return;
  }
  const Utf8Text base(isolate, info[1].As<v8::String>());
  if (base.size() > kUrlBytesMax) return;
  const Parsed url(ada_parse_with_base(text.data(), text.size(), base.data(), base.size()));
  if (url.ok()) ReturnHref(info, url, input, text.view());
}

void UrlCanParse(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() < 1 || !info[0]->IsString()) return info.GetReturnValue().Set(false);
  v8::Isolate* isolate = info.GetIsolate();
  const Utf8Text text(isolate, info[0].As<v8::String>());
  if (text.size() > kUrlBytesMax) return info.GetReturnValue().Set(false);
  if (info.Length() < 2 || !info[1]->IsString()) {
    return info.GetReturnValue().Set(ada_can_parse(text.data(), text.size()));
  }
  const Utf8Text base(isolate, info[1].As<v8::String>());
  info.GetReturnValue().Set(base.size() <= kUrlBytesMax &&
                            ada_can_parse_with_base(text.data(), text.size(), base.data(), base.size()));
}

bool SetPart(ada_url url, UrlPart part, const Utf8Text& value) {
  switch (part) {
    case UrlPart::kHref: return ada_set_href(url, value.data(), value.size());
    case UrlPart::kProtocol: return ada_set_protocol(url, value.data(), value.size());
    case UrlPart::kUsername: return ada_set_username(url, value.data(), value.size());
    case UrlPart::kPassword: return ada_set_password(url, value.data(), value.size());
    case UrlPart::kHost: return ada_set_host(url, value.data(), value.size());
    case UrlPart::kHostname: return ada_set_hostname(url, value.data(), value.size());
    case UrlPart::kPort: return ada_set_port(url, value.data(), value.size());
    case UrlPart::kPathname: return ada_set_pathname(url, value.data(), value.size());
    case UrlPart::kSearch: ada_set_search(url, value.data(), value.size()); return true;
    case UrlPart::kHash: ada_set_hash(url, value.data(), value.size()); return true;
  }
  return false;
}

// A setter that refuses its value leaves the URL as it was; only `href` says so, by undefined.
void UrlSet(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 4 || !info[0]->IsString() || !info[1]->IsInt32() || !info[2]->IsString()) return;
  v8::Isolate* isolate = info.GetIsolate();
  const Utf8Text href(isolate, info[0].As<v8::String>());
  const Utf8Text value(isolate, info[2].As<v8::String>());
  if (value.size() > kUrlBytesMax) return;
  const Parsed url(ada_parse(href.data(), href.size()));
  if (!url.ok()) return;
  const auto part = static_cast<UrlPart>(info[1].As<v8::Int32>()->Value());
  if (!SetPart(url.get(), part, value) && part == UrlPart::kHref) return;
  ReturnHref(info, url, info[0].As<v8::String>(), href.view());
}

constexpr Op kOps[] = {
    {"urlParse", UrlParse},
    {"urlCanParse", UrlCanParse},
    {"urlSet", UrlSet},
};

}  // namespace

std::span<const Op> UrlOps() { return kOps; }

}  // namespace zts::js
