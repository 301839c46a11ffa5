#include "jsruntime/host.h"

#include <malloc.h>
#include <v8.h>

#include <cstdio>
#include <utility>

#include "jsruntime/function_snapshot.h"
#include "jsruntime/realm.h"
#include "jsruntime/snapshot.h"
#include "jsruntime/task_queue.h"
#include "jsruntime/v8_isolate.h"
#include "jsruntime/wasm_pages.h"

namespace zts::js {
namespace {

class RealHost final : public Host {
 public:
  explicit RealHost(Snapshot snapshot) : snapshot_(std::move(snapshot)) {}
  std::unique_ptr<Isolate> NewIsolate(const IsolateOptions& options) override {
    return std::make_unique<V8Isolate>(snapshot_, options);
  }
  std::unique_ptr<Isolate> RestoreIsolate(const ScriptPtr& script) override {
    const auto from = DecodeFunctionSnapshot(snapshot_, script->function_snapshot);
    if (!from || (!from->environment.empty() && from->environment != EnvironmentKey(script->env))) return nullptr;
    return std::make_unique<V8Isolate>(snapshot_, script, *from);
  }
  void ReleaseFreeMemory() override;
  void SetLastWords(std::function<void(std::string_view reason)> words) override { V8Isolate::SetLastWords(std::move(words)); }
  const Snapshot& snapshot() const override { return snapshot_; }

 private:
  Snapshot snapshot_;
};

// V8 empties its pool of the pages that isolates have left in a task of some isolate, which may be one that nobody enters again.
void RealHost::ReleaseFreeMemory() {
  TaskQueue::NotifyDue(SystemClock().Now());
  ::malloc_trim(0);
}

std::shared_ptr<PageQuota> QuotaOfThread() {
  v8::Isolate* isolate = v8::Isolate::TryGetCurrent();
  const Realm* realm = isolate == nullptr ? nullptr : Realm::From(isolate);
  return realm == nullptr ? nullptr : realm->heap.quota();
}

}  // namespace

Result<std::unique_ptr<Host>> Host::Start(const Options& options) {
  if (const Status counted = WasmPages::Install(QuotaOfThread); !counted.ok()) {
    std::fprintf(stderr, "%s\n", counted.error().message.c_str());
  }
  ZTS_ASSIGN_OR_RETURN(Snapshot snapshot, Snapshot::Load(options.snapshot_path));
  // After the snapshot, which was made with the flags of v8_flags.list alone, and serves all policies.
  ApplyJitPolicy(options.jit);
  std::unique_ptr<Host> host = std::make_unique<RealHost>(std::move(snapshot));
  return host;
}

}  // namespace zts::js
