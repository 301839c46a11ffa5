#include "worker/engine/runtime/learned_code.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "worker/engine/limits.h"

namespace zts::runtime {
namespace {

// A single request may be a probe; with the third the usual way through a handler has been gone.
constexpr uint64_t kLearnFromRequests = 3;
constexpr uint64_t kLearnAgainFactor = 10;

}  // namespace

Bytes LearnedCode::Find(const js::ScriptPtr& script) const {
  const auto found = entries_.find(script);
  return found == entries_.end() ? Bytes() : AsBytes(found->second.code);
}

bool LearnedCode::Wants(const js::ScriptPtr& script, uint64_t requests) const {
  if (requests < kLearnFromRequests || script->source.size() > kLearnedSourceBytesMax) return false;
  const auto found = entries_.find(script);
  return found == entries_.end() || requests / kLearnAgainFactor >= found->second.requests;
}

void LearnedCode::Add(const js::ScriptPtr& script, uint64_t requests, std::string code) {
  Sweep();
  const auto found = entries_.find(script);
  const size_t known = found == entries_.end() || found->second.code.empty() ? script->code_cache.size() : found->second.code.size();
  const bool better = code.size() > known && code.size() <= bytes_max();
  if (better) {
    if (found != entries_.end()) SetCode(&found->second, "");
    MakeRoom(code.size());
  }
  // What there was nothing to learn from is remembered too: the next like it need not be asked.
  Entry& entry = entries_[script];
  entry.requests = requests;
  if (!better) return;
  entry.serial = ++learned_;
  SetCode(&entry, std::move(code));
}

void LearnedCode::Sweep() {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const bool gone = entry->first.expired();
    if (gone) SetCode(&entry->second, "");
    entry = gone ? entries_.erase(entry) : std::next(entry);
  }
}

void LearnedCode::MakeRoom(size_t bytes_needed) {
  while (bytes() > 0 && bytes() + bytes_needed > bytes_max()) {
    const auto oldest = std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
      if (a.second.code.empty() != b.second.code.empty()) return b.second.code.empty();
      return a.second.serial < b.second.serial;
    });
    SetCode(&oldest->second, "");
    entries_.erase(oldest);
  }
}

size_t LearnedCode::bytes_max() const {
  return budget_ == nullptr ? kLearnedCodeBytesMax : std::min(kLearnedCodeBytesMax, budget_->bytes() / kLearnedCodeShare);
}

void LearnedCode::SetCode(Entry* entry, std::string code) {
  const size_t all = bytes() - entry->code.size() + code.size();
  memory_.Change(static_cast<int64_t>(all) - static_cast<int64_t>(bytes()));
  bytes_.store(all, std::memory_order_relaxed);
  entry->code = std::move(code);
}

}  // namespace zts::runtime
