#include "controller/promoter.h"

#include <chrono>
#include <set>

#include "base/log.h"
#include "controller/limits.h"

namespace zts::controller {

void Promoter::OnWindows(const std::vector<VersionWindow>& windows) {
  const std::lock_guard lock(mutex_);
  for (const VersionWindow& window : windows) {
    const auto found = steps_.find(window.function);
    if (found == steps_.end() || clock_.Now() < found->second.counts_from) continue;
    Step& step = found->second;
    if (window.number == step.active) step.active_stats.Add(window);
    if (window.number == step.canary) step.canary_stats.Add(window);
  }
}

// The step's gathering, begun anew where it is another step than before.
Promoter::Step& Promoter::StepOf(const Registry::Promoting& promoting) {
  const auto [at, is_new] = steps_.try_emplace(promoting.function);
  Step& step = at->second;
  const bool same_pair = !is_new && step.active == promoting.active && step.canary == promoting.canary.number &&
                         step.canary_since == promoting.canary.since;
  if (same_pair && step.index == promoting.promotion.step) return step;
  const Nanos grace = same_pair ? kPromotionStepGrace : kPromotionGrace;
  step = Step{promoting.active, promoting.canary.number, promoting.canary.since, promoting.promotion.step, clock_.Now() + grace, {}, {}};
  return step;
}

void Promoter::Tick() {
  const std::vector<Registry::Promoting> running = registry_.Promotions();
  const std::lock_guard lock(mutex_);
  std::set<std::string> names;
  for (const Registry::Promoting& promoting : running) {
    names.insert(promoting.function);
    const Step& step = StepOf(promoting);
    const Nanos elapsed = clock_.Now() - step.counts_from;
    Act(promoting, step, Judge(promoting.promotion, elapsed, step.active_stats, step.canary_stats));
  }
  std::erase_if(steps_, [&](const auto& step) { return names.count(step.first) == 0; });
}

void Promoter::Act(const Registry::Promoting& promoting, const Step& step, const Verdict& verdict) {
  if (verdict.kind == Verdict::Kind::kStay) return;
  const uint64_t canary = step.canary;
  const Actor actor{"controller", verdict.why};
  const bool last = promoting.promotion.step + 2 >= promoting.promotion.steps.size();
  const auto done = verdict.kind == Verdict::Kind::kWithdraw ? registry_.Withdraw(promoting.function, canary, actor)
                    : last                                   ? registry_.Promote(promoting.function, canary, actor)
                                                             : registry_.NextStep(promoting.function, canary, actor);
  const std::string name = promoting.function + " v" + std::to_string(canary);
  if (!done.ok()) {
    // Somebody else was faster, or the disk is full: the next tick looks again.
    ZTS_LOG(kWarning) << name << " is not promoted: " << done.error().message;
    return;
  }
  const char* what = verdict.kind == Verdict::Kind::kWithdraw ? " is rolled back: "
                     : last                                   ? " gets all requests: "
                                                              : " gets a larger share: ";
  ZTS_LOG(kInfo) << name << what << verdict.why;
  publisher_.OnCatalog();
}

void Promoter::Run() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    lock.unlock();
    Tick();
    lock.lock();
    changed_.wait_for(lock, std::chrono::nanoseconds(kPromotionTick), [&] { return stopped_; });
  }
}

void Promoter::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace zts::controller
