// V8Isolate's turns: requests, timers, tasks, and what each turn ends with.
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
