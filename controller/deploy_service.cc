#include "controller/deploy_service.h"

#include <algorithm>

#include "base/log.h"
#include "base/sha256.h"
#include "controller/convert.h"
#include "controller/limits.h"
#include "controller/validate.h"

namespace zts::controller {
namespace {

// How long a tail without records waits before it looks whether its client is still there.
constexpr Nanos kTailPoll = 100 * kMillisecond;

DeployFailure InvalidUpload(std::string message) { return {"invalid", std::move(message), {}}; }

Result<LogFilter> FilterOf(const v1::TailLogsRequest& request) {
  if (!request.function().empty()) {
    ZTS_RETURN_IF_ERROR(ValidateFunctionName(request.function()));
  }
  if (request.request_id().size() > kRequestIdBytesMax) {
    return Invalid("a request id has at most " + std::to_string(kRequestIdBytesMax) + " bytes");
  }
  LogFilter filter{.function = request.function(), .version = request.version_number(), .request_id = request.request_id()};
  if (request.level_min().empty()) return filter;
  const auto level = LevelOf(request.level_min());
  if (!level) return Invalid("there is no level '" + request.level_min() + "'; it is debug, info, warn, error or exception");
  filter.level_min = *level;
  return filter;
}

// The chunks behind `start`: the bundle, then the source map.
Status ReadContent(DeployService::DeployStream& stream, const v1::DeployStart& start, DeployOrder& order) {
  order.bundle.reserve(start.bundle_bytes());
  order.source_map.reserve(start.source_map_bytes());
  for (v1::DeployRequest request; stream.Read(&request);) {
    if (request.part_case() != v1::DeployRequest::kChunk) return Invalid("only chunks may follow `start`");
    if (request.chunk().size() > kUploadChunkBytesMax) return Invalid("a chunk is larger than 1 MiB");
    const bool of_bundle = order.bundle.size() < start.bundle_bytes();
    std::string& into = of_bundle ? order.bundle : order.source_map;
    const uint64_t announced = of_bundle ? start.bundle_bytes() : start.source_map_bytes();
    if (into.size() + request.chunk().size() > announced) {
      return Invalid("more than the announced " + std::to_string(announced) + " bytes arrived");
    }
    into += request.chunk();
  }
  const uint64_t announced = start.bundle_bytes() + start.source_map_bytes(), arrived = order.bundle.size() + order.source_map.size();
  if (arrived != announced) {
    return Invalid("the upload ended after " + std::to_string(arrived) + " of " + std::to_string(announced) + " bytes");
  }
  return {};
}

// Takes the upload apart: the first message names it, the others bring it.
std::variant<DeployOrder, DeployFailure> ReadOrder(const v1::DeployStart& start, DeployService::DeployStream& stream,
                                                   const Registry& registry) {
  v1::DeployRequest request;
  DeployOrder order;
  order.function = start.function();
  order.main_module = start.main_module();
  order.config = FromProto(start.config());
  order.wait = Nanos{start.wait_ms()} * kMillisecond;
  order.actor = ActorOf(start.author(), start.message());
  if (const std::string& policy = start.snapshot(); policy == "always" || policy == "never") {
    order.snapshot = policy == "always" ? SnapshotPolicy::kAlways : SnapshotPolicy::kNever;
  } else if (!policy.empty() && policy != "auto") {
    return InvalidUpload("snapshot is auto, always or never, not '" + policy + "'");
  }
  if (start.require_all()) order.workers = DeployOrder::Workers::kAll;
  if (start.has_canary()) {
    auto canary = FromProto(start.canary());
    if (!canary.ok()) return FailureOf(canary.error());
    order.canary = *std::move(canary);
  }
  // Before the upload: what cannot be accepted need not travel.
  if (Status fits = registry.Check(order.function, order.main_module, order.config, start.bundle_bytes()); !fits.ok()) {
    return FailureOf(fits.error());
  }
  const auto digest = DigestFromHex(start.bundle_digest());
  if (!digest) return InvalidUpload("bundle_digest must be a SHA-256 of 64 lower-case hex digits");
  order.bundle_digest = *digest;
  if (start.source_map_bytes() > kSourceMapBytesMax) {
    return InvalidUpload("a source map is at most " + std::to_string(kSourceMapBytesMax >> 20) + " MiB; deploy without it");
  }
  if (Status read = ReadContent(stream, start, order); !read.ok()) return InvalidUpload(read.error().message);
  if (!order.source_map.empty() && DigestFromHex(start.source_map_digest()) != Sha256Of(order.source_map)) {
    return InvalidUpload("the source map that arrived does not have the SHA-256 that was announced; upload it again");
  }
  return order;
}

// Sends each step on. A client that is gone is noticed by StillWanted, not here: what is begun is brought to a clean end.
class StreamObserver final : public DeployObserver {
 public:
  StreamObserver(grpc::ServerContext& context, DeployService::DeployStream& stream) : context_(context), stream_(stream) {}

