#include "controller/controller.h"

#include <optional>
#include <thread>

#include "admin/server.h"
#include "base/clock.h"
#include "base/layout.h"
#include "base/log.h"
#include "controller/artifact_renewer.h"
#include "controller/authorizer.h"
#include "controller/call_timer.h"
#include "controller/compiler/caching_compiler.h"
#include "controller/compiler/process_compiler.h"
#include "controller/deploy_service.h"
#include "controller/deployer.h"
#include "controller/jit_hub.h"
#include "controller/limits.h"
#include "controller/log_hub.h"
#include "controller/metrics.h"
#include "controller/promoter.h"
#include "controller/publisher.h"
#include "controller/registry.h"
#include "controller/rpc_server.h"
#include "controller/stats_hub.h"
#include "controller/stats_service.h"
#include "controller/store/rocks_store.h"
#include "controller/sync_service.h"
#include "controller/tenancy/audit_log.h"
#include "controller/tenancy/namespaces.h"
#include "controller/tenancy/roles.h"
#include "controller/tenancy/token_book.h"
#include "controller/tenancy/vault.h"
#include "controller/tenancy_service.h"
#include "controller/token.h"
#include "controller/versions_service.h"
#include "jsruntime/launch.h"

namespace zts::controller {
namespace {

Result<std::unique_ptr<Compiler>> StartCompiler() {
  ZTS_ASSIGN_OR_RETURN(std::string snapshot, FindInstalled("web.snapshot"));
  ZTS_ASSIGN_OR_RETURN(std::vector<std::string> command, js::HostCommand("compiler.node", {std::move(snapshot)}));
  auto processes = std::make_unique<ProcessCompiler>(ProcessCompiler::Options{.command = std::move(command)});
  return std::unique_ptr<Compiler>(std::make_unique<CachingCompiler>(std::move(processes), kCompileCacheBytes));
}

// What the registry asks about namespaces and secrets.
class Rules final : public TenancyRules {
 public:
  Rules(const tenancy::Namespaces& namespaces, tenancy::Vault& vault) : namespaces_(namespaces), vault_(vault) {}
  Status CheckDeploy(const std::string& function, const tenancy::Usage& after) const override {
    return namespaces_.CheckDeploy(std::string(tenancy::SplitName(function).name_space), after);
  }
  Status CheckSecrets(const std::string& function, const std::vector<std::string>& names) const override {
    return vault_.CheckAll(function, names);
  }
  std::vector<store::RecordEdit> RemovalOf(const std::string& function) const override { return vault_.RemovalOf(function); }
  void OnRemoved(const std::string& function) override { vault_.Forget(function); }

 private:
  const tenancy::Namespaces& namespaces_;
  tenancy::Vault& vault_;
};

class RunningController final : public Controller {
 public:
  ~RunningController() override {
    // First what others wait for: a compile and a deploy that waits end their calls, so that the server can end.
    if (compiler_ != nullptr) compiler_->Stop();
    if (publisher_ != nullptr) publisher_->Stop();
    if (promoter_ != nullptr) promoter_->Stop();
    if (renewer_) renewer_->Stop();
    rpc_.reset();
    worker_rpc_.reset();
    admin_.reset();
    if (timers_.joinable()) timers_.join();
    if (promotions_.joinable()) promotions_.join();
    if (renewals_.joinable()) renewals_.join();
  }

  Status Start(Options options) {
    ZTS_ASSIGN_OR_RETURN(store_, store::OpenRocksStore(options.data_dir));
    ZTS_ASSIGN_OR_RETURN(registry_, Registry::Open(*store_, clock_));
    // After the store: its lock makes sure that only one controller makes the file.
    ZTS_ASSIGN_OR_RETURN(std::string token, LoadOrCreateToken(options.token_file));
    ZTS_ASSIGN_OR_RETURN(tokens_, tenancy::TokenBook::Open(*store_, clock_, token));
    ZTS_ASSIGN_OR_RETURN(audit_, tenancy::AuditLog::Open(*store_, clock_));
    authorizer_.emplace(*tokens_, *audit_);
    ZTS_ASSIGN_OR_RETURN(namespaces_, tenancy::Namespaces::Open(*store_, clock_));
    ZTS_ASSIGN_OR_RETURN(vault_, tenancy::Vault::Open(*store_, clock_, options.secret_key_file));
    rules_.emplace(*namespaces_, *vault_);
    registry_->set_rules(&*rules_);
    compiler_ = std::move(options.compiler);
    if (compiler_ == nullptr) {
      ZTS_ASSIGN_OR_RETURN(compiler_, StartCompiler());
    }
    publisher_ = std::make_unique<Publisher>(*registry_, clock_);
    timers_ = std::thread([this] { publisher_->RunTimers(); });
    promoter_ = std::make_unique<Promoter>(*registry_, *publisher_, clock_);
    promotions_ = std::thread([this] { promoter_->Run(); });
    renewer_.emplace(*registry_, *publisher_, *compiler_, metrics_);
    renewals_ = std::thread([this] { renewer_->Run(); });
    deployer_.emplace(*registry_, *publisher_, *compiler_, metrics_, clock_);
    metrics_.Watch([this] { return Sample(); });
    deploy_service_ = std::make_unique<DeployService>(
        DeployService::Parts{*authorizer_, *deployer_, *registry_, *publisher_, logs_, metrics_, clock_, *namespaces_, call_timer_,
                             options.upload_timeout});
    versions_service_ =
        std::make_unique<VersionsService>(VersionsService::Parts{*authorizer_, *deployer_, *registry_, clock_, call_timer_});
    sync_service_ = NewSyncService(options);
    stats_service_ = std::make_unique<StatsService>(*authorizer_, call_timer_, stats_, jit_, *registry_);
    tenancy_service_ = std::make_unique<TenancyService>(TenancyService::Parts{
        *authorizer_, *tokens_, *audit_, *namespaces_, *vault_, *registry_, *publisher_, *store_,
        options.data_dir + "/checkpoint", call_timer_});
    const std::vector<grpc::Service*> services{deploy_service_.get(), versions_service_.get(), sync_service_.get(), stats_service_.get(),
                                               tenancy_service_.get()};
    ZTS_ASSIGN_OR_RETURN(rpc_, RpcServer::Start(options.listen, options.tls, services, "--listen"));
    if (!options.worker_listen.empty()) {
      worker_sync_service_ = NewSyncService(options);
      ZTS_ASSIGN_OR_RETURN(
          worker_rpc_, RpcServer::Start(options.worker_listen, options.tls, {worker_sync_service_.get()}, "--worker-listen"));
    }
    return StartAdmin(options.admin);
  }

