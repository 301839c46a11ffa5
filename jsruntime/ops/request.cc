#include "jsruntime/ops/request.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "jsruntime/ops/text.h"
#include "jsruntime/realm.h"

namespace zts::js {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

void ThrowOver(v8::Isolate* isolate) {
  isolate->ThrowException(v8::Exception::TypeError(v8::String::NewFromUtf8Literal(
      isolate, "This request has been answered and its data is gone: read what you need before the response is returned, or "
               "keep the invocation alive with ctx.waitUntil()")));
}

// The request of info[0]; null with an exception pending when its invocation is over.
const RequestView* RequestOf(const Info& info) {
  Realm* realm = Realm::From(info.GetIsolate());
  if (realm != nullptr && info.Length() >= 1 && info[0]->IsNumber()) {
    const Invocation* invocation = realm->invocations.Find(static_cast<uint64_t>(info[0].As<v8::Number>()->Value()));
    if (invocation != nullptr && invocation->request != nullptr) return invocation->request;
  }
  ThrowOver(info.GetIsolate());
  return nullptr;
}

void Return(const Info& info, std::string_view latin1) {
  v8::Local<v8::String> text;
  if (Latin1String(info.GetIsolate(), latin1).ToLocal(&text)) info.GetReturnValue().Set(text);
}

void RequestMethod(const Info& info) {
  const RequestView* request = RequestOf(info);
  if (request == nullptr) return;
  if (request->method == "GET") {
    return info.GetReturnValue().Set(
        v8::String::NewFromUtf8Literal(info.GetIsolate(), "GET", v8::NewStringType::kInternalized));
  }
  Return(info, request->method);
}

// Bytes of UTF-8 in a target are as good as percent-encoded ones; a URL has the latter.
void AppendTarget(std::string_view target, std::string* url) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : target) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 32 && byte < 127 && c != '"' && c != '<' && c != '>') {
      url->push_back(c);
    } else {
      url->push_back('%');
      url->push_back(kHex[byte >> 4]);
      url->push_back(kHex[byte & 15]);
    }
  }
}

bool IsPlain(std::string_view target) {
  bool plain = true;
  for (const char c : target) {
    const auto byte = static_cast<unsigned char>(c);
    plain &= byte > 32 && byte < 127 && c != '"' && c != '<' && c != '>';
  }
  return plain;
}

std::string_view WithoutDefaultPort(std::string_view scheme, std::string_view authority) {
  const std::string_view port = scheme == "https" ? ":443" : ":80";
  if (authority.size() > port.size() && authority.substr(authority.size() - port.size()) == port) {
    authority.remove_suffix(port.size());
  }
  return authority;
}

void RequestUrl(const Info& info) {
  const RequestView* request = RequestOf(info);
  if (request == nullptr) return;
  const std::string_view authority = WithoutDefaultPort(request->scheme, request->authority);
  const size_t length = request->scheme.size() + 3 + authority.size() + request->target.size();
  char small[512];
  if (length <= sizeof(small) && IsPlain(request->target)) {
    char* out = small;
    const auto put = [&out](std::string_view text) {
      std::memcpy(out, text.data(), text.size());
      out += text.size();
    };
    put(request->scheme);
    put("://");
    out = std::transform(authority.begin(), authority.end(), out, ToLowerAscii);
    put(request->target);
    return Return(info, {small, length});
  }
  std::string url(request->scheme);
  url += "://";
  std::transform(authority.begin(), authority.end(), std::back_inserter(url), ToLowerAscii);
  AppendTarget(request->target, &url);
  Return(info, url);
}

void RequestHeader(const Info& info) {
  const RequestView* request = RequestOf(info);
  if (request == nullptr || info.Length() != 2 || !info[1]->IsString()) return;
  v8::Isolate* isolate = info.GetIsolate();
  const auto wanted = info[1].As<v8::String>();
  char name[128];
  const size_t length = wanted->Length();
  if (length > sizeof(name)) return info.GetReturnValue().SetNull();
  wanted->WriteOneByteV2(isolate, 0, length, reinterpret_cast<uint8_t*>(name));
  const HeaderField* found = nullptr;
  std::string combined;
  for (const HeaderField& field : request->headers) {
    if (field.name.size() != length || !EqualsIgnoreCase(field.name, {name, length})) continue;
    if (found == nullptr) {
      found = &field;
    } else {
      if (combined.empty()) combined = found->value;
      combined.append(", ").append(field.value);
    }
  }
  if (found == nullptr) return info.GetReturnValue().SetNull();
  Return(info, combined.empty() ? found->value : combined);
}

