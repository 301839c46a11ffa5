#include "worker/engine/jit_message.h"

namespace zts {
namespace {

void Fill(const js::FunctionCode& code, ipc::FunctionCode& message) {
  message.set_name(code.name);
  message.set_line(static_cast<uint32_t>(code.line));
  message.set_column(static_cast<uint32_t>(code.column));
  message.set_tier(static_cast<uint32_t>(code.tier));
  message.set_code_bytes(code.code_bytes);
  message.set_samples(code.samples);
  for (const js::Deoptimization& each : code.deoptimizations) {
    ipc::Deoptimization& deoptimization = *message.add_deoptimizations();
    deoptimization.set_reason(each.reason);
    deoptimization.set_line(static_cast<uint32_t>(each.line));
    deoptimization.set_count(each.count);
  }
}

}  // namespace

ipc::FromEngine ToMessage(uint64_t id, uint32_t thread, const std::vector<VersionJit>& versions) {
  ipc::FromEngine message;
  ipc::JitAnswer& answer = *message.mutable_jit();
  answer.set_id(id);
  answer.set_thread(thread);
  for (const VersionJit& version : versions) {
    ipc::VersionCode& of = *answer.add_versions();
    of.set_version_id(version.version_id);
    of.set_watched(version.watched);
    of.set_left_out(version.left_out);
    for (const js::FunctionCode& code : version.functions) Fill(code, *of.add_functions());
  }
  return message;
}

}  // namespace zts
