// V8Isolate's turns: requests, timers, tasks, outgoing requests, and what each turn ends with.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "jsruntime/errors.h"
#include "jsruntime/ops/text.h"
#include "jsruntime/v8_isolate_parts.h"

namespace zts::js {

void V8Isolate::Dispatch(InvocationId id, const RequestView* request) {
  ZTS_CHECK(usable_ && !draining_);
  const uint64_t serial = realm_.invocations.Open(id, request).serial;
  const Turn turn(this);
  Realm::EnterInvocation(isolate_, serial);
  RunHandler(turn.context(), serial);
  FinishTurn(turn.context(), serial);
}

void V8Isolate::RunHandler(v8::Local<v8::Context> context, uint64_t serial) {
  Caught caught(isolate_);
  v8::Local<v8::Value> result;
  if (!Call(context, kDispatch, SerialValue(isolate_, serial)).ToLocal(&result)) {
    if (TerminationSeen() || caught.HasTerminated()) return;  // FinishTurn's
    return FailThrown(context, serial, OutcomeOf(isolate_, context, caught, OutcomeKind::kThrew));
  }
  if (static_cast<int>(block_[kResultKind]) == kBody) return Deliver(context, serial, result);
  if (result->IsPromise()) OnPromise(context, serial, result.As<v8::Promise>());
}

void V8Isolate::OnPromise(v8::Local<v8::Context> context, uint64_t serial, v8::Local<v8::Promise> promise) {
  if (promise->State() == v8::Promise::kPending) isolate_->PerformMicrotaskCheckpoint();
  if (TerminationSeen()) return;
  Caught caught(isolate_);
  v8::Local<v8::Value> result;
  switch (promise->State()) {
    case v8::Promise::kPending: {
      Invocation* invocation = realm_.invocations.Find(serial);
      if (invocation == nullptr) return;
      invocation->pending = true;
      if (Call(context, kFollow, promise, SerialValue(isolate_, serial)).ToLocal(&result)) return;
      break;
    }
    case v8::Promise::kRejected:
      promise->MarkAsHandled();
      rejections_.Forget(isolate_, promise);
      return FailThrown(context, serial, OutcomeOf(isolate_, context, promise->Result(), OutcomeKind::kThrew));
    case v8::Promise::kFulfilled:
      if (Call(context, kUnpack, promise->Result()).ToLocal(&result)) return Deliver(context, serial, result);
      break;
  }
  if (TerminationSeen() || caught.HasTerminated()) return;
  FailThrown(context, serial, OutcomeOf(isolate_, context, caught, OutcomeKind::kThrew));
}

void V8Isolate::FinishTurn(v8::Local<v8::Context> context, uint64_t culprit) {
  if (!realm_.fetches.orphans().empty()) TellOrphans(context);
  isolate_->PerformMicrotaskCheckpoint();
  while (!TerminationSeen() && block_[kSettled] > 0) {
    stream_begun_ = false;
    TakeSettled(context);
    if (stream_begun_) isolate_->PerformMicrotaskCheckpoint();
  }
  if (TerminationSeen()) HandleTermination(culprit);
  if (!rejections_.empty()) ReportRejections(context);
  if (!realm_.background_done.empty()) FinishBackground();
  AnnounceTimers();
}

void V8Isolate::TakeSettled(v8::Local<v8::Context> context) {
  const v8::HandleScope handles(isolate_);
  Caught caught(isolate_);
  v8::Local<v8::Value> value;
  const bool ok = Call(context, kTakeSettled, v8::Undefined(isolate_)).ToLocal(&value);
  const auto serial = static_cast<uint64_t>(block_[kSettledSerial]);
  if (TerminationSeen()) return;
  if (!ok) {
    FailThrown(context, serial, OutcomeOf(isolate_, context, caught, OutcomeKind::kThrew));
  } else if (static_cast<int>(block_[kResultKind]) == kError) {
    FailThrown(context, serial, OutcomeOf(isolate_, context, value, OutcomeKind::kThrew));
  } else {
    Deliver(context, serial, value);
  }
}

void V8Isolate::RunTimers(Nanos now) {
  if (!usable_) return;
  const Turn turn(this);
  FireTimers(turn.context(), now);
  FinishTurn(turn.context(), 0);
}

void V8Isolate::FireTimers(v8::Local<v8::Context> context, Nanos now) {
  while (usable_ && !TerminationSeen()) {
    const std::optional<TimerQueue::Due> due = realm_.timers.TakeDue(now);
    if (!due.has_value()) return;
    FireTimer(context, *due);
  }
}

void V8Isolate::ReportUncaught(v8::Local<v8::Context> context, v8::Local<v8::Value> error, const Outcome& outcome) {
  v8::Local<v8::Value> arguments[] = {error, Text(isolate_, "Uncaught " + outcome.message), Text(isolate_, outcome.file),
                                      v8::Integer::New(isolate_, outcome.line), v8::Integer::New(isolate_, outcome.column)};
  {
    Caught caught(isolate_);
    v8::Local<v8::Value> prevented;
    const v8::Local<v8::Function> uncaught = calls_[kUncaught].Get(isolate_);
    if (uncaught->Call(context, v8::Undefined(isolate_), 5, arguments).ToLocal(&prevented) && prevented->IsTrue()) return;
  }
  if (TerminationSeen()) return;
  realm_.Console(realm_.CurrentInvocation(isolate_), LogSeverity::kException, "Uncaught " + TextOf(outcome));
}

void V8Isolate::FireTimer(v8::Local<v8::Context> context, const TimerQueue::Due& due) {
  const v8::HandleScope handles(isolate_);
  Caught caught(isolate_);
  Realm::EnterInvocation(isolate_, due.serial);
  v8::Local<v8::Value> ignored;
  const bool ok = Call(context, kFireTimer, v8::Integer::NewFromUnsigned(isolate_, due.id)).ToLocal(&ignored);
  if (!ok && !TerminationSeen() && !caught.HasTerminated()) {
    const Outcome outcome = OutcomeOf(isolate_, context, caught, OutcomeKind::kThrew);
    ReportUncaught(context, caught.Exception(), outcome);
  }
  isolate_->PerformMicrotaskCheckpoint();
  if (TerminationSeen()) {
    if (realm_.client != nullptr) HandleTermination(due.serial);
    return;
  }
  Invocation* invocation = realm_.invocations.Find(due.serial);
  if (due.kind == TimerKind::kRepeating || invocation == nullptr) return;
  if (--invocation->background == 0 && invocation->answered) realm_.background_done.push_back(due.serial);
}

void V8Isolate::RunTasks() {
  if (!usable_) return;
  const Turn turn(this);
  Realm::EnterInvocation(isolate_, 0);
  collections_.set_during(GcDuring::kTask);
  tasks_->Run(Now());
  collections_.set_during(GcDuring::kTurn);
  FinishTurn(turn.context(), 0);
}

// --- outgoing requests ------------------------------------------------------------------------------------------------------

// A turn only for what somebody waits for: bytes that nobody has asked for yet lie where they are.
void V8Isolate::OnFetch(FetchId id, const FetchEvent& event) {
  Fetch* fetch = realm_.fetches.Find(id);
  if (fetch == nullptr || !usable_) return;
  if (event.kind == FetchEvent::Kind::kData) fetch->unread.append(event.bytes);
  const bool is_error = event.kind == FetchEvent::Kind::kError;
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
// writable [3, bytes]; rewind [4]. As web/fetch.js reads it.
void V8Isolate::TellFetch(v8::Local<v8::Context> context, FetchId id, const FetchEvent& event) {
  Caught caught(isolate_);
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
      number(3);
      number(event.credit);
      break;
    case FetchEvent::Kind::kRewind: number(4); break;
  }
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

void V8Isolate::AnnounceTimers() {
  const Nanos due = usable_ ? realm_.timers.next_due() : 0;
  if (due == announced_due_ || realm_.client == nullptr) return;
  announced_due_ = due;
  realm_.client->OnTimerDue(due);
}

void V8Isolate::ReportRejections(v8::Local<v8::Context> context) {
  rejections_.ReportHandled(isolate_, [&](v8::Local<v8::Promise> promise) {
    Caught caught(isolate_);
    if (Call(context, kRejectionHandled, promise, promise->Result()).IsEmpty()) return;  // terminated
  });
  rejections_.Report(isolate_, [&](uint64_t serial, v8::Local<v8::Promise> promise) {
    Realm::EnterInvocation(isolate_, serial);
    {
      Caught caught(isolate_);
      v8::Local<v8::Value> prevented;
      if (Call(context, kUnhandledRejection, promise, promise->Result()).ToLocal(&prevented) && prevented->IsTrue()) return;
    }
    if (TerminationSeen()) return;
    const Outcome outcome = OutcomeOf(isolate_, context, promise->Result(), OutcomeKind::kThrew);
    const Invocation* invocation = realm_.invocations.Find(serial);
    realm_.Console(invocation == nullptr ? 0 : invocation->id, LogSeverity::kException,
                   "Uncaught (in promise) " + TextOf(outcome));
  });
}

}  // namespace zts::js
