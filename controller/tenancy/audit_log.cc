#include "controller/tenancy/audit_log.h"

#include <algorithm>

#include "base/log.h"
#include "controller/tenancy/records.pb.h"

namespace zts::tenancy {
namespace {

constexpr std::string_view kKeyPrefix = "a/";
constexpr Nanos kStrangerInterval = kSecond;

// Most significant first: events are neighbours in order.
std::string KeyOf(uint64_t sequence) {
  std::string key(kKeyPrefix);
  for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(sequence >> shift & 0xff);
  return key;
}

uint64_t SequenceOf(std::string_view key) {
  uint64_t sequence = 0;
  for (const char c : key.substr(kKeyPrefix.size())) sequence = sequence << 8 | static_cast<unsigned char>(c);
  return sequence;
}

std::string Encode(const AuditEvent& event) {
  record::AuditEvent message;
  message.set_time_ns(event.time_ns);
  message.set_actor(event.actor);
  message.set_action(event.action);
  message.set_target(event.target);
  message.set_peer(event.peer);
  message.set_result(event.result);
  message.set_detail(event.detail);
  return message.SerializeAsString();
}

// Targets come from callers and protobuf strings are UTF-8: anything else is shown as '?'.
void Cut(std::string& field) {
  if (field.size() > kAuditFieldBytesMax) field = field.substr(0, kAuditFieldBytesMax) + "...";
  for (char& c : field) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  }
}

}  // namespace

Result<std::unique_ptr<AuditLog>> AuditLog::Open(store::Store& store, const Clock& clock) {
  std::unique_ptr<AuditLog> log(new AuditLog(store, clock));
  ZTS_ASSIGN_OR_RETURN(const std::vector<store::Record> records, store.ScanRecords(kKeyPrefix));
  for (const store::Record& record : records) {
    record::AuditEvent message;
    if (!message.ParseFromString(record.value)) {
      return Error{ErrorCode::kCorrupt, "a record of the audit trail cannot be read; restore the data directory from a backup"};
    }
    const uint64_t sequence = SequenceOf(record.key);
    log->events_.push_back({sequence, record.value.size(),
                            {message.time_ns(), message.actor(), message.action(), message.target(), message.peer(), message.result(),
                             message.detail()}});
    log->bytes_ += record.value.size();
    log->next_sequence_ = sequence + 1;
  }
  return log;
}

void AuditLog::Add(AuditEvent event) {
  const std::lock_guard lock(mutex_);
  AddLocked(std::move(event));
}

void AuditLog::AddStranger(const std::string& peer, const std::string& action) {
  const std::lock_guard lock(mutex_);
  const Nanos now = clock_.Now();
  if (stranger_told_at_ != 0 && now - stranger_told_at_ < kStrangerInterval) {
    ++strangers_untold_;
    return;
  }
  stranger_told_at_ = now;
  AuditEvent event{0, "nobody", action, "", peer, "denied", "no valid token"};
  if (strangers_untold_ > 0) event.detail += "; " + std::to_string(strangers_untold_) + " such calls before it are not listed";
  strangers_untold_ = 0;
  AddLocked(std::move(event));
}

void AuditLog::AddLocked(AuditEvent event) {
  event.time_ns = clock_.WallNow();
  for (std::string* field : {&event.actor, &event.action, &event.target, &event.peer, &event.result, &event.detail}) Cut(*field);
  std::string value = Encode(event);
  const uint64_t sequence = next_sequence_;
  std::vector<store::RecordEdit> edits{{KeyOf(sequence), std::move(value)}};
  bytes_ += edits[0].value->size();
  events_.push_back({sequence, edits[0].value->size(), std::move(event)});
  Trim(edits);
  ++next_sequence_;
  // What could not be written is in memory still, and is shown until the next start.
  if (const Status written = store_.WriteRecords(edits); !written.ok()) {
    const AuditEvent& lost = events_.back().event;
    ZTS_LOG(kError) << "the audit trail is not written (" << written.error().message << "): " << lost.actor << " " << lost.action << " "
                    << lost.target << " " << lost.result;
  }
}

void AuditLog::Trim(std::vector<store::RecordEdit>& edits) {
  const int64_t oldest = clock_.WallNow() - kAuditAgeMax;
  while (events_.size() > 1 &&
         (events_.size() > kAuditEventsMax || bytes_ > kAuditBytesMax || events_.front().event.time_ns < oldest)) {
    edits.push_back({KeyOf(events_.front().sequence), std::nullopt});
    bytes_ -= events_.front().bytes;
    events_.pop_front();
  }
}

std::vector<AuditEvent> AuditLog::List(int64_t since_ns, size_t count_max) const {
  const std::lock_guard lock(mutex_);
  std::vector<AuditEvent> list;
  for (auto at = events_.rbegin(); at != events_.rend() && (count_max == 0 || list.size() < count_max); ++at) {
    if (at->event.time_ns >= since_ns) list.push_back(at->event);
  }
  std::reverse(list.begin(), list.end());
  return list;
}

}  // namespace zts::tenancy
