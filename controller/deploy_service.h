// The edge towards ztsctl: uploads, lists, deletions and logs of deploy.proto, in terms of Deployer, Registry and LogHub.
//
// Owner:    main(), one a process; registered with the gRPC server.
// Thread:   the server's own, one a call.
// Life:     everything handed to it outlives the server.
// Limits:   kBundleBytesMax, kUploadChunkBytesMax, kUploadTimeout, kSourceMapBytesMax; what Deployer and LogHub bound.
#pragma once

#include "base/clock.h"
#include "controller/authorizer.h"
#include "controller/call_timer.h"
#include "controller/deployer.h"
#include "controller/gated_service.h"
#include "controller/limits.h"
#include "controller/log_hub.h"
#include "controller/metrics.h"
#include "controller/publisher.h"
#include "controller/registry.h"
#include "controller/tenancy/namespaces.h"
#include "zts/v1/deploy.grpc.pb.h"

namespace zts::controller {

class DeployService final : public GatedService<v1::Deploy::Service> {
 public:
  struct Parts {
    Authorizer& authorizer;
    Deployer& deployer;
    Registry& registry;
    Publisher& publisher;
    LogHub& logs;
    Metrics& metrics;
    const Clock& clock;
    tenancy::Namespaces& namespaces;
    CallTimer& timer;
    Nanos upload_timeout = kUploadTimeout;
  };
  explicit DeployService(Parts parts);

  using DeployStream = grpc::ServerReaderWriter<v1::DeployEvent, v1::DeployRequest>;
  grpc::Status DeployFunction(grpc::ServerContext* context, DeployStream* stream) override;
  grpc::Status ListFunctions(grpc::ServerContext* context, const v1::ListFunctionsRequest* request,
                             v1::ListFunctionsResponse* response) override;
  grpc::Status ListVersions(grpc::ServerContext* context, const v1::ListVersionsRequest* request,
                            v1::ListVersionsResponse* response) override;
  grpc::Status DeleteFunction(grpc::ServerContext* context, const v1::DeleteFunctionRequest* request,
                              v1::DeleteFunctionResponse* response) override;
  grpc::Status ListWorkers(grpc::ServerContext* context, const v1::ListWorkersRequest* request,
                           v1::ListWorkersResponse* response) override;

 private:
  grpc::Status ServeLogs(grpc::ServerContext* context, const v1::TailLogsRequest* request, Writer<v1::TailLogsEvent>* writer);
  grpc::Status ServeSource(grpc::ServerContext* context, const v1::GetSourceRequest* request, Writer<v1::SourceChunk>* writer);
  void Send(grpc::ServerContext& context, LogHub::Tail& tail, bool heartbeats, Writer<v1::TailLogsEvent>& writer);
  DeployEnd RunDeploy(const v1::DeployStart& start, grpc::ServerContext& context, DeployStream& stream);

  const Parts parts_;
};

}  // namespace zts::controller