void RequestHeaders(const Info& info) {
  const RequestView* request = RequestOf(info);
  if (request == nullptr) return;
  v8::Isolate* isolate = info.GetIsolate();
  std::vector<v8::Local<v8::Value>> items;
  items.reserve(request->headers.size() * 2);
  std::string name;
  for (const HeaderField& field : request->headers) {
    name.assign(field.name);
    std::transform(name.begin(), name.end(), name.begin(), ToLowerAscii);
    v8::Local<v8::String> key, value;
    if (!Latin1String(isolate, name).ToLocal(&key) || !Latin1String(isolate, field.value).ToLocal(&value)) return;
    items.push_back(key);
    items.push_back(value);
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, items.data(), items.size()));
}

void RequestHasBody(const Info& info) {
  const RequestView* request = RequestOf(info);
  if (request != nullptr) info.GetReturnValue().Set(!request->body.empty() || request->stream != nullptr);
}

// UTF-8 as the Encoding standard decodes it: without its byte order mark, wrong bytes replaced.
void ReturnDecoded(const Info& info, std::string_view bytes) {
  if (bytes.substr(0, 3) == "\xef\xbb\xbf") bytes.remove_prefix(3);
  v8::Local<v8::String> text;
  if (Utf8String(info.GetIsolate(), bytes).ToLocal(&text)) info.GetReturnValue().Set(text);
}

v8::Local<v8::Uint8Array> NewBytes(const Info& info, size_t length) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::ArrayBuffer> buffer;
  if (!v8::ArrayBuffer::MaybeNew(isolate, length, v8::BackingStoreInitializationMode::kUninitialized).ToLocal(&buffer)) {
    isolate->ThrowException(v8::Exception::RangeError(
        v8::String::NewFromUtf8Literal(isolate, "The body does not fit the memory limit of this function")));
    return {};
  }
  return v8::Uint8Array::New(buffer, 0, length);
}

void RequestText(const Info& info) {
  const RequestView* request = RequestOf(info);
  if (request != nullptr) ReturnDecoded(info, request->body);
}

void RequestBytes(const Info& info) {
  const RequestView* request = RequestOf(info);
  if (request == nullptr) return;
  const v8::Local<v8::Uint8Array> bytes = NewBytes(info, request->body.size());
  if (bytes.IsEmpty()) return;
  if (!request->body.empty()) std::memcpy(bytes->Buffer()->Data(), request->body.data(), request->body.size());
  info.GetReturnValue().Set(bytes);
}

void BodyDecode(const Info& info) {
  if (info.Length() != 1) return;
  const BufferBytes bytes(info[0]);
  ReturnDecoded(info, {bytes.chars(), bytes.size()});
}

void BodyEncode(const Info& info) {
  if (info.Length() != 1 || !info[0]->IsString()) return;
  v8::Isolate* isolate = info.GetIsolate();
  const auto text = info[0].As<v8::String>();
  const v8::Local<v8::Uint8Array> bytes = NewBytes(info, text->Utf8LengthV2(isolate));
  if (bytes.IsEmpty()) return;
  text->WriteUtf8V2(isolate, static_cast<char*>(bytes->Buffer()->Data()), bytes->ByteLength(),
                    v8::String::WriteFlags::kReplaceInvalidUtf8);
  info.GetReturnValue().Set(bytes);
}

// [address, port], or null where it is not known.
void RequestPeer(const Info& info) {
  const RequestView* request = RequestOf(info);
  if (request == nullptr) return;
  if (!request->peer.known()) return info.GetReturnValue().SetNull();
  v8::Isolate* isolate = info.GetIsolate();
  char address[PeerAddress::kTextBytesMax + 1];
  v8::Local<v8::String> text;
  if (!Latin1String(isolate, request->peer.Text(address)).ToLocal(&text)) return;
  v8::Local<v8::Value> items[] = {text, v8::Integer::New(isolate, request->peer.port)};
  info.GetReturnValue().Set(v8::Array::New(isolate, items, std::size(items)));
}

constexpr Op kOps[] = {
    {"requestMethod", RequestMethod},   {"requestUrl", RequestUrl},         {"requestHeader", RequestHeader},
    {"requestHeaders", RequestHeaders}, {"requestHasBody", RequestHasBody}, {"requestText", RequestText},
    {"requestBytes", RequestBytes},     {"requestPeer", RequestPeer},       {"bodyDecode", BodyDecode},
    {"bodyEncode", BodyEncode},
};

}  // namespace

std::span<const Op> RequestOps() { return kOps; }

}  // namespace zts::js
