// The egress process: one thread, one epoll, the supervisor's channel, a socket a shard, and libcurl.
//
// It lives for its supervisor. It holds no state worth saving: whoever starts it tells it which functions there are and which shards.
//
// Owner:    main().
// Thread:   one. Names are resolved on threads of libcurl's.
// Life:     one Run.
// Errors:   a supervisor that is gone or speaks nonsense ends it; a shard that does is cut off.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "worker/egress/multi.h"
#include "worker/egress/shard_link.h"
#include "worker/egress/socket_set.h"
#include "worker/egress/stream.h"
#include "worker/ipc/channel.h"
#include "worker/ipc/egress.pb.h"

namespace zts::egress {

class Egress {
 public:
  static constexpr int kExitDone = 0;
  static constexpr int kExitStart = 80;
  static constexpr int kExitProtocol = 81;

  // `channel` leads to the supervisor.
  explicit Egress(UniqueFd channel);
  ~Egress();

  // Until the supervisor closes the channel. The process's exit status.
  int Run();

 private:
  Status Start();
  void Wait();
  int TimeoutMs() const;
  bool DrainChannel();
  bool ReceiveOne();
  Status Handle(const ipc::ToEgress& message, UniqueFd descriptor);
  void AddFunction(const ipc::AddFunctionPolicy& add);
  Status AddShard(UniqueFd socket);
  std::shared_ptr<const Function> Find(uint64_t version_id);
  void FlushLinks();

  SystemClock clock_;
  ipc::Channel channel_;
  UniqueFd epoll_;
  std::unique_ptr<Multi> multi_;
  std::unique_ptr<SocketSet> sockets_;
  StreamSettings settings_;
  std::map<uint64_t, std::shared_ptr<const Function>> functions_;
  struct Watched {
    std::unique_ptr<ShardLink> link;
    uint32_t events = 0;  // as the epoll has it
  };
  std::map<int, Watched> links_;  // by descriptor
  int exit_ = -1;                 // >= 0: at the end
};

}  // namespace zts::egress
