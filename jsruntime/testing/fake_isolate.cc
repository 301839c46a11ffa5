#include "jsruntime/testing/fake_isolate.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace zts::js {
namespace {

// The first word of `line`; `line` is left with what follows the blank after it.
std::string_view TakeWord(std::string_view& line) {
  const size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

int TakeNumber(std::string_view& line) {
  const std::optional<int> number = ParseInteger<int>(TakeWord(line));
  ZTS_CHECK(number.has_value());
  return *number;
}

std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

OutcomeKind KindNamed(std::string_view name) {
  for (int i = 0; i < kOutcomeKinds; ++i) {
    if (OutcomeName(static_cast<OutcomeKind>(i)) == name) return static_cast<OutcomeKind>(i);
  }
  ZTS_CHECK(!"no outcome of this name");
  return OutcomeKind::kOk;
}

class FakeResponse final : public ResponseView {
 public:
  FakeResponse(int status, const std::vector<std::pair<std::string, std::string>>& headers, std::string_view body)
      : status_(status), body_(body) {
    for (const auto& [name, value] : headers) fields_.push_back({name, value});
    const auto is_type = [](const HeaderField& field) { return field.name == "content-type"; };
    if (std::none_of(fields_.begin(), fields_.end(), is_type)) {
      fields_.insert(fields_.begin(), {"content-type", "text/plain;charset=UTF-8"});
    }
  }
  int status() const override { return status_; }
  std::span<const HeaderField> headers() const override { return fields_; }
  size_t body_bytes() const override { return body_.size(); }
  void CopyBody(char* out) const override { std::memcpy(out, body_.data(), body_.size()); }
  std::string_view BorrowBody() const override { return body_; }
  Form form() const override { return form_; }
  std::optional<uint64_t> declared_length() const override { return declared_length_; }
  void Stream(Form form, std::optional<uint64_t> declared_length) {
    form_ = form;
    declared_length_ = declared_length;
  }

 private:
  Form form_ = Form::kWhole;
  std::optional<uint64_t> declared_length_;
  int status_;
  std::vector<HeaderField> fields_;
  std::string_view body_;
};

}  // namespace

FakeIsolate::FakeIsolate(FakeIsolateFactory* factory) : factory_(factory) {}

FakeIsolate::~FakeIsolate() {
  ZTS_CHECK(!inside_);
  factory_->Remove(this);
}

LoadReport FakeIsolate::LoadFrom(ScriptPtr script, Bytes code_cache) {
  ZTS_CHECK(!loaded_ && script_ == nullptr);
  {
    std::lock_guard lock(factory_->mutex_);
    script_ = std::move(script);
  }
  LoadReport report;
  report.compile = kMicrosecond;
  report.evaluate = kMicrosecond;
  if (!code_cache.empty()) report.cache = LoadReport::Cache::kAccepted;
  for (std::string& line : SplitLines(script_->source)) {
    std::string_view rest = line;
    const std::string_view word = TakeWord(rest);
    if (word == "load-error") {
      report.outcome.kind = KindNamed(TakeWord(rest));
      report.outcome.message = std::string(rest);
      report.outcome.file = script_->main_module;
      report.outcome.line = 1;
      report.outcome.column = 1;
      usable_ = false;
      return report;
    }
    if (word == "load-spin") {
      report.outcome.kind = SpinUntilTerminated();
      report.outcome.message = "loading was ended";
      usable_ = false;
      return report;
    }
    lines_.push_back(std::move(line));
  }
  loaded_ = true;
  return report;
}

void FakeIsolate::Attach(IsolateClient* client) {
  ZTS_CHECK(loaded_);
  client_ = client;
  thread_ = std::this_thread::get_id();
}

void FakeIsolate::Enter() {
  CheckThread();
  ZTS_CHECK(!inside_);
  inside_ = true;
}

void FakeIsolate::Leave() {
  CheckThread();
  ZTS_CHECK(inside_);
  inside_ = false;
}

void FakeIsolate::Dispatch(InvocationId id, const RequestView* request) {
  CheckThread();
  ZTS_CHECK(usable_ && !draining_);
  ++dispatched_;
  const auto added = in_flight_.emplace(id, InFlight{});
  ZTS_CHECK(added.second);
  if (request->stream != nullptr) added.first->second.stream = request->stream->shared_from_this();
  headers_.clear();
  declared_length_.reset();
  for (const std::string& line : lines_) {
    std::string_view rest = line;
    if (TakeWord(rest) == "on") {
      if (TakeWord(rest) != request->method) continue;
      return RunLine(id, *request, rest);
    }
    RunLine(id, *request, line);
  }
}

void FakeIsolate::RunLine(InvocationId id, const RequestView& request, std::string_view line) {
  std::string_view rest = line;
  const std::string_view word = TakeWord(rest);
  if (word == "log") {
    client_->OnConsole(id, LogSeverity::kLog, rest);
  } else if (word == "header") {
    const std::string_view name = TakeWord(rest);
    headers_.emplace_back(name, rest);
  } else if (word == "respond") {
    const int status = TakeNumber(rest);
    Respond(id, status, rest);
  } else if (word == "peer") {
    char address[PeerAddress::kTextBytesMax + 1];
    Respond(id, 200, std::string(request.peer.Text(address)) + " " + std::to_string(request.peer.port));
  } else if (word == "echo") {
    std::string body(request.method);
    body.append(" ").append(request.scheme).append("://").append(request.authority).append(request.target).append("\n");
    body.append(request.body);
    if (request.stream == nullptr) return Respond(id, 200, body);
    in_flight_[id].reads = InFlight::Reads::kEcho;
    in_flight_[id].read = body;
    ReadOn(id);
  } else if (word == "sink") {
    if (request.stream == nullptr) return Respond(id, 200, std::to_string(request.body.size()) + " bytes");
    in_flight_[id].reads = InFlight::Reads::kSink;
    ReadOn(id);
  } else if (word == "declare") {
    declared_length_ = static_cast<uint64_t>(TakeNumber(rest));
  } else if (word == "stream" || word == "stream-fail") {
    const int status = TakeNumber(rest);
    InFlight& entry = in_flight_[id];
    entry.pieces_left = TakeNumber(rest);
    entry.piece = std::string(rest);
    if (word == "stream-fail") entry.end = {OutcomeKind::kThrew, "Error: broken"};
    BeginStream(id, request.method == "HEAD" ? -status : status);
  } else if (word == "stream-open") {
    in_flight_[id].open = true;
    BeginStream(id, TakeNumber(rest));
  } else if (word == "stream-stuck" || word == "stream-spin") {
    InFlight& entry = in_flight_[id];
    entry.to_send = std::string(rest);
    entry.open = true;
    entry.spins = word == "stream-spin";
    BeginStream(id, 200);
  } else if (word == "stream-echo") {
    InFlight& entry = in_flight_[id];
    entry.to_send = std::string(request.body);
    if (entry.stream != nullptr) entry.reads = InFlight::Reads::kStreamEcho;
    BeginStream(id, 200);
  } else if (word == "takes") {
    factory_->on_takes(TakeNumber(rest) * kMillisecond);
  } else if (word == "collect") {
    const GcKind kind = TakeWord(rest) == "minor" ? GcKind::kMinor : GcKind::kMajor;
    client_->OnGarbageCollected(kind, GcDuring::kTurn, TakeNumber(rest) * kMicrosecond);
  } else if (word == "pending") {
    // The test answers.
  } else if (word == "timer") {
    InFlight& entry = in_flight_[id];
    entry.due = factory_->clock().Now() + TakeNumber(rest) * kMillisecond;
    entry.status = TakeNumber(rest);
    entry.body = std::string(rest);
    AnnounceTimers();
  } else if (word == "background") {
    const int status = TakeNumber(rest);
    in_flight_[id].answered = true;
    client_->OnResponse(id, FakeResponse(status, headers_, rest));
  } else if (word == "fetch") {
    StartFetch(id, rest, FetchBody::kNone);
  } else if (word == "socket") {
    StartFetch(id, rest, FetchBody::kSocket);
  } else if (word == "throw") {
    client_->OnConsole(id, LogSeverity::kException, "Error: " + std::string(rest));
    FailInvocation(id, OutcomeKind::kThrew, "Error: " + std::string(rest));
  } else if (word == "oom") {
    LoseIsolate(id, OutcomeKind::kMemoryLimit);
  } else if (word == "spin") {
    const OutcomeKind why = SpinUntilTerminated();
    ClearTermination();
    if (why != OutcomeKind::kCpuLimit) return LoseIsolate(id, why);
    draining_ = true;
    FailInvocation(id, why, "the CPU limit was reached");
  } else {
    ZTS_CHECK(!"a line of the fake's language");
  }
}

void FakeIsolate::Erase(InvocationId id) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return;
  const std::shared_ptr<RequestBody> stream = std::move(found->second.stream);
  in_flight_.erase(found);
  if (stream != nullptr) stream->Drop();
}

