#include "bench/fleet/deploys.h"

#include <atomic>
#include <cstdio>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/sha256.h"

namespace zts::bench {

std::string FunctionName(int n) {
  char name[16];
  std::snprintf(name, sizeof name, "f%05d", n);
  return name;
}

std::string SourceText(int n, size_t bytes) {
  const std::string salt = std::to_string(n);
  std::string text = "export default { fetch() { return new Response('source " + salt + "'); } };\n";
  for (int step = 0; text.size() < bytes; ++step) {
    const std::string name = "step" + std::to_string(step);
    text += "export function " + name + "(state) {\n  const key = '" + name + "-" + salt + "';\n  const seen = state.get(key) ?? 0;\n" +
            "  state.set(key, seen + 1);\n  return seen % 2 === 0 ? `even ${key}` : `odd ${key}`;\n}\n";
  }
  return text;
}

Deploys::Deploys(const std::string& controller, std::string token)
    : token_(std::move(token)), stub_(v1::Deploy::NewStub(grpc::CreateChannel(controller, grpc::InsecureChannelCredentials()))) {}

Result<Deploys::Done> Deploys::Deploy(const std::string& function, const std::string& source, Nanos wait) {
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer " + token_);
  auto stream = stub_->DeployFunction(&context);
  v1::DeployRequest request;
  v1::DeployStart& start = *request.mutable_start();
  start.set_function(function);
  start.set_main_module("fleet.js");
  start.set_wait_ms(static_cast<uint32_t>(wait / kMillisecond));
  start.set_bundle_bytes(source.size());
  start.set_bundle_digest(ToHex(Sha256Of(source)));
  stream->Write(request);
  request.set_chunk(source);
  stream->Write(request);
  stream->WritesDone();
  Done done;
  std::string failure = "it ended without a word";
  v1::DeployEvent event;
  const SystemClock clock;
  while (stream->Read(&event)) {
    if (event.has_compiled()) done.compiled_at = clock.Now();
    if (event.has_stored()) done.catalog_version = event.stored().catalog_version();
    if (event.has_failed()) failure = event.failed().code() + ": " + event.failed().message();
    if (event.has_live()) {
      done.live_at = clock.Now();
      done.workers_live = event.live().workers_live();
      done.workers_total = event.live().workers_total();
    }
  }
  const grpc::Status status = stream->Finish();
  if (!status.ok()) return Unavailable(function + ": " + status.error_message());
  if (done.live_at == 0) return Internal(function + ": " + failure);
  return done;
}

Result<uint64_t> Deploys::Fill(int count, int sources, size_t source_bytes, int streams) {
  std::atomic<int> next{0};
  std::mutex mutex;
  std::optional<Error> failure;
  uint64_t newest = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < streams; ++i) {
    threads.emplace_back([&] {
      for (int n = next++; n < count; n = next++) {
        const auto done = Deploy(FunctionName(n), SourceText(n % sources, source_bytes));
        const std::lock_guard lock(mutex);
        if (!done.ok()) failure = done.error();
        if (failure) return;
        newest = std::max(newest, done->catalog_version);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (failure) return *std::move(failure);
  return newest;
}

}  // namespace zts::bench
