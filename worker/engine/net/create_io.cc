#include "base/log.h"
#include "worker/engine/net/epoll_io.h"
#include "worker/engine/net/io.h"

namespace zts::net {
namespace {

Result<std::unique_ptr<Io>> CreateEpoll() {
  ZTS_ASSIGN_OR_RETURN(std::unique_ptr<Io> io, EpollIo::Create());
  return io;
}

}  // namespace

Result<std::unique_ptr<Io>> CreateIo(IoBackend backend) {
  (void)backend;
  return CreateEpoll();
}

}  // namespace zts::net
