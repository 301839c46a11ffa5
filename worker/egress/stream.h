// One stream of a shard's socket: a request, or a WebSocket. What both are to the shard's link, and what both are given.
//
// Owner:    ShardLink, one a stream.
// Thread:   the egress process's only one.
// Life:     StreamHost and what StreamSettings names outlive it. When it is over it has said so to the shard and calls OnStreamOver; it
//           may be destroyed inside.
// Errors:   whatever the world does is told to the shard. A shard that breaks the protocol gets an error from OnFrame.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "worker/egress/address_policy.h"
#include "worker/egress/multi.h"
#include "worker/egress/socket_set.h"
#include "worker/ipc/egress_frame.h"

namespace zts::egress {

// Whose request it is.
struct Function {
  std::string name;  // "hello v3"
  Policy policy;
};

class StreamHost {
 public:
  virtual ~StreamHost() = default;
  // Frames for the shard are appended here.
  virtual std::string& out() = 0;
  virtual void OnStreamOver(uint64_t stream) = 0;
};

struct StreamSettings {
  Multi* multi = nullptr;
  SocketSet* sockets = nullptr;
  const Clock* clock = nullptr;
  std::string ca_file;  // trusted beside the system's; empty: none
};

// How a stream failed.
struct Fail {
  ipc::FetchResult result;
  std::string message;
};

class Stream {
 public:
  virtual ~Stream() = default;
  // May be over before it returns.
  virtual void Start(const ipc::RequestFrame& request) = 0;
  // One of its frames, but for kRequest and kCancel.
  virtual Status OnFrame(const ipc::FrameReader::Frame& frame) = 0;
  // The shard wants no more of it: it is destroyed next.
  virtual void OnCancel() {}
};

inline Error NoFrameOfThisStream() { return {ErrorCode::kCorrupt, "a frame that this stream does not have"}; }

}  // namespace zts::egress
