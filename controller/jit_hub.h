// Asks all connected workers what V8 has made of a function's code, and hands on what they tell.
//
// Owner:    main(), one a process.
// Thread:   any. Ask blocks its caller; links are called under the hub's lock.
// Life:     links outlive their Disconnect; the hub outlives every stream and call.
// Limits:   kJitAsksMax questions at a time, kJitWatchMax, kJitAnswerTimeout, kJitAnswerBytesMax.
// Errors:   kExhausted: too many ask. A worker that has nothing to tell says why in its answer, or the hub says so for it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "controller/push.h"
#include "zts/v1/stats.pb.h"

namespace zts::controller {

class JitHub {
 public:
  explicit JitHub(const Clock& clock) : clock_(clock) {}

  // A worker's stream, from its Hello to its end. The latest of a name counts.
  void Connect(const std::string& worker, WorkerLink* link);
  void Disconnect(const std::string& worker, const WorkerLink* link);
  void OnAnswer(const std::string& worker, v1::WorkerJit answer);

  // Gives each worker's answer as it comes, until all have said something, `keep_waiting` says no, or time is over.
  using OnJit = std::function<void(const v1::WorkerJit&)>;
  Status Ask(const std::string& function, Nanos watch, const std::function<bool()>& keep_waiting, const OnJit& on_answer);

 private:
  struct Open {
    std::set<std::string> silent;  // workers that have not answered
    std::deque<v1::WorkerJit> answers;
  };
  void Answer(Open& open, const std::string& worker, v1::WorkerJit answer);

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, WorkerLink*> links_;
  std::map<uint64_t, Open> open_;
  uint64_t last_id_ = 0;
};

}  // namespace zts::controller
