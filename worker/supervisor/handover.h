// How one worker takes the place of another on the same data folder, with no connection refused and no request lost: both accept from
// the same listening sockets until the older one stops. The order of things is in handover.proto.
//
// Errors:   a step that the other side does not take within kStepTimeout, or nonsense, ends the handover. Before Serving that leaves
//           the older worker as it was.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "worker/ipc/channel.h"
#include "worker/supervisor/function_spec.h"

namespace zts::supervisor {

// Any one step takes milliseconds; on a machine that swaps, many of them.
inline constexpr Nanos kHandoverStepTimeout = 10 * kSecond;
// From the offer to the successor's Hold: Node and V8 start in between (EngineHost::kReadyTimeout, with a restart).
inline constexpr Nanos kHandoverStartTimeout = 60 * kSecond;

// What the older worker gives.
struct HandoverOffer {
  std::string http_address;
  std::string admin_address;
  std::vector<UniqueFd> listeners;  // one a shard
  UniqueFd lock;                    // of the data folder
};

// The running worker, as its successor sees it.
//
// Owner:    the new Worker.
// Thread:   one at a time.
class Predecessor {
 public:
  // Asks the worker on this data folder for its place. kNotFound: none offers it.
  static Result<std::unique_ptr<Predecessor>> Find(const std::string& data_dir);

  HandoverOffer TakeOffer() { return std::move(offer_); }
  // It takes no deploys from then on. Before the disk's catalog is read.
  Status Hold();
  // It has given up its admin port and drains from then on.
  Status Release();
  // Blocks; hands on what its functions say until it has ended. After Release.
  void RelayLogs(const std::function<void(std::vector<LogRecord>)>& take);
  // Ends a blocked call. Any thread.
  void Close() { channel_->Shutdown(); }

 private:
  explicit Predecessor(std::unique_ptr<ipc::Channel> channel) : channel_(std::move(channel)) {}
  Status Begin();

  std::unique_ptr<ipc::Channel> channel_;
  HandoverOffer offer_;
};

// Where a running worker waits for a successor: handover.sock in the data folder, one successor at a time.
//
// Owner:    Worker, from its being ready on.
// Thread:   made and destroyed on one; the hooks run on the thread inside, one at a time, and never after the destructor.
class HandoverPort {
 public:
  struct Hooks {
    std::function<Result<HandoverOffer>()> offer;  // duplicates; the engine must not shut the sockets down any more
    std::function<void()> hold;                    // take no deploys
    std::function<void()> resume;                  // the successor has failed: as before
    std::function<void()> release;                 // it serves: give up the admin port, then drain. No way back.
  };
  static Result<std::unique_ptr<HandoverPort>> Open(const std::string& data_dir, Hooks hooks);
  // Waits for a step under way.
  ~HandoverPort();

  // The successor's, after `release`; none otherwise. Lets it have what functions said last.
  void SendLogs(const std::vector<LogRecord>& records);

 private:
  HandoverPort(UniqueFd socket, Hooks hooks) : socket_(std::move(socket)), hooks_(std::move(hooks)) {}
  void Run();
  // True once the place is given away.
  bool Serve();
  Status Offer();

  const UniqueFd socket_;
  const Hooks hooks_;
  std::mutex mutex_;
  bool ending_ = false;
  bool released_ = false;
  std::unique_ptr<ipc::Channel> successor_;
  std::thread thread_;
};

}  // namespace zts::supervisor
