// What functions print, on its way from the shards to the supervisor: a bounded queue between many threads and one.
//
// A shard gathers the records of one pass and pushes them together, so that a line of console output costs the serving core no lock.
//
// Owner:    the engine's main, exactly one.
// Thread:   Push, Close: any. Pop: one.
// Limits:   kLogQueueBytesMax waiting; what does not fit is refused, and its shard counts and reports it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "jsruntime/isolate.h"

namespace zts {

struct LogRecord {
  Nanos time = 0;  // since 1970
  uint64_t version_id = 0;
  js::LogSeverity severity = js::LogSeverity::kLog;
  std::string message;
  std::string request_id;
  uint64_t dropped_before = 0;

  size_t bytes() const { return sizeof(LogRecord) + message.size() + request_id.size(); }
};

class LogQueue {
 public:
  enum class Pushed : uint8_t { kYes, kFull };
  // All of them or none; emptied when taken.
  Pushed Push(std::vector<LogRecord>& records);

  // Blocks for the next ones, at most `bytes_max` of them together (but at least one). Empty: the queue is closed.
  std::vector<LogRecord> Pop(size_t bytes_max);
  // What waits is still popped.
  void Close();

 private:
  std::mutex mutex_;
  std::condition_variable filled_;
  std::vector<LogRecord> waiting_;
  size_t popped_ = 0;  // of waiting_, from its front
  size_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace zts
