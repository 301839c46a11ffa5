#include "worker/engine/jit_survey.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "worker/engine/limits.h"

namespace zts {
namespace {

void CutTo(std::string* text, size_t bytes_max) {
  if (text->size() <= bytes_max) return;
  size_t end = bytes_max;
  // Not within a character of UTF-8.
  while (end > 0 && (static_cast<unsigned char>((*text)[end]) & 0xc0) == 0x80) --end;
  text->resize(end);
}

}  // namespace

uint32_t BoundJitReport(js::JitReport* report) {
  const auto weight = [](const js::FunctionCode& code) { return std::tuple(code.samples, code.deoptimizations.size(), code.tier); };
  const auto place = [](const js::FunctionCode& code) { return std::tuple(code.line, code.column); };
  uint32_t left_out = 0;
  if (report->size() > kJitFunctionsMax) {
    std::stable_sort(report->begin(), report->end(), [&](const auto& a, const auto& b) { return weight(a) > weight(b); });
    left_out = static_cast<uint32_t>(report->size() - kJitFunctionsMax);
    report->resize(kJitFunctionsMax);
    std::stable_sort(report->begin(), report->end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
  }
  size_t deoptimizations_left = kJitDeoptimizationsMax;
  for (js::FunctionCode& code : *report) {
    CutTo(&code.name, kJitNameBytesMax);
    if (code.deoptimizations.size() > deoptimizations_left) code.deoptimizations.resize(deoptimizations_left);
    deoptimizations_left -= code.deoptimizations.size();
    for (js::Deoptimization& each : code.deoptimizations) CutTo(&each.reason, kJitReasonBytesMax);
  }
  return left_out;
}

void JitSurvey::Ask(std::vector<uint64_t> version_ids, Nanos watch, Done done) {
  watch = std::clamp<Nanos>(watch, 0, kJitWatchMax);
  Pending pending{loop_->now() + watch, watch, std::move(version_ids), std::move(done)};
  if (watch == 0) return Tell(std::move(pending));
  for (const uint64_t id : pending.version_ids) {
    if (js::Isolate* isolate = pool_->IsolateOf(id)) isolate->WatchJit();
  }
  pending_.push_back(std::move(pending));
  Arm();
}

void JitSurvey::OnDue() {
  for (auto at = pending_.begin(); at != pending_.end();) {
    if (at->due > loop_->now()) {
      ++at;
      continue;
    }
    Pending pending = std::move(*at);
    at = pending_.erase(at);
    Tell(std::move(pending));
  }
  Arm();
}

void JitSurvey::Arm() {
  const auto next = std::min_element(pending_.begin(), pending_.end(), [](const auto& a, const auto& b) { return a.due < b.due; });
  if (next != pending_.end()) loop_->Arm(&timer_, next->due);
}

void JitSurvey::Tell(Pending pending) {
  std::vector<VersionJit> versions;
  for (const uint64_t id : pending.version_ids) {
    js::Isolate* isolate = pool_->IsolateOf(id);
    if (isolate == nullptr || !isolate->usable()) continue;
    VersionJit jit{.version_id = id, .watched = pending.watch > 0 && isolate->watches_jit()};
    jit.functions = isolate->TakeJitReport();
    jit.left_out = BoundJitReport(&jit.functions);
    versions.push_back(std::move(jit));
  }
  pending.done(std::move(versions));
}

}  // namespace zts
