// Runs WPT bundles as functions in the product's isolates: one isolate a bundle, many bundles a process.
//
//   zts-host $(flags) wpt_host.node     reads a line a bundle from stdin, answers with a line of JSON on stdout
//
//   in   PATH SECONDS                   a module; how long it may take from dispatch to answer
//   out  {"outcome": "ok", "body": ...} the response's body, or the outcome's word and its message
//
// A turn that never returns is ended by whoever reads: it kills this process and starts another.
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/layout.h"
#include "jsruntime/host.h"
#include "jsruntime/testing/make_script.h"

namespace zts::js {
namespace {

constexpr size_t kMemoryMax = size_t{512} << 20;  // a few tests take buffers of hundreds of megabytes
constexpr size_t kConsoleMax = 4096;

// Waits between turns as the engine does: for the next timer, for what V8 posts, or for the end of the time allowed.
class WaitingClient final : public IsolateClient {
 public:
  void OnResponse(InvocationId, const ResponseView& view) override {
    body_.resize(view.body_bytes());
    view.CopyBody(body_.data());
    answered_ = true;
  }
  // The reporter answers with a string.
  Taken OnChunk(InvocationId, std::string_view) override { return {0, Room::kNo}; }
  void OnResponseEnd(InvocationId, const Outcome&) override {}
  void OnFailure(InvocationId, const Outcome& outcome) override {
    outcome_ = outcome;
    answered_ = true;
  }
  void OnConsole(InvocationId, LogSeverity, std::string_view message) override {
    if (console_.size() < kConsoleMax) console_.append(message).push_back('\n');
  }
  void OnTimerDue(Nanos when) override { timer_due_ = when; }
  void OnTasksPosted() override {
    const std::lock_guard lock(mutex_);
    posted_ = true;
    wake_.notify_one();
  }

  // True when V8 has posted something.
  bool WaitUntil(Nanos deadline, const Clock& clock) {
    if (timer_due_ != 0 && timer_due_ < deadline) deadline = timer_due_;
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::nanoseconds(std::max<Nanos>(deadline - clock.Now(), 0)), [&] { return posted_; });
    return std::exchange(posted_, false);
  }

  bool answered() const { return answered_; }
  Nanos timer_due() const { return timer_due_; }
  const Outcome& outcome() const { return outcome_; }
  const std::string& body() const { return body_; }
  const std::string& console() const { return console_; }

 private:
  bool answered_ = false;
  Nanos timer_due_ = 0;
  Outcome outcome_;
  std::string body_;
  std::string console_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool posted_ = false;  // guarded by mutex_
};

nlohmann::json Failed(const Outcome& outcome, const std::string& console) {
  return {{"outcome", OutcomeName(outcome.kind)}, {"message", outcome.message}, {"stack", outcome.stack}, {"console", console}};
}

nlohmann::json RunBundle(Host& host, const std::string& path, double seconds) {
  auto source = ReadFile(path);
  if (!source.ok()) return {{"outcome", "unreadable"}, {"message", source.error().message}};
  const SystemClock clock;
  auto script = MakeScript("wpt", "v1", *source);
  script->limits.memory_bytes_max = kMemoryMax;
  WaitingClient client;
  const auto isolate = host.NewIsolate();
  const LoadReport report = isolate->Load(script);
  if (!report.outcome.ok()) return Failed(report.outcome, "");
  isolate->Attach(&client);
  RequestView request;
  request.method = "GET";
  request.authority = "wpt.localhost";
  request.target = "/";
  const Nanos deadline = clock.Now() + static_cast<Nanos>(seconds * kSecond);
  isolate->Dispatch(1, &request);
  while (!client.answered() && clock.Now() < deadline) {
    if (client.WaitUntil(deadline, clock)) isolate->RunTasks();
    if (client.timer_due() != 0 && client.timer_due() <= clock.Now()) isolate->RunTimers(clock.Now());
  }
  if (!client.answered()) {
    isolate->Abandon(1);
    return Failed({OutcomeKind::kWallLimit, "no answer in time", "", "", 0, 0, ""}, client.console());
  }
  if (!client.outcome().ok()) return Failed(client.outcome(), client.console());
  return {{"outcome", "ok"}, {"body", client.body()}, {"console", client.console()}};
}

int Serve(int, char**) {
  auto snapshot = FindInstalled("web.snapshot");
  auto host = snapshot.ok() ? Host::Start({*snapshot}) : Result<std::unique_ptr<Host>>(snapshot.error());
  if (!host.ok()) {
    std::fprintf(stderr, "wpt_host: %s\n", host.error().message.c_str());
    return 1;
  }
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string path;
    double seconds = 0;
    words >> path >> seconds;
    const auto replace = nlohmann::json::error_handler_t::replace;
    std::cout << RunBundle(**host, path, seconds).dump(-1, ' ', false, replace) << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace zts::js

ZTS_HOST_MAIN(zts::js::Serve);