// A negative status: to HEAD, whose response has no body.
void FakeIsolate::BeginStream(InvocationId id, int status) {
  FakeResponse response(status < 0 ? -status : status, headers_, {});
  response.Stream(status < 0 ? ResponseView::Form::kOmitted : ResponseView::Form::kStream, declared_length_);
  if (status < 0) {
    Erase(id);
    return client_->OnResponse(id, response);
  }
  in_flight_[id].answered = true;
  in_flight_[id].streaming = true;
  client_->OnResponse(id, response);
  SendOn(id);
}

void FakeIsolate::ReadOn(InvocationId id) {
  InFlight& entry = in_flight_[id];
  RequestBody& body = *entry.stream;
  while (body.size() > 0) {
    entry.read_bytes += body.size();
    if (entry.reads == InFlight::Reads::kEcho) entry.read.append(body.bytes());
    body.Take(body.size());
  }
  if (body.state() == RequestBody::State::kOpen) return body.Wait();
  if (body.state() == RequestBody::State::kFailed) return FailInvocation(id, OutcomeKind::kThrew, body.failure());
  const std::string answer =
      entry.reads == InFlight::Reads::kEcho ? std::move(entry.read) : std::to_string(entry.read_bytes) + " bytes";
  Respond(id, 200, answer);
}

