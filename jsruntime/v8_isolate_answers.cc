// How invocations of a V8Isolate end: by a response, whole or in pieces, by a failure, or because nobody waits any more.
#include <utility>

#include "jsruntime/errors.h"
#include "jsruntime/response_reader.h"
#include "jsruntime/v8_isolate_parts.h"

namespace zts::js {

void V8Isolate::Deliver(v8::Local<v8::Context> context, uint64_t serial, v8::Local<v8::Value> body) {
  Invocation* invocation = realm_.invocations.Find(serial);
  if (invocation == nullptr || invocation->answered) {  // abandoned meanwhile
    block_[kBodyOnLoan] = 0;
    return;
  }
  ResponseReader response(isolate_, static_cast<int>(block_[kStatus]),
                          static_cast<ContentType>(static_cast<int>(block_[kContentType])), realm_.response_head, body,
                          &response_fields_);
  if (response.streams()) return DeliverStream(context, invocation, &response, body);
  const InvocationId id = invocation->id;
  if (invocation->background == 0) {
    realm_.invocations.Close(*invocation);
  } else {
    invocation->answered = true;
    Realm::KeepRequest(*invocation);
  }
  realm_.client->OnResponse(id, response);
  block_[kBodyOnLoan] = 0;
}

// The head goes out at once; web/body_stream.js reads the stream from here on.
void V8Isolate::DeliverStream(v8::Local<v8::Context> context, Invocation* invocation, ResponseReader* response,
                              v8::Local<v8::Value> stream) {
  const InvocationId id = invocation->id;
  const uint64_t serial = invocation->serial;
  Caught caught(isolate_);
  invocation->answered = true;
  stream_begun_ = true;
  if (invocation->request->method == "HEAD") {
    response->Omit();
    (void)Call(context, kCancel, stream);
    if (TerminationSeen()) {
      invocation->answered = false;  // FinishTurn answers
      return;
    }
    invocation = realm_.invocations.Find(serial);
    if (invocation->background == 0) {
      realm_.invocations.Close(*invocation);
    } else {
      Realm::KeepRequest(*invocation);
    }
    return realm_.client->OnResponse(id, *response);
  }
  invocation->streaming = true;
  realm_.client->OnResponse(id, *response);
  if (!Call(context, kSend, SerialValue(isolate_, serial), stream).IsEmpty() || TerminationSeen() || caught.HasTerminated()) return;
  const Outcome outcome = OutcomeOf(isolate_, context, caught, OutcomeKind::kThrew);
  realm_.Console(id, LogSeverity::kException, "Uncaught " + TextOf(outcome));
  realm_.EndResponse(serial, outcome);
}

void V8Isolate::FailThrown(v8::Local<v8::Context> context, uint64_t serial, const Outcome& outcome) {
  const Invocation* invocation = realm_.invocations.Find(serial);
  if (invocation == nullptr) return;
  realm_.Console(invocation->id, LogSeverity::kException, "Uncaught " + TextOf(outcome));
  Fail(serial, outcome);
}

void V8Isolate::Fail(uint64_t serial, const Outcome& outcome) {
  Invocation* invocation = realm_.invocations.Find(serial);
  if (invocation == nullptr) return;
  const InvocationId id = invocation->id;
  const bool answered = invocation->answered;
  const bool streaming = invocation->streaming;
  const bool abandoned = invocation->abandoned;
  if (!answered && outcome.kind == OutcomeKind::kThrew && invocation->background > 0) {
    // The answer is an error, and what ctx.waitUntil and timers wait for goes on.
    invocation->answered = true;
    Realm::KeepRequest(*invocation);
    return realm_.client->OnFailure(id, outcome);
  }
  if (invocation->background > 0 && usable_) ForgetTimers(serial);
  invocation = realm_.invocations.Find(serial);
  realm_.invocations.Close(*invocation);
  if (abandoned) return;
  if (streaming) return realm_.client->OnResponseEnd(id, outcome);
  if (answered) return realm_.client->OnBackgroundDone(id);
  realm_.client->OnFailure(id, outcome);
}

void V8Isolate::FinishBackground() {
  const std::vector<uint64_t> done = std::exchange(realm_.background_done, {});
  for (const uint64_t serial : done) {
    Invocation* invocation = realm_.invocations.Find(serial);
    if (invocation == nullptr || invocation->background > 0 || invocation->streaming) continue;
    const InvocationId id = invocation->id;
    const bool abandoned = invocation->abandoned;
    realm_.invocations.Close(*invocation);
    if (!abandoned) realm_.client->OnBackgroundDone(id);
  }
}

void V8Isolate::ForgetTimers(uint64_t serial) {
  const std::vector<uint32_t> ids = realm_.timers.StopAll(serial);
  if (ids.empty()) return;
  const Turn turn(this);
  Caught caught(isolate_);
  for (const uint32_t id : ids) {
    if (Call(turn.context(), kForgetTimer, v8::Integer::NewFromUnsigned(isolate_, id)).IsEmpty()) return;
  }
}

void V8Isolate::Abandon(InvocationId id) {
  Invocation* invocation = realm_.invocations.FindById(id);
  if (invocation == nullptr || invocation->abandoned) return;
  const uint64_t serial = invocation->serial;
  const bool had_begun = invocation->answered;
  invocation->abandoned = true;
  invocation->answered = true;
  invocation->streaming = false;
  if (usable_ && invocation->hooks != nullptr) {
    const Turn turn(this);
    Realm::EnterInvocation(isolate_, serial);
    CallHook(turn.context(), *invocation, kGone);
    FinishTurn(turn.context(), serial);
    invocation = realm_.invocations.Find(serial);
    if (invocation == nullptr) return;
  }
  if (had_begun && invocation->promised > 0 && usable_) return Realm::KeepRequest(*invocation);
  if (invocation->background > 0 && usable_) {
    ForgetTimers(serial);
    AnnounceTimers();
  }
  realm_.invocations.Close(*realm_.invocations.Find(serial));
}

// A turn that tells web/body_stream.js something about one invocation.
void V8Isolate::RunHook(InvocationId id, CallIndex index) {
  const Invocation* invocation = realm_.invocations.FindHooked(id);
  if (invocation == nullptr || !usable_) return;
  const uint64_t serial = invocation->serial;
  const Turn turn(this);
  Realm::EnterInvocation(isolate_, serial);
  CallHook(turn.context(), *invocation, index);
  FinishTurn(turn.context(), serial);
}

void V8Isolate::CallHook(v8::Local<v8::Context> context, const Invocation& invocation, CallIndex index) {
  const bool wakes = index == kArrived || index == kGone;
  if (wakes && invocation.request->stream != nullptr) invocation.request->stream->StopWaiting();
  Caught caught(isolate_);
  const InvocationId id = invocation.id;
  const v8::Local<v8::Object> hooks = static_cast<Hooks*>(invocation.hooks.get())->object.Get(isolate_);
  if (!Call(context, index, hooks).IsEmpty() || TerminationSeen() || caught.HasTerminated()) return;
  realm_.Console(id, LogSeverity::kException,
                 "Uncaught " + TextOf(OutcomeOf(isolate_, context, caught, OutcomeKind::kThrew)));
}

}  // namespace zts::js
