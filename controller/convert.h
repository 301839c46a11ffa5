// Domain values to wire messages and back.
//
// Thread:   pure functions.
#pragma once

#include <grpcpp/support/status.h>

#include "base/result.h"
#include "controller/deployer.h"
#include "controller/log_hub.h"
#include "controller/model.h"
#include "controller/push.h"
#include "zts/v1/deploy.pb.h"
#include "zts/v1/sync.pb.h"
#include "zts/v1/types.pb.h"

namespace zts::controller {

grpc::Status ToStatus(const Error& error);

v1::FunctionVersion ToProto(const FunctionVersion& version);
VersionConfig FromProto(const v1::VersionConfig& config);

v1::SourceError ToProto(const SourceProblem& problem);
SourceProblem FromProto(const v1::SourceError& error);

v1::LogRecord ToProto(const LogRecord& record);
LogRecord FromProto(const v1::LogRecord& record);

v1::DeployEvent ToProto(const DeployLive& live, Nanos took);
v1::DeployEvent ToProto(const DeployFailure& failure);

v1::ControllerMessage ToProto(const Push& push);
WorkerHello FromProto(const v1::Hello& hello);
// None when the state is none that this protocol knows.
std::optional<PushResult> FromProto(const v1::UpdateResult& result);

}  // namespace zts::controller
