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
  StatsService(const Authorizer& authorizer, const StatsHub& hub) : authorizer_(authorizer), hub_(hub) {}
  grpc::Status GetStats(grpc::ServerContext* context, const v1::GetStatsRequest* request, v1::GetStatsResponse* response) override {
    if (grpc::Status allowed = authorizer_.Check(*context); !allowed.ok()) return allowed;
    *response = hub_.Read(request->function());
    return grpc::Status::OK;
  }

 private:
  const Authorizer& authorizer_;
  const StatsHub& hub_;
};

}  // namespace zts::controller
