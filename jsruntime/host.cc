#include "jsruntime/host.h"

#include <utility>

#include "jsruntime/snapshot.h"
#include "jsruntime/v8_isolate.h"

namespace zts::js {
namespace {

class RealHost final : public Host {
 public:
  explicit RealHost(Snapshot snapshot) : snapshot_(std::move(snapshot)) {}
  std::unique_ptr<Isolate> NewIsolate() override { return std::make_unique<V8Isolate>(snapshot_); }

 private:
  Snapshot snapshot_;
};

}  // namespace

Result<std::unique_ptr<Host>> Host::Start(const Options& options) {
  ZTS_ASSIGN_OR_RETURN(Snapshot snapshot, Snapshot::Load(options.snapshot_path));
  std::unique_ptr<Host> host = std::make_unique<RealHost>(std::move(snapshot));
  return host;
}

}  // namespace zts::js
