// V8Isolate's turns for what comes of outgoing requests and WebSockets.
#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jsruntime/errors.h"
#include "jsruntime/ops/text.h"
#include "jsruntime/v8_isolate_parts.h"

namespace zts::js {
namespace {

// Of a message of a WebSocket that is not whole yet: more becomes JavaScript's, where it counts as the function's memory.
constexpr size_t kPieceBytesMax = 64 * 1024;
// What has been taken is told in parts of the window.
constexpr uint32_t kTellBytes = kFetchWindowBytes / 4;
constexpr uint32_t kTellMessages = kSocketWindowMessages / 4;

void TellTaken(FetchDoor* door, FetchId id, Fetch* fetch) {
  if (fetch->owed < kTellBytes && fetch->socket->owed_messages < kTellMessages) return;
  if (door != nullptr) door->MessagesTaken(id, std::exchange(fetch->owed, 0), std::exchange(fetch->socket->owed_messages, 0));
}

}  // namespace

// A turn only for what somebody waits for: bytes that nobody has asked for yet lie where they are.
void V8Isolate::OnFetch(FetchId id, const FetchEvent& event) {
  Fetch* fetch = realm_.fetches.Find(id);
  if (fetch == nullptr || !usable_) return;
  if (event.kind == FetchEvent::Kind::kData) fetch->unread.append(event.bytes);
  if (fetch->socket != nullptr && OnSocket(id, fetch, event)) return;
  const bool is_error = event.kind == FetchEvent::Kind::kError || event.kind == FetchEvent::Kind::kClosed;
  const bool is_end = event.kind == FetchEvent::Kind::kEnd;
  const uint64_t serial = fetch->serial;
  const bool is_piece = event.kind == FetchEvent::Kind::kData || is_end;
  const bool awaited = is_piece && std::exchange(fetch->reading, false);
  if (is_end || is_error) realm_.FetchEnded(fetch);
  if (is_error || (is_end && fetch->unread.empty())) realm_.ForgetFetch(id);
  if (is_piece && !awaited) return;
  const Turn turn(this);
  Realm::EnterInvocation(isolate_, serial);
  TellFetch(turn.context(), id, event);
  FinishTurn(turn.context(), serial);
}

// [kind, ...]: head [0, status, statusText, url, redirected, name, value, ...]; readable [1]; error [2, code, message];
// writable [3, bytes]; rewind [4]; closed [7, code, reason]. As web/fetch.js reads it.
void V8Isolate::TellFetch(v8::Local<v8::Context> context, FetchId id, const FetchEvent& event) {
  std::vector<v8::Local<v8::Value>> items;
  const auto number = [&](double value) { items.push_back(v8::Number::New(isolate_, value)); };
  const auto latin1 = [&](std::string_view text) {
    v8::Local<v8::String> string;
    items.push_back(Latin1String(isolate_, text).ToLocal(&string) ? string : v8::String::Empty(isolate_));
  };
  switch (event.kind) {
    case FetchEvent::Kind::kHead:
      number(0);
      number(event.head->status);
      latin1(event.head->status_text);
      latin1(event.head->url);
      items.push_back(v8::Boolean::New(isolate_, event.head->redirected));
      for (const HeaderField& field : event.head->headers) {
        latin1(field.name);
        latin1(field.value);
      }
      break;
    case FetchEvent::Kind::kData:
    case FetchEvent::Kind::kEnd: number(1); break;
    case FetchEvent::Kind::kError:
      number(2);
      latin1(FetchResultName(event.result));
      items.push_back(Text(isolate_, event.bytes));
      break;
    case FetchEvent::Kind::kWritable:
    case FetchEvent::Kind::kTaken:
      number(3);
      number(event.credit);
      break;
    case FetchEvent::Kind::kRewind: number(4); break;
    case FetchEvent::Kind::kClosed:
      number(7);
      number(event.close_code);
      items.push_back(Text(isolate_, event.bytes));
      break;
    case FetchEvent::Kind::kMessage: return;  // TellMessage's
  }
  CallFetchEvent(context, id, items);
}

void V8Isolate::CallFetchEvent(v8::Local<v8::Context> context, FetchId id, std::vector<v8::Local<v8::Value>>& items) {
  Caught caught(isolate_);
  v8::Local<v8::Value> ignored;
  const auto list = v8::Array::New(isolate_, items.data(), items.size());
  if (Call(context, kFetchEvent, v8::Number::New(isolate_, static_cast<double>(id)), list).ToLocal(&ignored)) return;
  if (TerminationSeen() || caught.HasTerminated()) return;  // FinishTurn's
  const Outcome outcome = OutcomeOf(isolate_, context, caught, OutcomeKind::kThrew);
  realm_.Console(realm_.CurrentInvocation(isolate_), LogSeverity::kException, "Uncaught " + TextOf(outcome));
}

// The requests of an invocation that is over. Somebody else may wait for them (a promise that two requests share), so JavaScript is told:
// in this turn or in one of its own.
void V8Isolate::AbandonFetches(uint64_t serial) {
  FetchDoor* door = realm_.client == nullptr ? nullptr : realm_.client->fetch_door();
  realm_.fetches.Abandon(serial, door);
  if (usable_ && realm_.client != nullptr) realm_.client->OnTasksPosted();
}

void V8Isolate::TellOrphans(v8::Local<v8::Context> context) {
  const std::vector<FetchId> orphans = std::exchange(realm_.fetches.orphans(), {});
  for (const FetchId id : orphans) {
    const v8::HandleScope handles(isolate_);
    if (!usable_ || TerminationSeen()) return;
    TellFetch(context, id,
              {.kind = FetchEvent::Kind::kError,
               .bytes = "the invocation that made this request is over; what goes on after the response belongs into ctx.waitUntil()",
               .result = FetchResult::kCanceled});
  }
}

// --- WebSockets -------------------------------------------------------------------------------------------------------------

// True: there is nothing more to do for the event.
bool V8Isolate::OnSocket(FetchId id, Fetch* fetch, const FetchEvent& event) {
  Socket& socket = *fetch->socket;
  switch (event.kind) {
    case FetchEvent::Kind::kTaken:
      socket.room_bytes = std::min(socket.room_bytes + event.credit, kFetchWindowBytes);
      socket.room_messages = std::min(socket.room_messages + event.messages, kSocketWindowMessages);
      return !std::exchange(socket.wants_room, false);
    case FetchEvent::Kind::kData:
      if (fetch->unread.size() >= kPieceBytesMax) RunMessage(id, fetch, nullptr);
      return true;
    case FetchEvent::Kind::kMessage:
      ++socket.owed_messages;
      RunMessage(id, fetch, &event);
      return true;
    default: return false;
  }
}

// What has come of a message becomes JavaScript's; `end` is its end, or null.
void V8Isolate::RunMessage(FetchId id, Fetch* fetch, const FetchEvent* end) {
  const std::string bytes = std::exchange(fetch->unread, {});
  const uint64_t serial = fetch->serial;
  const bool in_pieces = std::exchange(fetch->socket->in_pieces, end == nullptr);
  const bool is_text = end != nullptr && end->message == SocketMessage::kText;
  fetch->owed += static_cast<uint32_t>(bytes.size());
  FetchDoor* door = realm_.client == nullptr ? nullptr : realm_.client->fetch_door();
  TellTaken(door, id, fetch);
  const Turn turn(this);
  Realm::EnterInvocation(isolate_, serial);
  const bool told = TellMessage(turn.context(), id, bytes, end != nullptr, is_text, in_pieces);
  if (!told && !TerminationSeen()) {
    if (door != nullptr) door->Cancel(id);
    realm_.ForgetFetch(id);
    TellFetch(turn.context(), id,
              {.kind = FetchEvent::Kind::kError,
               .bytes = "a message does not fit into the memory that this function may use",
               .result = FetchResult::kLimit});
  }
  FinishTurn(turn.context(), serial);
}

// A piece [5, bytes] of a message whose end is still to come; its end [6, isText, value]: a string where it is a text in one piece, else
// bytes. False: the function has no memory for it.
bool V8Isolate::TellMessage(v8::Local<v8::Context> context, FetchId id, std::string_view bytes, bool ends, bool is_text, bool in_pieces) {
  std::vector<v8::Local<v8::Value>> items = {v8::Number::New(isolate_, ends ? 6 : 5)};
  if (ends) items.push_back(v8::Boolean::New(isolate_, is_text));
  {
    Caught caught(isolate_);
    v8::Local<v8::String> text;
    v8::Local<v8::Uint8Array> piece;
    uint8_t* data = nullptr;
    if (is_text && !in_pieces) {
      if (!Utf8String(isolate_, bytes).ToLocal(&text)) return false;
      items.push_back(text);
    } else {
      if (!NewBytes(isolate_, bytes.size(), &data).ToLocal(&piece)) return false;
      if (!bytes.empty()) std::memcpy(data, bytes.data(), bytes.size());
      items.push_back(piece);
    }
  }
  CallFetchEvent(context, id, items);
  return true;
}

}  // namespace zts::js
