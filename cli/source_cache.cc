#include "cli/source_cache.h"

#include <algorithm>
#include <utility>

namespace zts::cli {
namespace {

std::unique_ptr<const OriginalSources> Read(Result<VersionSource> source) {
  if (!source.ok()) return nullptr;
  if (!source->is_map) {
    return std::make_unique<OriginalSources>(OriginalSources::OfModule(std::move(source->main_module), std::move(source->text)));
  }
  Result<OriginalSources> sources = OriginalSources::OfMap(std::move(source->main_module), source->text);
  return sources.ok() ? std::make_unique<OriginalSources>(*std::move(sources)) : nullptr;
}

}  // namespace

const OriginalSources* SourceCache::Find(const std::string& function, uint64_t number) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.number == number && entry.function == function; });
  if (found != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, found);
  } else {
    entries_.push_front({function, number, Read(fetch_(function, number))});
    if (entries_.size() > kSourcesKept) entries_.pop_back();
  }
  return entries_.front().sources.get();
}

Explained SourceCache::Explain(const std::string& function, uint64_t number, std::string_view message) {
  if (HasStack(message)) {
    if (const OriginalSources* sources = Find(function, number)) return ExplainStack(message, *sources);
  }
  return {std::string(message), {}};
}

}  // namespace zts::cli
