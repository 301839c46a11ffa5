// Who did what, when, from where, and what came of it: every change, and every call that was refused.
//
// Bounded by count, bytes and age; the oldest events go first, in the same write that adds a new one. Calls without a valid token are
// counted together, one event a second at most, so that knocking cannot push out what matters.
//
// Owner:    Controller, one a process.
// Thread:   any. Add waits for the disk.
// Life:     store and clock outlive it.
// Limits:   kAuditEventsMax, kAuditBytesMax, kAuditAgeMax.
// Errors:   Add never fails the call that it records: an event that cannot be written goes to the log.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "controller/store/store.h"

namespace zts::tenancy {

// A hundred deploys a day for half a year.
inline constexpr size_t kAuditEventsMax = 20'000;
inline constexpr size_t kAuditBytesMax = size_t{8} << 20;
inline constexpr Nanos kAuditAgeMax = 180 * int64_t{86400} * kSecond;
// Of one field; what is longer is cut.
inline constexpr size_t kAuditFieldBytesMax = 512;

struct AuditEvent {
  int64_t time_ns = 0;  // since 1970
  std::string actor;
  std::string action;
  std::string target;
  std::string peer;
  std::string result;  // "ok", or an error's name
  std::string detail;
};

class AuditLog {
 public:
  static Result<std::unique_ptr<AuditLog>> Open(store::Store& store, const Clock& clock);

  void Add(AuditEvent event);
  // A call without a valid token.
  void AddStranger(const std::string& peer, const std::string& action);

  // Oldest first: the newest `count_max` (0: all) of those since `since_ns`.
  std::vector<AuditEvent> List(int64_t since_ns, size_t count_max) const;

 private:
  struct Kept {
    uint64_t sequence = 0;
    size_t bytes = 0;
    AuditEvent event;
  };
  AuditLog(store::Store& store, const Clock& clock) : store_(store), clock_(clock) {}
  void AddLocked(AuditEvent event);
  // What is to go so that the bounds hold; taken off `events_`.
  void Trim(std::vector<store::RecordEdit>& edits);

  store::Store& store_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::deque<Kept> events_;
  size_t bytes_ = 0;
  uint64_t next_sequence_ = 1;
  Nanos stranger_told_at_ = 0;
  uint64_t strangers_untold_ = 0;
};

}  // namespace zts::tenancy
