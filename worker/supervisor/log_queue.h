// Log records on their way to the controller: bounded, so that a controller that is away costs records and never memory.
//
// Owner:    main(), one.
// Thread:   any.
// Limits:   kBytesMax of records; the newest that do not fit are dropped and counted, and the next that fits says how many.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "worker/supervisor/function_spec.h"

namespace zts::supervisor {

class LogQueue {
 public:
  // A few minutes of a talkative worker without a controller.
  static constexpr size_t kBytesMax = size_t{8} << 20;
  // What one batch carries at most; far below what one gRPC message may.
  static constexpr size_t kBatchBytesMax = size_t{256} << 10;

  explicit LogQueue(size_t bytes_max = kBytesMax) : bytes_max_(bytes_max) {}

  void Add(std::vector<LogRecord> records);
  // The oldest records, at most kBatchBytesMax of them but at least one; waits up to `timeout` for the first. Empty: none came, or
  // Interrupt was called meanwhile.
  std::vector<LogRecord> Take(std::chrono::nanoseconds timeout);
  // Records that could not be delivered go back to the front.
  void Return(std::vector<LogRecord> records);
  // Waits until all that was added has been taken; false when the time passes first.
  bool WaitEmpty(std::chrono::nanoseconds timeout);
  // Ends the Take that waits.
  void Interrupt();

  uint64_t dropped() const;

 private:
  void Drop(const LogRecord& record);

  const size_t bytes_max_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable emptied_;
  std::deque<LogRecord> records_;
  size_t bytes_ = 0;
  uint64_t dropped_ = 0;
  uint64_t dropped_before_next_ = 0;
  bool interrupted_ = false;
};

}  // namespace zts::supervisor
