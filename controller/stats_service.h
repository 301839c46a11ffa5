// Answers what ztsctl asks of functions' figures and of their code.
//
// Owner:    main(), one.
// Thread:   gRPC's.
// Life:     what it is given outlives it.
// Errors:   as zts/v1/stats.proto and the authorizer say.
#pragma once

#include "controller/authorizer.h"
#include "controller/convert.h"
#include "controller/gated_service.h"
#include "controller/jit_hub.h"
#include "controller/limits.h"
#include "controller/registry.h"
#include "controller/stats_hub.h"
#include "zts/v1/stats.grpc.pb.h"

namespace zts::controller {

class StatsService final : public GatedService<v1::Stats::Service> {
 public:
  StatsService(Authorizer& authorizer, CallTimer& timer, const StatsHub& hub, JitHub& jit, const Registry& registry)
      : GatedService(authorizer, timer), authorizer_(authorizer), hub_(hub), jit_(jit), registry_(registry) {
    Gate(Call::kGetStats, &StatsService::GetStats);
    GateStream(Call::kGetJit, &StatsService::ServeJit);
  }
  grpc::Status GetStats(grpc::ServerContext* context, const v1::GetStatsRequest* request, v1::GetStatsResponse* response) override {
    return authorizer_.Run(*context, Call::kGetStats, request->function(), [&](const AdmittedCall& call) {
      v1::GetStatsResponse all = hub_.Read(request->function());
      for (v1::FunctionReport& report : *all.mutable_functions()) {
        if (call.Covers(report.function())) *response->add_functions() = std::move(report);
      }
      return grpc::Status::OK;
    });
  }

 private:
  grpc::Status ServeJit(grpc::ServerContext* context, const v1::GetJitRequest* request, Writer<v1::WorkerJit>* writer) {
    return authorizer_.Run(*context, Call::kGetJit, request->function(), [&](const AdmittedCall&) {
      if (const auto versions = registry_.Versions(request->function()); !versions.ok()) return ToStatus(versions.error());
      if (request->watch_ns() < 0 || request->watch_ns() > kJitWatchMax) {
        return ToStatus(Invalid("a function is watched for at most " + std::to_string(kJitWatchMax / kSecond) + " s"));
      }
      const Status asked = jit_.Ask(request->function(), request->watch_ns(), [&] { return !context->IsCancelled(); },
                                    [&](const v1::WorkerJit& answer) { writer->Write(answer); });
      return asked.ok() ? grpc::Status::OK : ToStatus(asked.error());
    });
  }

  Authorizer& authorizer_;
  const StatsHub& hub_;
  JitHub& jit_;
  const Registry& registry_;
};

}  // namespace zts::controller
