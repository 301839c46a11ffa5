#include "cli/client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "cli/channel.h"
#include "zts/v1/deploy.grpc.pb.h"
#include "zts/v1/stats.grpc.pb.h"
#include "zts/v1/versions.grpc.pb.h"

namespace zts::cli {
namespace {

// Three heartbeats and a little.
constexpr Nanos kSilenceMax = 16 * kSecond;
constexpr size_t kChunkBytes = 256 * 1024;
// More than the controller keeps.
constexpr size_t kVersionSourceBytesMax = size_t{64} << 20;

FunctionVersion VersionOf(const v1::FunctionVersion& from, bool active) {
  FunctionVersion version;
  version.function = from.function();
  version.number = from.number();
  version.digest = from.bundle_digest();
  version.bundle_bytes = from.bundle_bytes();
  version.code_cache_bytes = from.code_cache_bytes();
  version.source_map_bytes = from.source_map_bytes();
  version.snapshot_bytes = from.snapshot_bytes();
  version.start_reason = from.start_reason();
  version.created = from.created_ns();
  const v1::Limits& limits = from.config().limits();
  version.cpu_per_request = limits.cpu_per_request_ns();
  version.wall_per_request = limits.wall_per_request_ns();
  version.startup_cpu = limits.startup_cpu_ns();
  version.memory_bytes_max = limits.memory_bytes_max();
  version.nursery_bytes = limits.nursery_bytes();
  version.request_garbage_bytes = limits.request_garbage_bytes();
  version.routes.assign(from.config().routes().begin(), from.config().routes().end());
  version.secrets.assign(from.config().secrets().begin(), from.config().secrets().end());
  version.jit = from.config().jit();
  version.jit_threshold = from.config().jit_threshold();
  version.isolation = from.config().isolation();
  version.env = {from.config().env().begin(), from.config().env().end()};
  version.author = from.author();
  version.message = from.message();
  version.based_on = from.based_on();
  version.active = active;
  return version;
}

SourceError SourceErrorOf(const v1::SourceError& from) {
  return {from.kind(), from.message(), from.file(), from.line(), from.column(), from.source_line(), from.stack()};
}

void Fill(const Share& share, v1::CanaryShare& message) {
  message.set_share(share.share);
  message.set_sticky_by(share.sticky_by);
  message.set_sticky_name(share.sticky_name);
}

void Fill(const ChangeSpec& change, v1::Change& message) {
  message.set_function(change.function);
  message.set_author(change.author);
  message.set_message(change.message);
  message.set_wait_ms(static_cast<uint32_t>(std::min<Nanos>(change.wait / kMillisecond, UINT32_MAX)));
  message.set_require_all(change.require_all);
}

void Fill(const PromotionSpec& promotion, v1::Promotion& message) {
  message.set_p99_max_ns(promotion.p99_max);
  message.set_error_rate_max(promotion.error_rate_max);
  message.set_cold_rate_max(promotion.cold_rate_max);
  message.set_factor(promotion.factor);
  for (const uint32_t step : promotion.steps) message.add_steps(step);
  message.set_step_time_ns(promotion.step_time);
  message.set_samples_min(promotion.samples_min);
}

JitFunction JitFunctionOf(const v1::FunctionJit& from) {
  JitFunction function{from.name(), static_cast<int>(from.line()), static_cast<int>(from.column()),
                       {from.interpreter(), from.baseline(), from.maglev(), from.turbofan()}, from.code_bytes(), from.samples(), {}};
  for (const auto& each : from.deoptimizations()) {
    function.deoptimizations.push_back({each.reason(), static_cast<int>(each.line()), each.count()});
  }
  return function;
}

WorkerJit JitOf(const v1::WorkerJit& from) {
  WorkerJit jit{from.worker(), from.problem(), from.watch_ns(), {}, from.threads_silent()};
  for (const auto& version : from.versions()) {
    JitVersion& of = jit.versions.emplace_back(JitVersion{version.number(), version.isolates(), version.watched(), {}, version.left_out()});
    for (const auto& function : version.functions()) of.functions.push_back(JitFunctionOf(function));
  }
  return jit;
}

FunctionStory StoryOf(const v1::ListVersionsResponse& response) {
  FunctionStory story;
  for (const auto& item : response.versions()) {
    story.versions.push_back(VersionOf(item.version(), item.active()));
    story.versions.back().state = item.state();
    story.versions.back().share = item.share();
  }
  for (const auto& event : response.history()) {
    story.history.push_back({event.at_ns(), event.what(), event.number(), event.share(), event.by(), event.note()});
  }
  if (response.has_promotion()) {
    PromotionSpec promotion;
    promotion.steps.assign(response.promotion().steps().begin(), response.promotion().steps().end());
    promotion.step = response.promotion().step();
    promotion.by = response.promotion().by();
    story.promotion = std::move(promotion);
  }
  return story;
}

v1::DeployRequest StartOf(const DeploySpec& spec, size_t bundle_bytes, size_t source_map_bytes) {
  v1::DeployRequest request;
  v1::DeployStart& start = *request.mutable_start();
  start.set_function(spec.function);
  start.set_main_module(spec.main_module);
  start.set_bundle_bytes(bundle_bytes);
  start.set_bundle_digest(spec.digest);
  start.set_source_map_bytes(source_map_bytes);
  if (source_map_bytes > 0) start.set_source_map_digest(spec.source_map_digest);
  start.set_wait_ms(static_cast<uint32_t>(std::min<Nanos>(spec.wait / kMillisecond, UINT32_MAX)));
  start.set_author(spec.author);
  start.set_message(spec.message);
  start.set_require_all(spec.require_all);
  start.set_snapshot(spec.snapshot);
  if (spec.canary) Fill(*spec.canary, *start.mutable_canary());
  v1::VersionConfig& config = *start.mutable_config();
  for (const auto& [name, value] : spec.env) (*config.mutable_env())[name] = value;
  for (const std::string& route : spec.routes) config.add_routes(route);
  for (const std::string& host : spec.allow_net) config.add_allow_net(host);
  for (const std::string& name : spec.secrets) config.add_secrets(name);
  config.set_jit(spec.jit);
  config.set_jit_threshold(spec.jit_threshold);
  config.set_isolation(spec.isolation);
  v1::Limits& limits = *config.mutable_limits();
  limits.set_cpu_per_request_ns(spec.cpu_per_request);
  limits.set_wall_per_request_ns(spec.wall_per_request);
  limits.set_startup_cpu_ns(spec.startup_cpu);
  limits.set_memory_bytes_max(spec.memory_bytes_max);
  limits.set_nursery_bytes(spec.nursery_bytes);
  limits.set_request_garbage_bytes(spec.request_garbage_bytes);
  return request;
}

DeployLive LiveOf(const v1::DeployLive& from) {
  DeployLive live;
  live.version = from.version().number();
  live.snapshot_bytes = from.version().snapshot_bytes();
  live.code_cache_bytes = from.version().code_cache_bytes();
  live.start_reason = from.version().start_reason();
  live.workers_live = from.workers_live();
  live.workers_total = from.workers_total();
  live.controller_took = from.took_ns();
  live.urls.assign(from.urls().begin(), from.urls().end());
  live.laggards.assign(from.laggards().begin(), from.laggards().end());
  return live;
}

LogEntry EntryOf(const v1::TailLogsEvent& event) {
  const v1::LogRecord& record = event.record();
  return {record.time_ns(),  record.function(),   record.version_number(),
          record.severity(), record.message(),    record.request_id(),
          record.worker(),   event.dropped() + record.dropped_before()};
}

v1::TailLogsRequest RequestOf(const TailOptions& options) {
  v1::TailLogsRequest request;
  request.set_function(options.function);
  request.set_level_min(options.level_min);
  request.set_version_number(options.version);
  request.set_request_id(options.request_id);
  request.set_backlog(options.backlog);
  request.set_source(options.place.source);
  request.set_after(options.place.after);
  request.set_heartbeats(options.heartbeats);
  return request;
}

void Deliver(const v1::TailLogsEvent& event, TailPlace& place, Client::TailSink& sink) {
  // The source is known from the first heartbeat on; without one a tail would have to begin anew.
  if (event.heartbeat()) place.source = event.source();
  place.after = event.sequence();
  if (event.gap()) sink.OnGap();
  if (event.heartbeat()) {
    if (event.dropped() > 0) sink.OnDropped(event.dropped());
  } else {
    sink.OnRecord(EntryOf(event));
  }
  if (!place.source.empty()) sink.OnPlace(place);
}

Figures FiguresOf(const v1::Figures& from) {
  const v1::MemoryFigures& memory = from.memory();
  return {.requests_per_second = from.requests_per_second(),
          .errors_per_second = from.errors_per_second(),
          .p50 = from.p50_ns(),
          .p99 = from.p99_ns(),
          .cold_starts = from.cold_starts(),
          .limits_hit = from.limits_hit(),
          .window = from.window_ns(),
          .in_flight = from.in_flight(),
          .isolates = from.isolates(),
          .memory_bytes = from.memory_bytes(),
          .memory = {.minor_collections = memory.minor_collections(),
                     .major_collections = memory.major_collections(),
                     .pause_inside = static_cast<Nanos>(memory.pause_inside_ns()),
                     .pause_outside = static_cast<Nanos>(memory.pause_outside_ns()),
                     .heap_used_bytes = memory.heap_used_bytes(),
                     .heap_committed_bytes = memory.heap_committed_bytes(),
                     .external_bytes = memory.external_bytes(),
                     .limit_bytes = memory.limit_bytes()}};
}

}  // namespace

std::string StartName(uint64_t snapshot_bytes, uint64_t code_cache_bytes) {
  if (snapshot_bytes > 0) return "snapshot";
  return code_cache_bytes > 0 ? "code cache" : "source";
}

std::string StateName(const FunctionVersion& version) {
  if (!version.state.empty()) return version.state;
  return version.active ? "active" : "-";
}

std::string EngineText(const FunctionVersion& version) {
  std::string text;
  if (!version.jit.empty()) {
    text = "jit " + version.jit;
    if (version.jit_threshold > 0) text += " (" + std::to_string(version.jit_threshold) + " calls)";
  }
  if (version.isolation == "process") text += text.empty() ? "own process" : ", own process";
  return text;
}

struct Client::Impl {
  Endpoint endpoint;
  std::unique_ptr<v1::Deploy::Stub> stub;
  std::unique_ptr<v1::Stats::Stub> stats;
  std::unique_ptr<v1::Versions::Stub> versions;

