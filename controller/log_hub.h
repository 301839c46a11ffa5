// Where the functions' log records of all workers meet the people who read them.
//
// The last records stay for a while, so that a tail can begin with them. A tail that does not keep up loses records and is told how
// many; it never slows down workers or other tails. Records are numbered in the order of their arrival, so that a tail whose stream broke
// goes on where it was.
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
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
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
  uint64_t sequence = 0;  // the hub's
};

// What a reader wants to see; as it is made, everything.
struct LogFilter {
  std::string function;
  uint64_t version = 0;
  int level_min = 0;  // LevelOf
  std::string request_id;
  std::function<bool(const std::string& function)> may_see = {};

  // Whether the reader has to do with the record's function at all.
  bool Concerns(const LogRecord& record) const;
  bool Matches(const LogRecord& record) const;
};
// How grave a severity is, from 0; none: there is no such severity.
std::optional<int> LevelOf(std::string_view severity);

class LogHub {
 public:
  using RecordPtr = std::shared_ptr<const LogRecord>;

  LogHub();

  // A reader; gone when it is destroyed.
  class Tail {
   public:
    Tail(LogHub& hub, LogFilter filter) : hub_(hub), filter_(std::move(filter)) {}
    ~Tail();
    Tail(const Tail&) = delete;
    struct Batch {
      std::vector<RecordPtr> records;
      uint64_t dropped = 0;   // just before them
      uint64_t position = 0;  // the last sequence there is
    };
    // What has come since the last call; waits for at most `wait` when there is nothing.
    Batch Next(Nanos wait);
    // Whether some of what came since the place it was to go on from is not held any more.
    bool gap() const { return gap_; }
    // What it gets has later sequences than this.
    uint64_t begin() const { return begin_; }

   private:
    friend class LogHub;
    LogHub& hub_;
    const LogFilter filter_;
    bool gap_ = false;
    uint64_t begin_ = 0;
    std::deque<RecordPtr> queue_;
    size_t bytes_ = 0;
    uint64_t dropped_ = 0;
  };

  void Append(std::vector<LogRecord> records);
  struct Place {
    size_t backlog = 0;
    // Where they are of this hub, instead of the backlog.
    std::string source;
    uint64_t after = 0;
  };
  // The last kept records that match, as many as `from` says or all after it, and everything from here on.
  Result<std::unique_ptr<Tail>> Open(LogFilter filter, const Place& from);
  // This hub, and no other: records of one that is gone have other numbers.
  const std::string& source() const { return source_; }

  struct Stats {
    uint64_t received = 0;
    uint64_t dropped_by_tails = 0;
    size_t kept = 0;
    size_t tails = 0;
  };
  Stats stats() const;

 private:
  static size_t BytesOf(const LogRecord& record);
  void Begin(Tail& tail, const Place& from);
  void Offer(Tail& tail, const RecordPtr& record);

  const std::string source_;
  mutable std::mutex mutex_;
  uint64_t sequence_ = 0;
  std::condition_variable arrived_;
  std::deque<RecordPtr> kept_;
  size_t kept_bytes_ = 0;
  std::set<Tail*> tails_;
  Stats stats_;
};

}  // namespace zts::controller
