// What stack traces of the versions that a command meets are read with: asked of the controller once a version, when the first stack is
// seen.
//
// Owner:    a command, one a run.
// Thread:   one.
// Life:     views and pointers live until the next call.
// Limits:   kSourcesKept.
// Errors:   none: a stack whose sources cannot be had is shown as it came.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/client.h"
#include "cli/stack_trace.h"

namespace zts::cli {

// One map of a large bundle takes 60 MiB when it is read.
inline constexpr size_t kSourcesKept = 8;

class SourceCache {
 public:
  using Fetch = std::function<Result<VersionSource>(const std::string& function, uint64_t number)>;
  explicit SourceCache(Fetch fetch) : fetch_(std::move(fetch)) {}

  // What the function has said, with its stacks in terms of its original files.
  Explained Explain(const std::string& function, uint64_t number, std::string_view message);
  // Null: there are none to be had.
  const OriginalSources* Find(const std::string& function, uint64_t number);

 private:
  struct Entry {
    std::string function;
    uint64_t number = 0;
    std::unique_ptr<const OriginalSources> sources;  // null: there are none to be had
  };

  const Fetch fetch_;
  std::list<Entry> entries_;  // the latest used first
};

}  // namespace zts::cli
