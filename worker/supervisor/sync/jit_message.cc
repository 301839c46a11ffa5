#include "worker/supervisor/sync/jit_message.h"

namespace zts::supervisor {
namespace {

void Fill(const FunctionJit& function, v1::FunctionJit& message) {
  const auto at = [&](js::JitTier tier) { return function.isolates[static_cast<size_t>(tier)]; };
  message.set_name(function.name);
  message.set_line(static_cast<uint32_t>(function.line));
  message.set_column(static_cast<uint32_t>(function.column));
  message.set_interpreter(at(js::JitTier::kInterpreted));
  message.set_baseline(at(js::JitTier::kBaseline));
  message.set_maglev(at(js::JitTier::kMidTier));
  message.set_turbofan(at(js::JitTier::kOptimized));
  message.set_code_bytes(function.code_bytes);
  message.set_samples(function.samples);
  for (const js::Deoptimization& each : function.deoptimizations) {
    v1::Deoptimization& deoptimization = *message.add_deoptimizations();
    deoptimization.set_reason(each.reason);
    deoptimization.set_line(static_cast<uint32_t>(each.line));
    deoptimization.set_count(each.count);
  }
}

}  // namespace

v1::WorkerJit ToMessage(uint64_t id, const JitSurvey& survey) {
  v1::WorkerJit message;
  message.set_id(id);
  message.set_problem(survey.problem);
  message.set_watch_ns(survey.watch);
  message.set_threads_silent(survey.threads_silent);
  for (const VersionJit& version : survey.versions) {
    v1::VersionJit& of = *message.add_versions();
    of.set_number(version.number);
    of.set_isolates(version.isolates);
    of.set_watched(version.watched);
    of.set_left_out(version.left_out);
    for (const FunctionJit& function : version.functions) Fill(function, *of.add_functions());
  }
  return message;
}

}  // namespace zts::supervisor
