// Messages to the supervisor, sent by a thread of their own: a supervisor that is slow to read holds up no shard.
//
// Console records come from a LogQueue of their own; both are sent here, messages first.
//
// Owner:    Engine.
// Thread:   Send: any. Finish: one.
// Life:     the channel and the log queue outlive it.
// Limits:   messages are answers, one a question of the supervisor's; records are bounded by the queue.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "worker/engine/log_queue.h"
#include "worker/ipc/channel.h"
#include "worker/ipc/engine.pb.h"

namespace zts {

class Outbox {
 public:
  Outbox(ipc::Channel* channel, LogQueue* logs);
  ~Outbox();

  void Send(const ipc::FromEngine& message);
  // Sends what is there, then `last` where there is one, and ends the threads. A closed peer loses the rest.
  void Finish(const ipc::FromEngine* last = nullptr);

 private:
  void RunMessages();
  void RunLogs();

  ipc::Channel* const channel_;
  LogQueue* const logs_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<std::string> messages_;
  bool finished_ = false;
  std::thread log_thread_;
  std::thread message_thread_;
};

}  // namespace zts
