// What functions do on all workers at the moment: the last reports of each worker, put together when somebody asks.
//
// Owner:    main(), one a process.
// Thread:   any.
// Life:     a worker's reports go with its stream.
// Limits:   kReportsKept reports a worker; kReportFunctionsMax functions and kReportBucketsMax buckets in one.
// Errors:   a report that is malformed or beyond the limits is refused whole.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "zts/v1/stats.pb.h"

namespace zts::controller {

class StatsHub {
 public:
  // Workers report every two seconds: ten seconds smooth a rate, and show a change while one looks.
  static constexpr size_t kReportsKept = 5;
  // A worker's table of figures has 1,024 rows, and a histogram 464 buckets.
  static constexpr int kReportFunctionsMax = 1024;
  static constexpr int kReportBucketsMax = 512;

  Status OnReport(const std::string& worker, v1::WorkerStats report);
  void Forget(const std::string& worker);
  // The busiest first. `function` empty: all.
  v1::GetStatsResponse Read(const std::string& function) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::deque<v1::WorkerStats>> reports_;
};

}  // namespace zts::controller
