#include "jsruntime/ops/fetch.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "jsruntime/ops/text.h"
#include "jsruntime/realm.h"

namespace zts::js {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// Credit goes back in pieces of this size at least.
constexpr uint32_t kCreditBytesMin = kFetchWindowBytes / 4;
// One piece of a body: what a read gives at most.
constexpr size_t kPieceBytesMax = 64 * 1024;

enum Field : uint32_t { kMethod, kUrl, kHeaders, kRedirect, kBodyKind, kBodyBytes, kBody };

// A request as JavaScript gave it, as bytes.
class Request {
 public:
  bool Read(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Array> from) {
    isolate_ = isolate;
    context_ = context;
    v8::Local<v8::Value> headers, body;
    if (!Text(from, kMethod, &request_.method) || !Text(from, kUrl, &request_.url)) return false;
    if (!from->Get(context, kHeaders).ToLocal(&headers) || !headers->IsArray() || !Headers(headers.As<v8::Array>())) return false;
    request_.redirect = static_cast<FetchRedirect>(Number(from, kRedirect));
    request_.body_kind = static_cast<FetchBody>(Number(from, kBodyKind));
    request_.body_bytes = Number(from, kBodyBytes);
    if (!from->Get(context, kBody).ToLocal(&body)) return false;
    if (request_.body_kind == FetchBody::kWhole) {
      const BufferBytes bytes(body);
      body_.assign(bytes.chars(), bytes.size());
      request_.body = body_;
    }
    return request_.redirect <= FetchRedirect::kManual && request_.body_kind <= FetchBody::kSocket &&
           body_.size() <= kFetchWholeBodyBytesMax;
  }
  size_t head_bytes() const { return bytes_; }
  const FetchRequest& view() const { return request_; }

 private:
  // Latin-1 code units are the bytes of a ByteString.
  bool Text(v8::Local<v8::Array> from, uint32_t index, std::string_view* out) {
    v8::Local<v8::Value> value;
    if (!from->Get(context_, index).ToLocal(&value) || !value->IsString()) return false;
    const auto text = value.As<v8::String>();
    std::string& kept = texts_.emplace_back(static_cast<size_t>(text->Length()), '\0');
    text->WriteOneByteV2(isolate_, 0, static_cast<uint32_t>(kept.size()), reinterpret_cast<uint8_t*>(kept.data()));
    bytes_ += kept.size();
    *out = kept;
    return true;
  }
  uint64_t Number(v8::Local<v8::Array> from, uint32_t index) {
    v8::Local<v8::Value> value;
    if (!from->Get(context_, index).ToLocal(&value) || !value->IsNumber()) return 0;
    return static_cast<uint64_t>(value.As<v8::Number>()->Value());
  }
  bool Headers(v8::Local<v8::Array> list) {
    for (uint32_t i = 0; i + 1 < list->Length(); i += 2) {
      HeaderField field;
      if (!Text(list, i, &field.name) || !Text(list, i + 1, &field.value)) return false;
      fields_.push_back(field);
    }
    request_.headers = fields_;
    return true;
  }