void FakeIsolate::SendOn(InvocationId id) {
  for (;;) {
    InFlight& entry = in_flight_[id];
    if (entry.paused) return;
    if (!entry.to_send.empty()) {
      const IsolateClient::Taken taken = client_->OnChunk(id, entry.to_send);
      entry.to_send.erase(0, taken.bytes);
      entry.paused = taken.room == IsolateClient::Room::kNo;
    } else if (entry.pieces_left > 0) {
      --entry.pieces_left;
      entry.to_send = entry.piece;
    } else if (entry.reads == InFlight::Reads::kStreamEcho && entry.stream->state() != RequestBody::State::kFailed) {
      if (entry.stream->size() > 0) {
        entry.to_send = entry.stream->bytes().substr(0, 10'000);
        entry.stream->Take(entry.to_send.size());
      } else if (entry.stream->state() == RequestBody::State::kOpen) {
        return entry.stream->Wait();
      } else {
        return FinishStream(id);
      }
    } else if (entry.spins) {
      const OutcomeKind why = SpinUntilTerminated();
      ClearTermination();
      if (why != OutcomeKind::kCpuLimit) return LoseIsolate(id, why);
      draining_ = true;
      return FailInvocation(id, why, "the CPU limit was reached");
    } else if (entry.open) {
      return;
    } else {
      if (entry.reads == InFlight::Reads::kStreamEcho) entry.end = {OutcomeKind::kThrew, entry.stream->failure()};
      return FinishStream(id);
    }
  }
}

void FakeIsolate::FinishStream(InvocationId id) {
  const Outcome end = in_flight_[id].end;
  Erase(id);
  client_->OnResponseEnd(id, end);
}

void FakeIsolate::BodyArrived(InvocationId id) {
  CheckThread();
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return;
  found->second.stream->StopWaiting();
  if (found->second.streaming) return SendOn(id);
  if (found->second.reads != InFlight::Reads::kNothing) ReadOn(id);
}

void FakeIsolate::ResumeResponse(InvocationId id) {
  CheckThread();
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end() || !found->second.streaming) return;
  found->second.paused = false;
  SendOn(id);
}

void FakeIsolate::PeerFinished(InvocationId id) {
  CheckThread();
  if (has(id)) peer_finished_.push_back(id);
}

void FakeIsolate::Chunk(InvocationId id, std::string_view bytes) {
  ZTS_CHECK(has(id) && in_flight_[id].open);
  in_flight_[id].to_send.append(bytes);
  SendOn(id);
}

void FakeIsolate::EndStream(InvocationId id) {
  ZTS_CHECK(has(id) && in_flight_[id].open);
  in_flight_[id].open = false;
  SendOn(id);
}

