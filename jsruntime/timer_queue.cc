#include "jsruntime/timer_queue.h"

#include <algorithm>

namespace zts::js {

std::optional<uint32_t> TimerQueue::Start(Nanos now, Nanos delay, TimerKind kind, uint64_t serial) {
  if (timers_.size() >= kTimersMax) return std::nullopt;
  while (next_id_ == 0 || timers_.count(next_id_) != 0) ++next_id_;
  const uint32_t id = next_id_++;
  const Timer timer{now + delay, delay, next_order_++, serial, kind};
  timers_.emplace(id, timer);
  Push(id, timer);
  return id;
}

void TimerQueue::Push(uint32_t id, const Timer& timer) {
  // Entries of stopped timers stay until they surface; a program that starts and stops many must not grow the heap without end.
  if (heap_.size() > 64 && heap_.size() > 4 * timers_.size()) {
    std::erase_if(heap_, [this](const Entry& entry) {
      const auto found = timers_.find(entry.id);
      return found == timers_.end() || found->second.order != entry.order;
    });
    std::make_heap(heap_.begin(), heap_.end());
  }
  heap_.push_back({timer.due, timer.order, id});
  std::push_heap(heap_.begin(), heap_.end());
}

std::optional<uint64_t> TimerQueue::Stop(uint32_t id) {
  const auto found = timers_.find(id);
  if (found == timers_.end()) return std::nullopt;
  const uint64_t serial = found->second.serial;
  timers_.erase(found);
  return serial;
}

std::vector<uint32_t> TimerQueue::StopAll(uint64_t serial) {
  std::vector<uint32_t> ids;
  for (const auto& [id, timer] : timers_) {
    if (timer.serial == serial) ids.push_back(id);
  }
  for (const uint32_t id : ids) timers_.erase(id);
  return ids;
}

void TimerQueue::DropStale() {
  while (!heap_.empty()) {
    const auto found = timers_.find(heap_.front().id);
    if (found != timers_.end() && found->second.order == heap_.front().order) return;
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
  }
}

std::optional<TimerQueue::Due> TimerQueue::TakeDue(Nanos now) {
  DropStale();
  if (heap_.empty() || heap_.front().due > now) return std::nullopt;
  const uint32_t id = heap_.front().id;
  std::pop_heap(heap_.begin(), heap_.end());
  heap_.pop_back();
  const auto found = timers_.find(id);
  const Due due{id, found->second.serial, found->second.kind};
  if (due.kind == TimerKind::kOnce) {
    timers_.erase(found);
  } else {
    found->second.due = now + found->second.delay;
    found->second.order = next_order_++;
    Push(id, found->second);
  }
  return due;
}

Nanos TimerQueue::next_due() {
  DropStale();
  return heap_.empty() ? 0 : heap_.front().due;
}

}  // namespace zts::js
