#include "controller/compiler/caching_compiler.h"

#include <string>

namespace zts::controller {
namespace {

// Each part with its length before it, so that no two jobs have the same text.
void Add(std::string& text, std::string_view part) {
  text += std::to_string(part.size()) + ':';
  text += part;
}

Digest KeyOf(const CompileJob& job) {
  std::string text;
  const Digest source = Sha256Of(job.source);
  Add(text, {reinterpret_cast<const char*>(source.data()), source.size()});
  Add(text, job.main_module);
  for (const int64_t limit : {static_cast<int64_t>(job.limits.cpu_per_request_ns), static_cast<int64_t>(job.limits.wall_per_request_ns),
                              static_cast<int64_t>(job.limits.startup_cpu_ns), static_cast<int64_t>(job.limits.memory_bytes_max),
                              static_cast<int64_t>(job.snapshot)}) {
    Add(text, std::to_string(limit));
  }
  for (const auto& [name, value] : job.env) {
    Add(text, name);
    Add(text, value);
  }
  return Sha256Of(text);
}

size_t SizeOf(const CompiledBundle& bundle) {
  return bundle.code_cache.size() + bundle.artifact_key.size() + bundle.snapshot.size() + bundle.start_reason.size();
}

}  // namespace

Result<CompileOutcome> CachingCompiler::Compile(const CompileJob& job) {
  const Digest key = KeyOf(job);
  if (auto known = Find(key)) return CompileOutcome(*std::move(known));
  auto outcome = compiler_->Compile(job);
  if (outcome.ok()) {
    if (const auto* bundle = std::get_if<CompiledBundle>(&*outcome)) Remember(key, *bundle);
  }
  return outcome;
}

std::optional<CompiledBundle> CachingCompiler::Find(const Digest& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  items_.splice(items_.begin(), items_, found->second);
  return found->second->bundle;
}

void CachingCompiler::Remember(const Digest& key, const CompiledBundle& bundle) {
  const std::lock_guard lock(mutex_);
  if (by_key_.count(key) != 0 || SizeOf(bundle) > bytes_max_) return;
  items_.push_front({key, bundle});
  by_key_[key] = items_.begin();
  bytes_ += SizeOf(bundle);
  while (bytes_ > bytes_max_) {
    bytes_ -= SizeOf(items_.back().bundle);
    by_key_.erase(items_.back().key);
    items_.pop_back();
  }
}

}  // namespace zts::controller
