#include "worker/supervisor/testing/fake_engine.h"

#include <gtest/gtest.h>

#include <iterator>

namespace zts::supervisor {
namespace {

class Process final : public EngineProcess {
 public:
  explicit Process(FakeEngine* engine) : engine_(engine) {}
  ~Process() override { engine_->gone = true; }
  Status Send(const ipc::ToEngine& message, int) override {
    if (engine_->deaf) return Error{ErrorCode::kAborted, "closed"};
    engine_->Receive(message);
    return {};
  }
  void Kill() override { engine_->killed = true; }
  pid_t pid() const override { return static_cast<pid_t>(1000 + engine_->generation); }

 private:
  FakeEngine* engine_;
};

}  // namespace

void FakeEngine::Receive(const ipc::ToEngine& message) {
  sent.push_back(message);
  if (message.has_add_function()) Add(message.add_function().version_id());
  if (message.has_prepare()) Prepare(message.prepare());
  if (message.has_commit()) Commit(message.commit().catalog_version());
  if (!message.has_abort()) return;
  prepared_.erase(message.abort().catalog_version());
  ForgetUnnamed();
}

void FakeEngine::Add(uint64_t version_id) {
  if (!functions_.insert(version_id).second) ADD_FAILURE() << "version " << version_id << " was given before";
}

void FakeEngine::Prepare(const ipc::Prepare& prepare) {
  std::set<uint64_t>& ids = prepared_[prepare.catalog_version()];
  ids = {prepare.version_ids().begin(), prepare.version_ids().end()};
  ids.insert(prepare.besides().begin(), prepare.besides().end());
  for (uint64_t id : ids) {
    if (functions_.count(id) == 0) ADD_FAILURE() << "Prepare names version " << id << ", which was never added";
  }
}

void FakeEngine::Commit(uint64_t catalog_version) {
  const auto found = prepared_.find(catalog_version);
  if (found == prepared_.end()) {
    ADD_FAILURE() << "Commit of a catalog that is not prepared";
    return;
  }
  committed_ = found->second;
  prepared_.erase(prepared_.begin(), std::next(found));
  ForgetUnnamed();
}

void FakeEngine::ForgetUnnamed() {
  std::set<uint64_t> named = committed_;
  for (const auto& [version, ids] : prepared_) named.insert(ids.begin(), ids.end());
  std::erase_if(functions_, [&named](uint64_t id) { return named.count(id) == 0; });
}

std::vector<uint64_t> FakeEngine::added() const {
  std::vector<uint64_t> ids;
  for (const ipc::ToEngine& message : sent) {
    if (message.has_add_function()) ids.push_back(message.add_function().version_id());
  }
  return ids;
}

void FakeEngine::Ready(const std::string& artifact_key) {
  ipc::FromEngine message;
  message.mutable_ready()->set_io_backend("fake");
  message.mutable_ready()->add_io_features("tricks=1");
  message.mutable_ready()->set_artifact_key(artifact_key);
  sink->OnMessage(generation, message);
}

void FakeEngine::Prepared(uint64_t catalog_version, std::vector<ipc::Problem> problems) {
  ipc::FromEngine message;
  message.mutable_prepared()->set_catalog_version(catalog_version);
  for (ipc::Problem& problem : problems) *message.mutable_prepared()->add_problems() = problem;
  sink->OnMessage(generation, message);
}

void FakeEngine::Committed(uint64_t catalog_version) {
  ipc::FromEngine message;
  message.mutable_committed()->set_catalog_version(catalog_version);
  sink->OnMessage(generation, message);
}

void FakeEngine::Fatal(uint64_t version_id, const std::string& reason) {
  ipc::FromEngine message;
  message.mutable_fatal()->set_version_id(version_id);
  message.mutable_fatal()->set_reason(reason);
  sink->OnMessage(generation, message);
}

void FakeEngine::Exit(ExitStatus status) { sink->OnExit(generation, status); }

Result<std::unique_ptr<EngineProcess>> FakeLauncher::Launch(uint64_t generation, EngineSink* sink) {
  if (refuse > 0) {
    --refuse;
    return Unavailable("the fake refuses to start");
  }
  engines_.push_back(std::make_unique<FakeEngine>());
  engines_.back()->generation = generation;
  engines_.back()->sink = sink;
  return std::unique_ptr<EngineProcess>(std::make_unique<Process>(engines_.back().get()));
}

}  // namespace zts::supervisor