std::string FakeIsolate::ReadBody(InvocationId id, size_t bytes) {
  ZTS_CHECK(has(id) && in_flight_[id].stream != nullptr);
  RequestBody& body = *in_flight_[id].stream;
  std::string read(body.bytes().substr(0, bytes));
  if (!read.empty()) {
    body.Take(read.size());
  } else if (body.state() == RequestBody::State::kOpen) {
    body.Wait();
  }
  return read;
}

void FakeIsolate::Respond(InvocationId id, int status, std::string_view body) {
  const FakeResponse response(status, headers_, body);
  Erase(id);
  client_->OnResponse(id, response);
}

void FakeIsolate::FailInvocation(InvocationId id, OutcomeKind kind, std::string message) {
  const bool answered = in_flight_[id].answered;
  const bool streaming = in_flight_[id].streaming;
  Erase(id);
  Outcome outcome;
  outcome.kind = kind;
  outcome.message = std::move(message);
  if (streaming) return client_->OnResponseEnd(id, outcome);
  if (answered) return client_->OnBackgroundDone(id);
  client_->OnFailure(id, outcome);
}

void FakeIsolate::LoseIsolate(InvocationId culprit, OutcomeKind kind) {
  usable_ = false;
  FailInvocation(culprit, kind, "the isolate is lost");
  while (!in_flight_.empty()) {
    FailInvocation(in_flight_.begin()->first, OutcomeKind::kRecycled, "another request took the isolate down");
  }
}

void FakeIsolate::StartFetch(InvocationId id, std::string_view url, FetchBody body_kind) {
  FetchRequest request;
  request.body_kind = body_kind;
  request.method = "GET";
  request.url = url;
  FetchDoor* door = client_->fetch_door();
  const FetchId fetch = door == nullptr ? 0 : door->Start(request);
  if (fetch == 0) return Respond(id, 502, "unavailable");
  outgoing_[fetch].invocation = id;
}

void FakeIsolate::OnFetch(FetchId id, const FetchEvent& event) {
  CheckThread();
  const auto found = outgoing_.find(id);
  if (found == outgoing_.end()) return;
  switch (event.kind) {
    case FetchEvent::Kind::kHead:
      found->second.status = event.head->status;
      if (event.head->status != 101) return;
      client_->fetch_door()->SendMessage(id, SocketMessage::kText, 2);
      client_->fetch_door()->SendBody(id, "hi");
      return;
    case FetchEvent::Kind::kData:
      found->second.body.append(event.bytes);
      if (found->second.status != 101) client_->fetch_door()->ReadMore(id, static_cast<uint32_t>(event.bytes.size()));
      return;
    case FetchEvent::Kind::kMessage:
      client_->fetch_door()->MessagesTaken(id, static_cast<uint32_t>(found->second.body.size()), 1);
      client_->fetch_door()->CloseSocket(id, 3000, "bye");
      return;
    case FetchEvent::Kind::kWritable:
    case FetchEvent::Kind::kTaken:
    case FetchEvent::Kind::kRewind: return;
    case FetchEvent::Kind::kClosed:
    case FetchEvent::Kind::kEnd:
    case FetchEvent::Kind::kError: break;
  }
  const Outgoing ended = std::move(found->second);
  outgoing_.erase(found);
  if (in_flight_.count(ended.invocation) == 0) return;
  headers_.clear();
  if (event.kind == FetchEvent::Kind::kClosed) {
    return Respond(ended.invocation, 200, std::to_string(event.close_code) + " " + std::string(event.bytes) + ": " + ended.body);
  }
  const bool failed = event.kind == FetchEvent::Kind::kError;
  Respond(ended.invocation, failed ? 502 : ended.status, failed ? std::string(FetchResultName(event.result)) : ended.body);
}

void FakeIsolate::Abandon(InvocationId id) {
  CheckThread();
  if (!has(id)) return;
  abandoned_.push_back(id);
  Erase(id);
  std::erase_if(outgoing_, [&](const auto& outgoing) {
    if (outgoing.second.invocation != id) return false;
    client_->fetch_door()->Cancel(outgoing.first);
    return true;
  });
  AnnounceTimers();
}

void FakeIsolate::RunTimers(Nanos now) {
  CheckThread();
  for (;;) {
    const auto due = std::find_if(in_flight_.begin(), in_flight_.end(), [now](const auto& entry) {
      return entry.second.due != 0 && entry.second.due <= now;
    });
    if (due == in_flight_.end()) break;
    const int status = due->second.status;
    const std::string body = due->second.body;
    headers_.clear();
    Respond(due->first, status, body);
  }
  AnnounceTimers();
}

