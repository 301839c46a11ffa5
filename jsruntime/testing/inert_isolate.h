// An isolate that does nothing, for tests that look at one or two of its calls: they override those.
//
// Owner:    the test.
// Thread:   the test's.
#pragma once

#include "jsruntime/isolate.h"

namespace zts::js {

class InertIsolate : public Isolate {
 public:
  LoadReport LoadFrom(ScriptPtr, Bytes) override { return {}; }
  void Attach(IsolateClient*) override {}
  void Enter() override {}
  void Leave() override {}
  void Dispatch(InvocationId, const RequestView*) override {}
  void Abandon(InvocationId) override {}
  void BodyArrived(InvocationId) override {}
  void ResumeResponse(InvocationId) override {}
  void PeerFinished(InvocationId) override {}
  void OnFetch(FetchId, const FetchEvent&) override {}
  void RunTimers(Nanos) override {}
  void RunTasks() override {}
  void Terminate(OutcomeKind) override {}
  void ClearTermination() override {}
  bool usable() const override { return true; }
  bool draining() const override { return false; }
  size_t in_flight() const override { return 0; }
  MemoryUse memory() const override { return {}; }
  void CollectGarbage() override {}
  Nursery nursery() const override { return {}; }
  void CollectNursery() override {}
  void WatchJit() override {}
  bool watches_jit() const override { return false; }
  JitReport TakeJitReport() override { return {}; }
  std::string MakeCodeCache() override { return ""; }
  const ScriptPtr& script() const override { return script_; }

 private:
  ScriptPtr script_;
};

}  // namespace zts::js