  const std::string& rpc_address() const override { return rpc_->address(); }
  const std::string& worker_address() const override {
    static const std::string kNone;
    return worker_rpc_ != nullptr ? worker_rpc_->address() : kNone;
  }
  std::string admin_address() const override { return admin_->address(); }

 private:
  std::unique_ptr<SyncService> NewSyncService(const Options& options) {
    return std::make_unique<SyncService>(SyncService::Parts{
        *authorizer_, *registry_, *publisher_, logs_, stats_, jit_, *promoter_, metrics_, *vault_, !options.tls.ca.empty(), call_timer_,
        options.hello_timeout});
  }

  Status StartAdmin(const std::string& address) {
    admin::Server::Options options;
    options.address = address;
    options.healthz = [this]() -> admin::Health {
      const Status writable = store_->CheckWritable();
      return writable.ok() ? admin::Health{true, "the store is writable"} : admin::Health{false, writable.error().message};
    };
    options.readyz = [this]() -> admin::Health {
      return {true, "serving catalog " + std::to_string(registry_->catalog()->version)};
    };
    ZTS_ASSIGN_OR_RETURN(admin_, admin::Server::Start(std::move(options)));
    admin_->AddCollectable(metrics_.collectable());
    return {};
  }

  StateSample Sample() {
    // Scrapes come every few seconds: often enough for tokens that expire while a call is open.
    authorizer_->EndInvalid();
    StateSample sample;
    const CatalogPtr catalog = registry_->catalog();
    sample.catalog_version = catalog->version;
    sample.functions = catalog->entries.size();
    sample.proven_version = registry_->proven_version();
    sample.store_bytes = store_->disk_bytes();
    sample.publisher = publisher_->Stats();
    sample.logs = logs_.stats();
    return sample;
  }

  // In the order of their making; destroyed in reverse.
  const SystemClock clock_{};
  LogHub logs_;
  StatsHub stats_;
  JitHub jit_{clock_};
  Metrics metrics_;
  CallTimer call_timer_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<tenancy::Namespaces> namespaces_;
  std::unique_ptr<tenancy::Vault> vault_;
  std::optional<Rules> rules_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<tenancy::TokenBook> tokens_;
  std::unique_ptr<tenancy::AuditLog> audit_;
  std::optional<Authorizer> authorizer_;
  std::unique_ptr<Compiler> compiler_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Promoter> promoter_;
  std::optional<ArtifactRenewer> renewer_;
  std::optional<Deployer> deployer_;
  std::unique_ptr<DeployService> deploy_service_;
  std::unique_ptr<VersionsService> versions_service_;
  std::unique_ptr<SyncService> sync_service_;
  std::unique_ptr<SyncService> worker_sync_service_;  // of worker_rpc_
  std::unique_ptr<StatsService> stats_service_;
  std::unique_ptr<TenancyService> tenancy_service_;
  std::thread timers_;
  std::thread promotions_;
  std::thread renewals_;
  std::unique_ptr<RpcServer> rpc_;
  std::unique_ptr<RpcServer> worker_rpc_;  // null: workers come in by rpc_ alone
  std::unique_ptr<admin::Server> admin_;
};

}  // namespace

Result<std::unique_ptr<Controller>> Controller::Start(Options options) {
  auto controller = std::make_unique<RunningController>();
  ZTS_RETURN_IF_ERROR(controller->Start(std::move(options)));
  return std::unique_ptr<Controller>(std::move(controller));
}

}  // namespace zts::controller
