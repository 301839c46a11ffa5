// Runs a file as a function and prints what comes back: for trying things by hand.
//
//   zts-host $(flags) probe.node FILE [METHOD [BODY [MEMORY_MIB [TERMINATE_AFTER_MS]]]]
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "base/bytes.h"
#include "base/file.h"
#include "base/layout.h"
#include "jsruntime/host.h"
#include "jsruntime/testing/make_script.h"
#include "jsruntime/testing/recording_client.h"

namespace zts::js {
namespace {

int Fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  return 1;
}

int Probe(int argc, char** argv) {
  auto snapshot = FindInstalled("web.snapshot");
  if (!snapshot.ok()) return Fail(snapshot.error().message);
  auto host = Host::Start({*snapshot});
  if (!host.ok()) return Fail(host.error().message);
  auto source = ReadFile(argc > 1 ? argv[1] : "-");
  if (!source.ok()) return Fail(source.error().message);
  auto script = MakeScript("probe", "v1", *source);
  if (argc > 4) script->limits.memory_bytes_max = ParseInteger<uint64_t>(argv[4]).value_or(128) << 20;
  RecordingClient client;
  const std::unique_ptr<Isolate> isolate = (*host)->NewIsolate();
  const Nanos start = SystemClock().Now();
  const LoadReport report = isolate->Load(script);
  if (!report.outcome.ok()) {
    return Fail(std::string(OutcomeName(report.outcome.kind)) + ": " + report.outcome.message + "\n" + report.outcome.stack);
  }
  isolate->Attach(&client);
  RequestView request;
  request.method = argc > 2 ? argv[2] : "GET";
  request.authority = "probe.localhost";
  request.target = "/";
  request.body = argc > 3 ? argv[3] : "";
  std::thread watchdog([&] {
    if (argc <= 5) return;
    const std::chrono::milliseconds after(ParseInteger<uint32_t>(argv[5]).value_or(0));
    std::this_thread::sleep_for(after);  // tidy: ok, the time is what was asked for
    isolate->Terminate(OutcomeKind::kCpuLimit);
  });
  isolate->Dispatch(1, &request);
  watchdog.join();
  isolate->ClearTermination();
  while (isolate->in_flight() > 0 && client.timer_due != 0) isolate->RunTimers(client.timer_due);
  for (const auto& record : client.console) {
    std::printf("[%s] %s\n", std::string(LogSeverityName(record.severity)).c_str(), record.message.c_str());
  }
  for (const auto& [id, failure] : client.failures) {
    std::printf("%s: %s\n", std::string(OutcomeName(failure.kind)).c_str(), failure.message.c_str());
  }
  for (const auto& [id, response] : client.responses) {
    std::printf("%d\n", response.status);
    for (const auto& [name, value] : response.headers) std::printf("%s: %s\n", name.c_str(), value.c_str());
    std::printf("\n%s\n", response.body.c_str());
  }
  const MemoryUse use = isolate->memory();
  std::printf("(%.1f ms, heap %.1f MiB, external %.1f MiB, usable %d, draining %d, in flight %zu)\n",
              static_cast<double>(SystemClock().Now() - start) / kMillisecond,
              static_cast<double>(use.heap_used_bytes) / (1 << 20), static_cast<double>(use.external_bytes) / (1 << 20),
              isolate->usable(), isolate->draining(), isolate->in_flight());
  return 0;
}

}  // namespace
}  // namespace zts::js

ZTS_HOST_MAIN(zts::js::Probe);
