// Answers what ztsctl asks of functions' figures.
//
// Owner:    main(), one.
// Thread:   gRPC's.
// Life:     authorizer and hub outlive it.
// Errors:   as zts/v1/stats.proto and the authorizer say.
#pragma once

#include "controller/authorizer.h"
#include "controller/stats_hub.h"
#include "zts/v1/stats.grpc.pb.h"

namespace zts::controller {

class StatsService final : public v1::Stats::Service {
 public:
  StatsService(Authorizer& authorizer, const StatsHub& hub) : authorizer_(authorizer), hub_(hub) {}
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
  Authorizer& authorizer_;
  const StatsHub& hub_;
};

}  // namespace zts::controller