  v8::Isolate* isolate_ = nullptr;
  v8::Local<v8::Context> context_;
  std::deque<std::string> texts_;
  std::vector<HeaderField> fields_;
  std::string body_;
  FetchRequest request_;
  size_t bytes_ = 0;
};

void Refuse(const Info& info, FetchResult why, std::string_view message) {
  std::string text(FetchResultName(why));
  text.append(":").append(message);
  v8::Local<v8::String> value;
  if (Utf8String(info.GetIsolate(), text).ToLocal(&value)) info.GetReturnValue().Set(value);
}

// Why the invocation may not make another one; empty: it may.
std::string OverLimit(const Invocation& invocation, const Limits& limits) {
  if (invocation.fetches_begun >= limits.subrequests_max) {
    return "this invocation has made " + std::to_string(limits.subrequests_max) + " outgoing requests, which is the limit";
  }
  if (invocation.fetches_open >= limits.subrequests_at_once) {
    return "this invocation has " + std::to_string(limits.subrequests_at_once) +
           " outgoing requests under way, which is the limit: read or cancel the bodies of earlier responses first";
  }
  return {};
}

void FetchStart(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Realm* realm = Realm::From(isolate);
  if (realm == nullptr || info.Length() != 1 || !info[0]->IsArray()) return;
  const uint64_t serial = Realm::CurrentSerial(isolate);
  Invocation* invocation = realm->invocations.Find(serial);
  if (invocation == nullptr) {
    return Refuse(info, FetchResult::kCanceled,
                  serial == 0 ? "requests cannot be made while the module loads, or by no invocation's work: make them in the handler"
                              : "the invocation is over: work that goes on after the response belongs into ctx.waitUntil()");
  }
  if (const std::string over = OverLimit(*invocation, realm->script->limits); !over.empty()) {
    return Refuse(info, FetchResult::kLimit, over);
  }
  Request request;
  if (!request.Read(isolate, isolate->GetCurrentContext(), info[0].As<v8::Array>())) return;
  if (request.head_bytes() > kFetchHeadBytesMax || request.view().headers.size() > kFetchFieldsMax) {
    return Refuse(info, FetchResult::kLimit, "URL and headers are larger than " + std::to_string(kFetchHeadBytesMax / 1024) +
                                                 " KiB or more than " + std::to_string(kFetchFieldsMax));
  }
  FetchDoor* door = realm->client == nullptr ? nullptr : realm->client->fetch_door();
  const FetchId id = door == nullptr ? 0 : door->Start(request.view());
  if (id == 0) return Refuse(info, FetchResult::kUnavailable, "outgoing requests cannot be made at the moment; try again");
  ++invocation->fetches_begun;
  if (++invocation->fetches_open == 1) realm->client->OnUpstream(invocation->id, IsolateClient::Upstream::kWaits);
  Fetch& fetch = realm->fetches.Add(id, serial);
  if (request.view().body_kind == FetchBody::kSocket) fetch.socket = std::make_unique<Socket>();
  info.GetReturnValue().Set(static_cast<double>(id));
}

// The request of info[0], with its door; null where it is over.
Fetch* FetchOf(const Info& info, FetchId* id, FetchDoor** door) {
  Realm* realm = Realm::From(info.GetIsolate());
  if (realm == nullptr || realm->client == nullptr || info.Length() < 1 || !info[0]->IsNumber()) return nullptr;
  *id = static_cast<FetchId>(info[0].As<v8::Number>()->Value());
  *door = realm->client->fetch_door();
  return *door == nullptr ? nullptr : realm->fetches.Find(*id);
}

void FetchRead(const Info& info) {
  FetchId id;
  FetchDoor* door;
  Fetch* fetch = FetchOf(info, &id, &door);
  if (fetch == nullptr) return info.GetReturnValue().SetNull();
  if (fetch->unread.empty()) {
    if (fetch->ended) {
      Realm::From(info.GetIsolate())->ForgetFetch(id);
      return info.GetReturnValue().SetNull();
    }
    fetch->reading = true;
    return;
  }
  const size_t size = std::min(fetch->unread.size(), kPieceBytesMax);
  uint8_t* data = nullptr;
  v8::Local<v8::Uint8Array> piece;
  if (!NewBytes(info.GetIsolate(), size, &data).ToLocal(&piece)) return;
  std::memcpy(data, fetch->unread.data(), size);
  fetch->unread.erase(0, size);
  fetch->owed += static_cast<uint32_t>(size);
  if (!fetch->ended && fetch->owed >= kCreditBytesMin) door->ReadMore(id, std::exchange(fetch->owed, 0));
  info.GetReturnValue().Set(piece);
}

void FetchSend(const Info& info) {
  FetchId id;
  FetchDoor* door;
  Fetch* fetch = FetchOf(info, &id, &door);
  info.GetReturnValue().Set(fetch != nullptr && !fetch->ended);
  if (fetch == nullptr || fetch->ended || info.Length() != 4 || !info[2]->IsNumber() || !info[3]->IsNumber()) return;
  const BufferBytes bytes(info[1]);
  const size_t to = std::min(bytes.size(), static_cast<size_t>(info[3].As<v8::Number>()->Value()));
  const size_t from = std::min(to, static_cast<size_t>(info[2].As<v8::Number>()->Value()));
  if (to > from) door->SendBody(id, {bytes.chars() + from, to - from});
}

void FetchFinish(const Info& info) {
  FetchId id;
  FetchDoor* door;
  const Fetch* fetch = FetchOf(info, &id, &door);
  if (fetch != nullptr && !fetch->ended) door->FinishBody(id);
}

void FetchRewound(const Info& info) {
  FetchId id;
  FetchDoor* door;
  const Fetch* fetch = FetchOf(info, &id, &door);
  if (fetch != nullptr && !fetch->ended) door->Rewound(id);
}

void FetchCancel(const Info& info) {
  FetchId id;
  FetchDoor* door;
  const Fetch* fetch = FetchOf(info, &id, &door);
  if (fetch == nullptr) return;
  if (!fetch->ended) door->Cancel(id);
  Realm::From(info.GetIsolate())->ForgetFetch(id);
}

// --- WebSockets -------------------------------------------------------------------------------------------------------------

void SocketSend(const Info& info) {
  FetchId id;
  FetchDoor* door;
  Fetch* fetch = FetchOf(info, &id, &door);
  if (fetch == nullptr || fetch->ended || fetch->socket == nullptr || info.Length() != 4 || !info[3]->IsNumber()) return;
  Socket& socket = *fetch->socket;
  const BufferBytes bytes(info[2]);
  const size_t from = std::min(bytes.size(), static_cast<size_t>(info[3].As<v8::Number>()->Value()));
  const size_t left = bytes.size() - from;
  const bool begins = from == 0;
  if (begins && (socket.room_messages == 0 || (left > 0 && socket.room_bytes == 0))) {
    socket.wants_room = true;
    return info.GetReturnValue().Set(-1);
  }
  if (begins) {
    --socket.room_messages;
    door->SendMessage(id, info[1]->IsTrue() ? SocketMessage::kText : SocketMessage::kBinary, left);
  }
  const size_t sent = std::min<size_t>(left, socket.room_bytes);
  if (sent > 0) door->SendBody(id, {bytes.chars() + from, sent});
  socket.room_bytes -= static_cast<uint32_t>(sent);
  socket.wants_room = sent < left;
  info.GetReturnValue().Set(static_cast<uint32_t>(sent));
}

void SocketUntaken(const Info& info) {
  FetchId id;
  FetchDoor* door;
  const Fetch* fetch = FetchOf(info, &id, &door);
  const bool open = fetch != nullptr && fetch->socket != nullptr;
  info.GetReturnValue().Set(open ? kFetchWindowBytes - fetch->socket->room_bytes : 0);
}

void SocketClose(const Info& info) {
  FetchId id;
  FetchDoor* door;
  const Fetch* fetch = FetchOf(info, &id, &door);
  if (fetch == nullptr || fetch->ended || fetch->socket == nullptr) return;
  if (info.Length() != 3 || !info[1]->IsInt32() || !info[2]->IsString()) return;
  const Utf8Text reason(info.GetIsolate(), info[2].As<v8::String>());
  const auto code = static_cast<uint16_t>(info[1].As<v8::Int32>()->Value());
  if (reason.size() <= kSocketReasonBytesMax) door->CloseSocket(id, code, reason.view());
}

constexpr Op kOps[] = {
    {"fetchStart", FetchStart},   {"fetchRead", FetchRead},       {"fetchSend", FetchSend},
    {"fetchFinish", FetchFinish}, {"fetchRewound", FetchRewound}, {"fetchCancel", FetchCancel},
    {"socketSend", SocketSend},   {"socketClose", SocketClose},   {"socketUntaken", SocketUntaken},
};

}  // namespace

std::span<const Op> FetchOps() { return kOps; }

}  // namespace zts::js
