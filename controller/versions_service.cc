#include "controller/versions_service.h"

#include <algorithm>

#include "base/log.h"
#include "controller/convert.h"
#include "controller/limits.h"
#include "controller/validate.h"

namespace zts::controller {
namespace {

// Nobody is told of the steps: the changes of this service are over in milliseconds.
class CallObserver final : public DeployObserver {
 public:
  explicit CallObserver(grpc::ServerContext& context) : context_(context) {}
  void OnCompiled(uint64_t, Nanos) override {}
  void OnStored(const FunctionVersion&, uint64_t) override {}
  void OnProgress(uint32_t, uint32_t) override {}
  bool StillWanted() override { return !context_.IsCancelled(); }

 private:
  grpc::ServerContext& context_;
};

Status EditRoutes(const v1::ConfigureRequest& request, std::vector<std::string>& routes) {
  for (const std::string& text : request.remove_routes()) {
    ZTS_ASSIGN_OR_RETURN(const std::string route, NormalizeRoute(text));
    if (std::erase(routes, route) == 0) return NotFound("the function has no route '" + text + "'");
  }
  for (const std::string& text : request.add_routes()) {
    ZTS_ASSIGN_OR_RETURN(std::string route, NormalizeRoute(text));
    if (std::find(routes.begin(), routes.end(), route) == routes.end()) routes.push_back(std::move(route));
  }
  return {};
}

Status EditConfig(const v1::ConfigureRequest& request, VersionConfig& config) {
  for (const std::string& name : request.unset_env()) {
    if (config.env.erase(name) == 0) return NotFound("the function has no variable '" + name + "'");
  }
  for (const auto& [name, value] : request.set_env()) config.env[name] = value;
  return EditRoutes(request, config.routes);
}

}  // namespace

VersionsService::VersionsService(Parts parts) : GatedService(parts.authorizer, parts.timer), parts_(parts) {
  Gate(Call::kRollback, &VersionsService::Rollback);
  Gate(Call::kPromote, &VersionsService::Promote);
  Gate(Call::kConfigure, &VersionsService::Configure);
}

grpc::Status VersionsService::Apply(grpc::ServerContext& context, Call call, const v1::Change& change, const Make& make,
                                    v1::ChangeResponse& response) {
  return parts_.authorizer.Run(context, call, change.function(),
                               [&](AdmittedCall& admitted) { return ApplyAdmitted(context, admitted, change, make, response); });
}

grpc::Status VersionsService::ApplyAdmitted(grpc::ServerContext& context, AdmittedCall& call, const v1::Change& change,
                                            const Make& make, v1::ChangeResponse& response) {
  const Nanos started = parts_.clock.Now();
  const Actor actor = ActorOf(change.author(), change.message());
  std::optional<Error> refused;
  CallObserver observer(context);
  const DeployEnd end = parts_.deployer.Apply(
      [&] {
        Result<Deployed> made = make(actor);
        if (!made.ok()) refused = made.error();
        return made;
      },
      Nanos{change.wait_ms()} * kMillisecond,
      change.require_all() ? DeployOrder::Workers::kAll : DeployOrder::Workers::kMost, observer);
  if (refused) return ToStatus(*refused);
  const v1::DeployEvent event = std::holds_alternative<DeployFailure>(end)
                                    ? ToProto(std::get<DeployFailure>(end))
                                    : ToProto(std::get<DeployLive>(end), parts_.clock.Now() - started);
  if (event.has_live()) {
    *response.mutable_live() = event.live();
    call.set_detail("v" + std::to_string(event.live().version().number()));
  } else {
    ZTS_LOG(kInfo) << "change of " << change.function() << " failed: " << event.failed().message();
    *response.mutable_failed() = event.failed();
    call.set_result(event.failed().code());
    call.set_detail(event.failed().message());
  }
  return grpc::Status::OK;
}

grpc::Status VersionsService::Rollback(grpc::ServerContext* context, const v1::RollbackRequest* request, v1::ChangeResponse* response) {
  return Apply(
      *context, Call::kRollback, request->change(),
      [&](const Actor& actor) { return parts_.registry.Rollback(request->change().function(), request->to(), actor); }, *response);
}

grpc::Status VersionsService::Promote(grpc::ServerContext* context, const v1::PromoteRequest* request, v1::ChangeResponse* response) {
  const std::string& function = request->change().function();
  return Apply(
      *context, Call::kPromote, request->change(),
      [&](const Actor& actor) -> Result<Deployed> {
        if (request->how_case() == v1::PromoteRequest::kWhole) return parts_.registry.Promote(function, request->number(), actor);
        if (request->how_case() == v1::PromoteRequest::kShare) {
          ZTS_ASSIGN_OR_RETURN(const CanaryShare traffic, FromProto(request->share()));
          return parts_.registry.SetShare(function, request->number(), traffic, actor);
        }
        if (request->how_case() == v1::PromoteRequest::kStop) return parts_.registry.StopPromotion(function, actor);
        if (request->how_case() != v1::PromoteRequest::kAutomatic) return Invalid("a promotion is whole, to a share, or by itself");
        ZTS_ASSIGN_OR_RETURN(const CanaryShare sticky, FromProto(request->sticky()));
        return parts_.registry.StartPromotion(function, request->number(), FromProto(request->automatic()), sticky.sticky, actor);
      },
      *response);
}

grpc::Status VersionsService::Configure(grpc::ServerContext* context, const v1::ConfigureRequest* request, v1::ChangeResponse* response) {
  return Apply(
      *context, Call::kConfigure, request->change(),
      [&](const Actor& actor) {
        return parts_.registry.Configure(
            request->change().function(), [&](VersionConfig& config) { return EditConfig(*request, config); }, actor);
      },
      *response);
}

}  // namespace zts::controller
