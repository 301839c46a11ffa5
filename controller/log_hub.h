// Where the functions' log records of all workers meet the people who read them.
//
// The last records stay for a while, so that a tail can begin with them. A tail that does not keep up loses records and is told how
// many; it never slows down workers or other tails.
//
// Owner:    main(), one a process.
// Thread:   any.
// Life:     outlives every Tail.
// Limits:   kLogRecordsKept, kLogBytesKept; kTailsMax tails of kTailRecordsMax, kTailBytesMax each.
// Errors:   Open refuses beyond kTailsMax.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace zts::controller {

struct LogRecord {
  int64_t time_ns = 0;  // since 1970, at the worker
  std::string function;
  uint64_t version_number = 0;
  std::string severity;
  std::string message;
  std::string request_id;
  std::string worker;
  uint64_t dropped_before = 0;
};

class LogHub {
 public:
  using RecordPtr = std::shared_ptr<const LogRecord>;

  // A reader; gone when it is destroyed.
  class Tail {
   public:
    Tail(LogHub& hub, std::string function) : hub_(hub), function_(std::move(function)) {}
    ~Tail();
    Tail(const Tail&) = delete;
    struct Batch {
      std::vector<RecordPtr> records;
      uint64_t dropped = 0;  // just before them
    };
    // What has come since the last call; waits for at most `wait` when there is nothing.
    Batch Next(Nanos wait);

   private:
    friend class LogHub;
    LogHub& hub_;
    const std::string function_;  // empty: all
    std::deque<RecordPtr> queue_;
    size_t bytes_ = 0;
    uint64_t dropped_ = 0;
  };

  void Append(std::vector<LogRecord> records);
  // The last `backlog` kept records of the function (empty: of all), and everything from here on.
  Result<std::unique_ptr<Tail>> Open(const std::string& function, size_t backlog);

  struct Stats {
    uint64_t received = 0;
    uint64_t dropped_by_tails = 0;
    size_t kept = 0;
    size_t tails = 0;
  };
  Stats stats() const;

 private:
  static size_t BytesOf(const LogRecord& record);
  void Offer(Tail& tail, const RecordPtr& record);

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<RecordPtr> kept_;
  size_t kept_bytes_ = 0;
  std::set<Tail*> tails_;
  Stats stats_;
};

}  // namespace zts::controller
