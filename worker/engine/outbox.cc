#include "worker/engine/outbox.h"

#include <pthread.h>

#include <utility>

namespace zts {
namespace {

// Well below what a message may be, so that the encoding has room.
constexpr size_t kLogBatchBytesMax = ipc::kIpcMessageBytesMax / 4;

ipc::FromEngine LogsMessage(std::vector<LogRecord> records) {
  ipc::FromEngine message;
  for (LogRecord& record : records) {
    ipc::Log* log = message.mutable_logs()->add_records();
    log->set_time_ns(record.time);
    log->set_version_id(record.version_id);
    log->set_severity(static_cast<uint32_t>(record.severity));
    log->set_message(std::move(record.message));
    log->set_request_id(std::move(record.request_id));
    log->set_dropped_before(record.dropped_before);
  }
  return message;
}

}  // namespace

Outbox::Outbox(ipc::Channel* channel, LogQueue* logs) : channel_(channel), logs_(logs) {
  log_thread_ = std::thread([this] { RunLogs(); });
  message_thread_ = std::thread([this] { RunMessages(); });
  pthread_setname_np(log_thread_.native_handle(), "zts-logs");
  pthread_setname_np(message_thread_.native_handle(), "zts-outbox");
}

Outbox::~Outbox() { Finish(); }

void Outbox::Send(const ipc::FromEngine& message) {
  {
    std::lock_guard lock(mutex_);
    messages_.push_back(message.SerializeAsString());
  }
  filled_.notify_one();
}

void Outbox::Finish(const ipc::FromEngine* last) {
  logs_->Close();
  if (log_thread_.joinable()) log_thread_.join();
  if (last != nullptr) Send(*last);
  {
    std::lock_guard lock(mutex_);
    finished_ = true;
  }
  filled_.notify_one();
  if (message_thread_.joinable()) message_thread_.join();
}

void Outbox::RunMessages() {
  std::unique_lock lock(mutex_);
  for (;;) {
    filled_.wait(lock, [this] { return finished_ || !messages_.empty(); });
    if (messages_.empty()) return;
    const std::string message = std::move(messages_.front());
    messages_.pop_front();
    lock.unlock();
    // A closed peer is seen by whoever receives.
    (void)channel_->Send(message);
    lock.lock();
  }
}

void Outbox::RunLogs() {
  for (;;) {
    std::vector<LogRecord> records = logs_->Pop(kLogBatchBytesMax);
    if (records.empty()) return;
    (void)channel_->Send(LogsMessage(std::move(records)).SerializeAsString());
  }
}

}  // namespace zts
