// A Compiler that remembers: the same bundle under many names, or deployed again, is compiled once.
//
// What a bundle compiles to depends on its source, on the name that its stack traces show, and on what its top level may see and use
// while it is evaluated: environment and limits; and on whether a snapshot is wanted. All of it is the key; the function's name is not.
// Only what compiled is remembered.
//
// Owner:    main(), one a process.
// Thread:   any. Two that ask for the same at the same time both compile it.
// Life:     owns the compiler behind it.
// Limits:   bytes_max of code caches and snapshots; the least recently used go first.
// Errors:   those of the compiler behind it.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/sha256.h"
#include "controller/compiler/compiler.h"

namespace zts::controller {

class CachingCompiler final : public Compiler {
 public:
  CachingCompiler(std::unique_ptr<Compiler> compiler, size_t bytes_max) : compiler_(std::move(compiler)), bytes_max_(bytes_max) {}

  Result<CompileOutcome> Compile(const CompileJob& job) override;
  void Stop() override { compiler_->Stop(); }

 private:
  struct Item {
    Digest key{};
    CompiledBundle bundle;
  };
  std::optional<CompiledBundle> Find(const Digest& key);
  void Remember(const Digest& key, const CompiledBundle& bundle);

  const std::unique_ptr<Compiler> compiler_;
  const size_t bytes_max_;
  std::mutex mutex_;
  std::list<Item> items_;  // the latest used first
  std::map<Digest, std::list<Item>::iterator> by_key_;
  size_t bytes_ = 0;
};

}  // namespace zts::controller