void FakeIsolate::RunTasks() {
  if (client_ != nullptr) CheckThread();
  ++tasks_run_;
}

void FakeIsolate::PostTasks() { client_->OnTasksPosted(); }

void FakeIsolate::AnnounceTimers() {
  Nanos next = 0;
  for (const auto& [id, entry] : in_flight_) {
    if (entry.due != 0 && (next == 0 || entry.due < next)) next = entry.due;
  }
  if (next == announced_due_) return;
  announced_due_ = next;
  client_->OnTimerDue(next);
}

OutcomeKind FakeIsolate::SpinUntilTerminated() {
  std::unique_lock lock(mutex_);
  terminated_.wait(lock, [this] { return terminate_why_ != OutcomeKind::kOk; });
  return terminate_why_;
}

void FakeIsolate::Terminate(OutcomeKind why) {
  std::lock_guard lock(mutex_);
  terminate_why_ = why;
  terminated_.notify_all();
}

void FakeIsolate::ClearTermination() {
  std::lock_guard lock(mutex_);
  terminate_why_ = OutcomeKind::kOk;
}

MemoryUse FakeIsolate::memory() const {
  MemoryUse use;
  use.heap_used_bytes = size_t{1} << 20;
  use.heap_committed_bytes = size_t{2} << 20;
  return use;
}

void FakeIsolate::Complete(InvocationId id, int status, std::string_view body) {
  CheckThread();
  ZTS_CHECK(in_flight_.count(id) == 1 && !in_flight_[id].answered);
  headers_.clear();
  Respond(id, status, body);
}

void FakeIsolate::Fail(InvocationId id, OutcomeKind kind, std::string_view message) {
  CheckThread();
  ZTS_CHECK(in_flight_.count(id) == 1 && !in_flight_[id].answered);
  FailInvocation(id, kind, std::string(message));
}

void FakeIsolate::FinishBackground(InvocationId id) {
  CheckThread();
  ZTS_CHECK(in_flight_.count(id) == 1 && in_flight_[id].answered);
  Erase(id);
  client_->OnBackgroundDone(id);
}

std::vector<InvocationId> FakeIsolate::in_flight_ids() const {
  std::vector<InvocationId> ids;
  for (const auto& [id, entry] : in_flight_) ids.push_back(id);
  return ids;
}

JitReport FakeIsolate::TakeJitReport() {
  CheckThread();
  const uint32_t samples = std::exchange(watched_, false) ? 1 : 0;
  return {{.name = "fetch", .line = 1, .column = 1, .tier = JitTier::kBaseline, .code_bytes = 100, .samples = samples}};
}

std::string FakeIsolate::MakeCodeCache() {
  ZTS_CHECK(loaded_ && usable_ && in_flight_.empty());
  client_ = nullptr;
  return std::string(script_->code_cache.size() + dispatched_, 'c');
}

void FakeIsolate::CheckThread() const { ZTS_CHECK(thread_ == std::this_thread::get_id()); }

FakeIsolateFactory::~FakeIsolateFactory() { ZTS_CHECK(alive_.empty()); }

std::unique_ptr<Isolate> FakeIsolateFactory::NewIsolate(const IsolateOptions& options) {
  nursery_bytes_ = options.nursery_bytes;
  auto isolate = std::make_unique<FakeIsolate>(this);
  std::lock_guard lock(mutex_);
  alive_.push_back(isolate.get());
  ++made_;
  return isolate;
}

void FakeIsolateFactory::Remove(FakeIsolate* isolate) {
  std::lock_guard lock(mutex_);
  alive_.erase(std::find(alive_.begin(), alive_.end(), isolate));
}

std::vector<FakeIsolate*> FakeIsolateFactory::isolates() const {
  std::lock_guard lock(mutex_);
  return alive_;
}

FakeIsolate* FakeIsolateFactory::Find(std::string_view function) const {
  std::lock_guard lock(mutex_);
  const auto found = std::find_if(alive_.rbegin(), alive_.rend(), [function](const FakeIsolate* isolate) {
    return isolate->script_ != nullptr && isolate->script_->function == function;
  });
  return found == alive_.rend() ? nullptr : *found;
}

}  // namespace zts::js