  void OnCompiled(uint64_t code_cache_bytes, Nanos took) override {
    v1::DeployEvent event;
    event.mutable_compiled()->set_code_cache_bytes(code_cache_bytes);
    event.mutable_compiled()->set_took_ns(took);
    stream_.Write(event);
  }
  void OnStored(const FunctionVersion& version, uint64_t catalog_version) override {
    v1::DeployEvent event;
    *event.mutable_stored()->mutable_version() = ToProto(version);
    event.mutable_stored()->set_catalog_version(catalog_version);
    stream_.Write(event);
  }
  void OnProgress(uint32_t workers_ready, uint32_t workers_total) override {
    v1::DeployEvent event;
    event.mutable_progress()->set_workers_ready(workers_ready);
    event.mutable_progress()->set_workers_total(workers_total);
    stream_.Write(event);
  }
  bool StillWanted() override { return !context_.IsCancelled(); }

 private:
  grpc::ServerContext& context_;
  DeployService::DeployStream& stream_;
};

}  // namespace

DeployEnd DeployService::RunDeploy(const v1::DeployStart& start, grpc::ServerContext& context, DeployStream& stream) {
  const auto slot = parts_.deployer.TryEnter();
  if (!slot) {
    return DeployFailure{"exhausted", "the controller runs " + std::to_string(kDeploysMax) + " deploys already; try again in a moment", {}};
  }
  auto order = [&] {
    const CallTimer::Wait stalls(parts_.timer, parts_.upload_timeout, [&context] {
      ZTS_LOG(kWarning) << "an upload from " << context.peer() << " takes too long and is ended";
      context.TryCancel();
    });
    return ReadOrder(start, stream, parts_.registry);
  }();
  if (auto* failure = std::get_if<DeployFailure>(&order)) return std::move(*failure);
  const std::string name_space(tenancy::SplitName(start.function()).name_space);
  if (Status counted = parts_.namespaces.BeginDeploy(name_space); !counted.ok()) return FailureOf(counted.error());
  StreamObserver observer(context, stream);
  return parts_.deployer.Run(std::get<DeployOrder>(std::move(order)), observer);
}

DeployService::DeployService(Parts parts) : GatedService(parts.authorizer, parts.timer), parts_(parts) {
  Gate(Call::kListFunctions, &DeployService::ListFunctions);
  Gate(Call::kListVersions, &DeployService::ListVersions);
  Gate(Call::kDeleteFunction, &DeployService::DeleteFunction);
  Gate(Call::kListWorkers, &DeployService::ListWorkers);
  GateStream(Call::kTailLogs, &DeployService::ServeLogs);
  GateStream(Call::kGetSource, &DeployService::ServeSource);
}

grpc::Status DeployService::DeployFunction(grpc::ServerContext* context, DeployStream* stream) {
  const Nanos started = parts_.clock.Now();
  return parts_.authorizer.Run(*context, Call::kDeployFunction, "", [&](AdmittedCall& call) {
    v1::DeployRequest first;
    const bool named = stream->Read(&first) && first.has_start();
    if (grpc::Status reached = call.Aim(first.start().function()); !reached.ok()) return reached;
    const DeployEnd end = named ? RunDeploy(first.start(), *context, *stream)
                                : DeployEnd(InvalidUpload("the first message of a deploy must be `start`"));
    const Nanos took = parts_.clock.Now() - started;
    if (const auto* failure = std::get_if<DeployFailure>(&end)) {
      ZTS_LOG(kInfo) << "deploy failed (" << failure->code << "): " << failure->message;
      parts_.metrics.OnDeploy(failure->code, took);
      call.set_result(failure->code);
      call.set_detail(failure->message);
      stream->WriteLast(ToProto(*failure), {});
    } else {
      const DeployLive& live = std::get<DeployLive>(end);
      parts_.metrics.OnDeploy("live", took);
      call.set_detail("v" + std::to_string(live.version->number));
      stream->WriteLast(ToProto(live, took), {});
    }
    return grpc::Status::OK;
  });
}

grpc::Status DeployService::ListFunctions(grpc::ServerContext* context, const v1::ListFunctionsRequest*,
                                          v1::ListFunctionsResponse* response) {
  return parts_.authorizer.Run(*context, Call::kListFunctions, "", [&](const AdmittedCall& call) {
    const CatalogPtr catalog = parts_.registry.catalog();
    for (const CatalogEntry& entry : catalog->entries) {
      if (call.Covers(entry.version->function)) *response->add_active() = ToProto(*entry.version);
    }
    response->set_catalog_version(catalog->version);
    return grpc::Status::OK;
  });
}

grpc::Status DeployService::ListVersions(grpc::ServerContext* context, const v1::ListVersionsRequest* request,
                                         v1::ListVersionsResponse* response) {
  return parts_.authorizer.Run(*context, Call::kListVersions, request->function(), [&](const AdmittedCall&) {
    const auto versions = parts_.registry.Versions(request->function());
    if (!versions.ok()) return ToStatus(versions.error());
    for (const Registry::VersionItem& item : *versions) {
      auto& message = *response->add_versions();
      *message.mutable_version() = ToProto(*item.version);
      message.set_active(item.role == Registry::VersionItem::Role::kActive);
      message.set_state(StateName(item.role));
      message.set_share(item.share);
    }
    const auto story = parts_.registry.History(request->function());
    if (!story.ok()) return ToStatus(story.error());
    for (const HistoryEvent& event : story->events) *response->add_history() = ToProto(event);
    if (story->canary) *response->mutable_canary() = ToProto(story->canary->traffic);
    if (story->promotion) *response->mutable_promotion() = ToProto(*story->promotion);
    return grpc::Status::OK;
  });
}

grpc::Status DeployService::DeleteFunction(grpc::ServerContext* context, const v1::DeleteFunctionRequest* request,
                                           v1::DeleteFunctionResponse* response) {
  return parts_.authorizer.Run(*context, Call::kDeleteFunction, request->function(), [&](const AdmittedCall&) {
    const auto deleted = parts_.deployer.Delete(request->function(), [&] { return !context->IsCancelled(); });
    if (!deleted.ok()) return ToStatus(deleted.error());
    response->set_workers_done(deleted->workers_done);
    response->set_workers_total(deleted->workers_total);
    return grpc::Status::OK;
  });
}

grpc::Status DeployService::ServeLogs(grpc::ServerContext* context, const v1::TailLogsRequest* request,
                                      Writer<v1::TailLogsEvent>* writer) {
  return parts_.authorizer.Run(*context, Call::kTailLogs, request->function(), [&](const AdmittedCall& call) {
    auto filter = FilterOf(*request);
    if (!filter.ok()) return ToStatus(filter.error());
    filter->may_see = [&call](const std::string& function) { return call.Covers(function); };
    const auto tail = parts_.logs.Open(*std::move(filter), {request->backlog(), request->source(), request->after()});
    if (!tail.ok()) return ToStatus(tail.error());
    // The client knows from these that nothing from here on is missed.
    writer->SendInitialMetadata();
    Send(*context, **tail, request->heartbeats(), *writer);
    return grpc::Status::OK;
  });
}

// Until the client is gone.
void DeployService::Send(grpc::ServerContext& context, LogHub::Tail& tail, bool heartbeats, Writer<v1::TailLogsEvent>& writer) {
  Nanos beat_at = 0;
  const auto beat = [&](uint64_t sequence, uint64_t dropped, bool gap) {
    v1::TailLogsEvent event;
    event.set_heartbeat(true);
    event.set_source(parts_.logs.source());
    event.set_sequence(sequence);
    event.set_dropped(dropped);
    event.set_gap(gap);
    beat_at = parts_.clock.Now() + kTailHeartbeat;
    return writer.Write(event);
  };
  if (heartbeats && !beat(tail.begin(), 0, tail.gap())) return;
  while (!context.IsCancelled()) {
    LogHub::Tail::Batch batch = tail.Next(kTailPoll);
    for (const LogHub::RecordPtr& record : batch.records) {
      v1::TailLogsEvent event;
      *event.mutable_record() = ToProto(*record);
      event.set_sequence(record->sequence);
      event.set_dropped(std::exchange(batch.dropped, 0));
      if (!writer.Write(event)) return;
      beat_at = parts_.clock.Now() + kTailHeartbeat;
    }
    if (!heartbeats || (batch.dropped == 0 && parts_.clock.Now() < beat_at)) continue;
    if (!beat(batch.position, batch.dropped, false)) return;
  }
}

// Those who may read logs without this right see stacks in terms of the bundle.
grpc::Status DeployService::ServeSource(grpc::ServerContext* context, const v1::GetSourceRequest* request,
                                        Writer<v1::SourceChunk>* writer) {
  return parts_.authorizer.Run(*context, Call::kGetSource, request->function(), [&](const AdmittedCall&) {
    const auto versions = parts_.registry.Versions(request->function());
    if (!versions.ok()) return ToStatus(versions.error());
    const auto item = std::find_if(versions->begin(), versions->end(),
                                   [&](const Registry::VersionItem& each) { return each.version->number == request->number(); });
    if (item == versions->end()) {
      return ToStatus(NotFound("'" + request->function() + "' has no version " + std::to_string(request->number()) + " any more"));
    }
    const FunctionVersion& version = *item->version;
    const auto content = parts_.registry.ReadBlob(version.source_map_digest.value_or(version.bundle_digest));
    if (!content.ok()) return ToStatus(content.error());
    v1::SourceChunk chunk;
    chunk.set_main_module(version.main_module);
    chunk.set_is_map(version.source_map_digest.has_value());
    for (size_t at = 0; at == 0 || at < content->size(); at += kBlobChunkBytes) {
      chunk.set_data(content->substr(at, kBlobChunkBytes));
      if (!writer->Write(chunk)) return grpc::Status::OK;
      chunk.clear_main_module();
    }
    return grpc::Status::OK;
  });
}

grpc::Status DeployService::ListWorkers(grpc::ServerContext* context, const v1::ListWorkersRequest*, v1::ListWorkersResponse* response) {
  return parts_.authorizer.Run(*context, Call::kListWorkers, "", [&](const AdmittedCall&) {
    response->set_catalog_version(parts_.registry.catalog()->version);
    for (const WorkerInfo& info : parts_.publisher.Workers()) {
      auto& worker = *response->add_workers();
      worker.set_name(info.hello.name);
      worker.set_http_address(info.hello.http_address);
      worker.set_shards(info.hello.shards);
      worker.set_active_version(info.active_version);
      worker.set_artifact_key(info.hello.artifact_key);
      worker.set_io_backend(info.hello.io_backend);
      worker.set_connected_ns(info.connected_ns);
    }
    return grpc::Status::OK;
  });
}

}  // namespace zts::controller
