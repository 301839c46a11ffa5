// One shard's socket in the egress process: frames in, streams run, frames out.
//
// Owner:    Egress, one a shard of the running engine.
// Thread:   the egress process's only one.
// Limits:   kStreamsPerShardMax; what waits to be read by the shard is bounded by the credit it gave.
// Errors:   a shard that breaks the protocol, or is gone: alive() is false, and all its requests end.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "worker/egress/stream.h"
#include "worker/ipc/egress_frame.h"

namespace zts::egress {

class ShardLink final : public StreamHost {
 public:
  using FindFunction = std::function<std::shared_ptr<const Function>(uint64_t version_id)>;
  // `socket` is non-blocking from here on.
  ShardLink(UniqueFd socket, const StreamSettings* settings, FindFunction find);

  int fd() const { return socket_.get(); }
  bool alive() const { return alive_; }
  void OnReadable();
  // Sends what is there and ends what is over; to be called after anything may have happened.
  void Flush();
  // Waits for room.
  bool wants_write() const { return alive_ && !out_.empty(); }

  std::string& out() override { return out_; }
  void OnStreamOver(uint64_t stream) override;

 private:
  Status OnFrame(const ipc::FrameReader::Frame& frame);
  Status OnRequest(const ipc::FrameReader::Frame& frame);

  UniqueFd socket_;
  const StreamSettings* const settings_;
  const FindFunction find_;
  ipc::FrameReader reader_;
  std::map<uint64_t, std::unique_ptr<Stream>> streams_;
  // Over, but perhaps still on the stack.
  std::vector<std::unique_ptr<Stream>> over_;
  std::string out_;
  uint64_t last_stream_ = 0;
  bool alive_ = true;
};

}  // namespace zts::egress
