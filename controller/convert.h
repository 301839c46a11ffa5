// Domain values to wire messages and back.
//
// Thread:   pure functions.
#pragma once

#include <grpcpp/support/status.h>

#include "base/result.h"
#include "controller/canary_policy.h"
#include "controller/deployer.h"
#include "controller/log_hub.h"
#include "controller/model.h"
#include "controller/push.h"
#include "zts/v1/deploy.pb.h"
#include "zts/v1/sync.pb.h"
#include "zts/v1/types.pb.h"

namespace zts::controller {

grpc::Status ToStatus(const Error& error);

v1::CanaryShare ToProto(const CanaryShare& traffic);
// Checked: a share of at most all, a name where one is needed.
Result<CanaryShare> FromProto(const v1::CanaryShare& message);
v1::HistoryEvent ToProto(const HistoryEvent& event);
v1::Promotion ToProto(const Promotion& promotion);
Promotion FromProto(const v1::Promotion& message);
std::vector<VersionWindow> FromProto(const v1::VersionWindows& message);
// "active", "canary", "warm", "kept".
std::string StateName(Registry::VersionItem::Role role);
// Shortened to what is kept of it.
Actor ActorOf(const std::string& author, const std::string& message);

v1::FunctionVersion ToProto(const FunctionVersion& version);
// With its traffic, as workers get it.
v1::FunctionVersion ToProto(const CatalogEntry& entry);
VersionConfig FromProto(const v1::VersionConfig& config);

v1::SourceError ToProto(const SourceProblem& problem);
SourceProblem FromProto(const v1::SourceError& error);

v1::LogRecord ToProto(const LogRecord& record);
LogRecord FromProto(const v1::LogRecord& record);

v1::DeployEvent ToProto(const DeployLive& live, Nanos took);
v1::DeployEvent ToProto(const DeployFailure& failure);

WorkerHello FromProto(const v1::Hello& hello);
// None when the state is none that this protocol knows.
std::optional<PushResult> FromProto(const v1::UpdateResult& result);

}  // namespace zts::controller
