// The edge towards ztsctl for versions that are there already: rollback, promotion and configuration of versions.proto.
//
// Owner:    main(), one a process; registered with the gRPC server.
// Thread:   the server's own, one a call.
// Life:     everything handed to it outlives the server.
// Limits:   those of Registry and Deployer.
// Errors:   what the registry refuses is the call's status; what the workers refuse is a `failed` in the answer.
#pragma once

#include "base/clock.h"
#include "controller/authorizer.h"
#include "controller/deployer.h"
#include "controller/gated_service.h"
#include "controller/registry.h"
#include "zts/v1/versions.grpc.pb.h"

namespace zts::controller {

class VersionsService final : public GatedService<v1::Versions::Service> {
 public:
  struct Parts {
    Authorizer& authorizer;
    Deployer& deployer;
    Registry& registry;
    const Clock& clock;
    CallTimer& timer;
  };
  explicit VersionsService(Parts parts);

  grpc::Status Rollback(grpc::ServerContext* context, const v1::RollbackRequest* request, v1::ChangeResponse* response) override;
  grpc::Status Promote(grpc::ServerContext* context, const v1::PromoteRequest* request, v1::ChangeResponse* response) override;
  grpc::Status Configure(grpc::ServerContext* context, const v1::ConfigureRequest* request, v1::ChangeResponse* response) override;

 private:
  using Make = std::function<Result<Deployed>(const Actor& actor)>;
  grpc::Status Apply(grpc::ServerContext& context, Call call, const v1::Change& change, const Make& make, v1::ChangeResponse& response);
  grpc::Status ApplyAdmitted(grpc::ServerContext& context, AdmittedCall& call, const v1::Change& change, const Make& make,
                             v1::ChangeResponse& response);

  const Parts parts_;
};

}  // namespace zts::controller
