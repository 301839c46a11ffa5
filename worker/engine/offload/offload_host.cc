#include "worker/engine/offload/offload_host.h"

#include <utility>

#include "worker/engine/limits.h"

namespace zts::offload {
namespace {

constexpr Nanos kHousekeepingPeriod = 1 * kSecond;
}  // namespace

OffloadHost::OffloadHost(const Options& options)
    : loop_(options.loop), logs_(options.logs, options.counters), egress_(options.loop, options.counters, this),
      pool_timer_([this] { pool_->RunDue(loop_->now()); }),
      housekeeping_timer_([this] { OnHousekeeping(); }) {
  pool_ = std::make_unique<runtime::Pool>(this, options.warmup, options.watchdog, options.counters,
                                          runtime::PoolOptions{.role = runtime::PoolOptions::Role::kOffload, .budget = options.budget});
  runs_.emplace(pool_.get());
  jit_.emplace(loop_, pool_.get());
  OnHousekeeping();
}

OffloadHost::~OffloadHost() {
  jit_.reset();
  // Before what it calls back.
  pool_.reset();
}

void OffloadHost::Expect(NearEnd* near, const runtime::Target& target, Nanos calm_time) {
  near_ = near;
  pool_->Expect(target, calm_time);
}

void OffloadHost::OnConsole(uint64_t version_id, std::string_view request_id, js::LogSeverity severity, std::string_view message) {
  logs_.Add(loop_->now() + wall_offset_, version_id, request_id, severity, message);
}

void OffloadHost::OnWakeAt(Nanos when) {
  if (when == 0) {
    loop_->Disarm(&pool_timer_);
  } else {
    loop_->Arm(&pool_timer_, when);
  }
}

void OffloadHost::OnCalm(uint64_t version_id) {
  if (near_ != nullptr) near_->OnCalm(version_id);
}

// ---- of the loop ------------------------------------------------------------------------------------------------------------

// It listens to nothing.
void OffloadHost::OnAccept(net::Handle handle) { loop_->io().Close(handle, SlotId(), net::Io::CloseMode::kAbort); }

void OffloadHost::OnPassEnd() {
  runs_->OnPassEnd();
  egress_.OnPassEnd();
  logs_.Flush();
}

void OffloadHost::OnHousekeeping() {
  wall_offset_ = loop_->clock().WallNow() - loop_->clock().Now();
  pool_->Idle();
  loop_->Arm(&housekeeping_timer_, loop_->now() + kHousekeepingPeriod);
}

}  // namespace zts::offload