  template <typename Request, typename Call>
  DeployResult Change(const ChangeSpec& change, Request& request, Call call) const;

  void Prepare(grpc::ClientContext& context, Nanos timeout) const { PrepareCall(endpoint, context, timeout); }
  Error ErrorOf(const grpc::Status& status) const { return CallError(endpoint, status); }
};

Client::Client(const Endpoint& endpoint) : impl_(std::make_unique<Impl>()) {
  impl_->endpoint = endpoint;
  const auto channel = OpenChannel(endpoint);
  impl_->stub = v1::Deploy::NewStub(channel);
  impl_->stats = v1::Stats::NewStub(channel);
  impl_->versions = v1::Versions::NewStub(channel);
}

Client::~Client() = default;

DeployResult Client::Deploy(const DeploySpec& spec, std::string_view bundle, std::string_view source_map, DeployObserver& observer) {
  grpc::ClientContext context;
  impl_->Prepare(context, spec.wait + kUploadTimeMax);
  auto stream = impl_->stub->DeployFunction(&context);
  // A failed write means that the controller has answered already: the answer is read below.
  bool open = stream->Write(StartOf(spec, bundle.size(), source_map.size()));
  const size_t total = bundle.size() + source_map.size();
  for (size_t sent = 0; open && sent < total;) {
    v1::DeployRequest request;
    const std::string_view chunk =
        sent < bundle.size() ? bundle.substr(sent, kChunkBytes) : source_map.substr(sent - bundle.size(), kChunkBytes);
    request.set_chunk(chunk.data(), chunk.size());
    open = stream->Write(request);
    sent += chunk.size();
    if (open) observer.OnUploaded(sent, total);
  }
  stream->WritesDone();
  std::optional<DeployResult> result;
  for (v1::DeployEvent event; stream->Read(&event);) {
    switch (event.event_case()) {
      case v1::DeployEvent::kCompiled:
        observer.OnCompiled(event.compiled().took_ns());
        break;
      case v1::DeployEvent::kStored:
        observer.OnStored(event.stored().version().number());
        break;
      case v1::DeployEvent::kProgress:
        observer.OnProgress(event.progress().workers_ready(), event.progress().workers_total());
        break;
      case v1::DeployEvent::kLive:
        result = LiveOf(event.live());
        break;
      case v1::DeployEvent::kFailed:
        result = DeployRefused{event.failed().code(), event.failed().message(), SourceErrorOf(event.failed().source()),
                               event.failed().previous_kept()};
        break;
      case v1::DeployEvent::EVENT_NOT_SET:
        break;  // an event of a newer controller
    }
  }
  const grpc::Status status = stream->Finish();
  if (result) return *result;
  if (!status.ok()) return DeployBroken{impl_->ErrorOf(status)};
  return DeployBroken{Internal("the controller ended the deploy without saying how it went")};
}

Result<std::vector<FunctionVersion>> Client::ListFunctions() {
  grpc::ClientContext context;
  impl_->Prepare(context, kCallTimeout);
  v1::ListFunctionsResponse response;
  const grpc::Status status = impl_->stub->ListFunctions(&context, {}, &response);
  if (!status.ok()) return impl_->ErrorOf(status);
  std::vector<FunctionVersion> functions;
  for (const auto& version : response.active()) functions.push_back(VersionOf(version, true));
  return functions;
}

Result<FunctionStory> Client::Story(const std::string& function) {
  grpc::ClientContext context;
  impl_->Prepare(context, kCallTimeout);
  v1::ListVersionsRequest request;
  request.set_function(function);
  v1::ListVersionsResponse response;
  const grpc::Status status = impl_->stub->ListVersions(&context, request, &response);
  if (!status.ok()) return impl_->ErrorOf(status);
  return StoryOf(response);
}

template <typename Request, typename Call>
DeployResult Client::Impl::Change(const ChangeSpec& change, Request& request, Call call) const {
  grpc::ClientContext context;
  Prepare(context, change.wait + kCallTimeout);
  Fill(change, *request.mutable_change());
  v1::ChangeResponse response;
  const grpc::Status status = (versions.get()->*call)(&context, request, &response);
  if (!status.ok()) return DeployBroken{ErrorOf(status)};
  if (response.has_live()) return LiveOf(response.live());
  return DeployRefused{response.failed().code(), response.failed().message(), SourceErrorOf(response.failed().source()),
                       response.failed().previous_kept()};
}

DeployResult Client::Rollback(const ChangeSpec& change, uint64_t to) {
  v1::RollbackRequest request;
  request.set_to(to);
  return impl_->Change(change, request, &v1::Versions::Stub::Rollback);
}

DeployResult Client::Promote(const ChangeSpec& change, uint64_t number) {
  v1::PromoteRequest request;
  request.set_number(number);
  request.set_whole(true);
  return impl_->Change(change, request, &v1::Versions::Stub::Promote);
}

DeployResult Client::SetShare(const ChangeSpec& change, uint64_t number, const Share& share) {
  v1::PromoteRequest request;
  request.set_number(number);
  Fill(share, *request.mutable_share());
  return impl_->Change(change, request, &v1::Versions::Stub::Promote);
}

DeployResult Client::PromoteByItself(const ChangeSpec& change, uint64_t number, const PromotionSpec& promotion) {
  v1::PromoteRequest request;
  request.set_number(number);
  Fill(promotion, *request.mutable_automatic());
  Fill(promotion.sticky, *request.mutable_sticky());
  return impl_->Change(change, request, &v1::Versions::Stub::Promote);
}

DeployResult Client::StopPromotion(const ChangeSpec& change) {
  v1::PromoteRequest request;
  request.set_stop(true);
  return impl_->Change(change, request, &v1::Versions::Stub::Promote);
}

DeployResult Client::Configure(const ChangeSpec& change, const ConfigEdit& edit) {
  v1::ConfigureRequest request;
  for (const auto& [name, value] : edit.set_env) (*request.mutable_set_env())[name] = value;
  for (const std::string& name : edit.unset_env) request.add_unset_env(name);
  for (const std::string& route : edit.add_routes) request.add_add_routes(route);
  for (const std::string& route : edit.remove_routes) request.add_remove_routes(route);
  return impl_->Change(change, request, &v1::Versions::Stub::Configure);
}

Result<Deleted> Client::Delete(const std::string& function) {
  grpc::ClientContext context;
  impl_->Prepare(context, kDefaultDeployWait + kCallTimeout);
  v1::DeleteFunctionRequest request;
  request.set_function(function);
  v1::DeleteFunctionResponse response;
  const grpc::Status status = impl_->stub->DeleteFunction(&context, request, &response);
  if (!status.ok()) return impl_->ErrorOf(status);
  return Deleted{response.workers_done(), response.workers_total()};
}

Result<std::vector<FunctionReport>> Client::Stats(const std::string& function) {
  grpc::ClientContext context;
  impl_->Prepare(context, kCallTimeout);
  v1::GetStatsRequest request;
  request.set_function(function);
  v1::GetStatsResponse response;
  const grpc::Status status = impl_->stats->GetStats(&context, request, &response);
  if (!status.ok()) return impl_->ErrorOf(status);
  std::vector<FunctionReport> reports;
  for (const auto& from : response.functions()) {
    FunctionReport& report = reports.emplace_back(FunctionReport{from.function(), FiguresOf(from.figures()), {}});
    for (const auto& worker : from.workers()) report.workers.emplace_back(worker.worker(), FiguresOf(worker.figures()));
  }
  return reports;
}

Result<std::vector<WorkerJit>> Client::Jit(const std::string& function, Nanos watch) {
  grpc::ClientContext context;
  impl_->Prepare(context, kCallTimeout + watch);
  v1::GetJitRequest request;
  request.set_function(function);
  request.set_watch_ns(watch);
  const auto reader = impl_->stats->GetJit(&context, request);
  std::vector<WorkerJit> workers;
  for (v1::WorkerJit answer; reader->Read(&answer);) workers.push_back(JitOf(answer));
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return impl_->ErrorOf(status);
  std::sort(workers.begin(), workers.end(), [](const auto& a, const auto& b) { return a.worker < b.worker; });
  return workers;
}

Result<WorkerList> Client::ListWorkers(Nanos timeout) {
  grpc::ClientContext context;
  impl_->Prepare(context, timeout);
  v1::ListWorkersResponse response;
  const grpc::Status status = impl_->stub->ListWorkers(&context, {}, &response);
  if (!status.ok()) return impl_->ErrorOf(status);
  WorkerList workers;
  workers.catalog_version = response.catalog_version();
  for (const auto& from : response.workers()) {
    workers.list.push_back({from.name(), from.http_address(), from.shards(), from.active_version(), from.artifact_key(),
                       from.io_backend(), from.connected_ns()});
  }
  return workers;
}

Result<VersionSource> Client::Source(const std::string& function, uint64_t number) {
  grpc::ClientContext context;
  impl_->Prepare(context, kCallTimeout);
  v1::GetSourceRequest request;
  request.set_function(function);
  request.set_number(number);
  const auto reader = impl_->stub->GetSource(&context, request);
  VersionSource source;
  for (v1::SourceChunk chunk; reader->Read(&chunk);) {
    if (!chunk.main_module().empty()) source.main_module = chunk.main_module();
    source.is_map = chunk.is_map();
    if (source.text.size() + chunk.data().size() > kVersionSourceBytesMax) {
      context.TryCancel();
      return Error{ErrorCode::kExhausted, "the source of " + function + " is larger than any that could be deployed"};
    }
    source.text += chunk.data();
  }
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return impl_->ErrorOf(status);
  return source;
}

Status Client::TailLogs(const TailOptions& options, TailSink& sink) {
  grpc::ClientContext context;
  impl_->Prepare(context, 0);
  const v1::TailLogsRequest request = RequestOf(options);
  // A completion queue, because its waits can end: a blocking read cannot be told to give up when nothing comes.
  grpc::CompletionQueue queue;
  void* tag = nullptr;
  bool ok = false;
  auto reader = impl_->stub->AsyncTailLogs(&context, request, &queue, nullptr);
  queue.Next(&tag, &ok);
  if (ok) {
    // The controller sends its metadata when the stream is open on its side: nothing from there on is missed.
    reader->ReadInitialMetadata(nullptr);
    queue.Next(&tag, &ok);
  }
  bool timed_out = false, beats = false;
  TailPlace place = options.place;
  v1::TailLogsEvent event;
  if (ok) {
    sink.OnConnected();
    reader->Read(&event, nullptr);
  }
  while (ok) {
    const Nanos silence_max = beats ? kSilenceMax : options.idle_max;
    const auto deadline = silence_max > 0 ? TimeIn(silence_max) : std::chrono::system_clock::time_point::max();
    if (queue.AsyncNext(&tag, &ok, deadline) == grpc::CompletionQueue::TIMEOUT) {
      timed_out = true;
      context.TryCancel();
      queue.Next(&tag, &ok);
    }
    if (!ok) break;
    // Of a controller that beats it is known that it does; others are waited for.
    beats = beats || event.heartbeat();
    Deliver(event, place, sink);
    reader->Read(&event, nullptr);
  }
  grpc::Status status;
  reader->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
  queue.Shutdown();
  if (timed_out && beats) return Unavailable("the controller at " + impl_->endpoint.address + " has gone silent");
  if (timed_out) return {};
  if (status.ok()) return Unavailable("the controller at " + impl_->endpoint.address + " ended the log stream");
  return impl_->ErrorOf(status);
}

}  // namespace zts::cli
