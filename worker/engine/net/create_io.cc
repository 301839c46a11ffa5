#include <cstdlib>

#include "base/log.h"
#include "worker/engine/net/epoll_io.h"
#include "worker/engine/net/io.h"
#include "worker/engine/net/uring_io.h"

namespace zts::net {
namespace {

// Names of features to do without, for measurements.
constexpr char kDisableVariable[] = "ZTS_IO_DISABLE";

Result<std::unique_ptr<Io>> CreateEpoll() {
  ZTS_ASSIGN_OR_RETURN(std::unique_ptr<Io> io, EpollIo::Create());
  return io;
}

Result<std::unique_ptr<Io>> CreateUring(const UringFeatures& features) {
  ZTS_ASSIGN_OR_RETURN(std::unique_ptr<Io> io, UringIo::Create({.features = features}));
  return io;
}

Result<UringFeatures> WantedFeatures() {
  const char* without = std::getenv(kDisableVariable);
  auto features = UringFeatures::Without(without == nullptr ? "" : without);
  if (!features.ok()) return std::move(features).error().Under(kDisableVariable);
  return features;
}

}  // namespace

Result<std::unique_ptr<Io>> CreateIo(IoBackend backend) {
  if (backend == IoBackend::kEpoll) return CreateEpoll();
  // A name that is wrong is an error in each case, not a reason to run on epoll.
  ZTS_ASSIGN_OR_RETURN(const UringFeatures features, WantedFeatures());
  auto uring = CreateUring(features);
  if (uring.ok() || backend == IoBackend::kUring) return uring;
  ZTS_LOG(kWarning) << "using epoll: " << uring.error().message;
  return CreateEpoll();
}

}  // namespace zts::net
