#include "jsruntime/heap_guard.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "jsruntime/script.h"

namespace zts::js {

bool QuotaAllocator::HasRoomFor(size_t bytes) const {
  const size_t taken = used() + heap_used_.load(std::memory_order_relaxed);
  return bytes <= limit() && taken <= limit() - bytes;
}

void* QuotaAllocator::Allocate(size_t length) {
  // Of the kernel's pages malloc knows that they are zero; what is kept here has been used.
  if (length <= kCachedBlockMax) {
    void* data = AllocateUninitialized(length);
    if (data != nullptr) std::memset(data, 0, length);
    return data;
  }
  if (!HasRoomFor(length)) return nullptr;
  void* data = std::calloc(length, 1);
  if (data != nullptr) used_.fetch_add(length, std::memory_order_relaxed);
  return data;
}

void* QuotaAllocator::AllocateUninitialized(size_t length) {
  if (!HasRoomFor(length)) return nullptr;
  void* data = blocks_.Take(length);
  if (data != nullptr) used_.fetch_add(length, std::memory_order_relaxed);
  return data;
}

void QuotaAllocator::Free(void* data, size_t length) {
  blocks_.Give(data, length);
  used_.fetch_sub(length, std::memory_order_relaxed);
}

bool QuotaAllocator::Take(size_t bytes) {
  if (!HasRoomFor(bytes)) return false;
  used_.fetch_add(bytes, std::memory_order_relaxed);
  return true;
}

bool QuotaAllocator::Reserve(size_t bytes) {
  if (reserved_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= kWasmReservedBytesMax) return true;
  Unreserve(bytes);
  return false;
}

void HeapGuard::Configure(v8::Isolate::CreateParams* params, size_t nursery_bytes) {
  params->array_buffer_allocator_shared = allocator_;
  params->constraints.set_max_old_generation_size_in_bytes(kHeapInitialBytes);
  const size_t nursery_max = nursery_bytes == 0 ? kNurseryBytesDefault : nursery_bytes;
  params->constraints.set_max_young_generation_size_in_bytes(kYoungGenerationParts * nursery_max);
}

void HeapGuard::Install(v8::Isolate* isolate) {
  isolate_ = isolate;
  isolate->AddNearHeapLimitCallback(OnNearHeapLimit, this);
  isolate->AddGCEpilogueCallback(OnCollected, this, v8::kGCTypeMarkSweepCompact);
}

void HeapGuard::SetLimit(size_t memory_bytes_max) { allocator_->SetLimit(memory_bytes_max); }

bool HeapGuard::HasRoomFor(size_t bytes) const {
  v8::HeapStatistics statistics;
  isolate_->GetHeapStatistics(&statistics);
  const size_t taken = statistics.used_heap_size() + statistics.external_memory();
  const size_t limit = allocator_->limit();
  return bytes <= limit && taken <= limit - bytes;
}

size_t HeapGuard::OnNearHeapLimit(void* self, size_t current, size_t initial) {
  auto* guard = static_cast<HeapGuard*>(self);
  v8::HeapStatistics statistics;
  guard->isolate_->GetHeapStatistics(&statistics);
  const size_t used = statistics.used_heap_size();
  const size_t external = guard->allocator_->used();
  const size_t limit = guard->allocator_->limit();
  if (!guard->exceeded() && used + external < limit) {
    const size_t room = std::max(limit - used - external, kHeapStepBytesMin);
    const size_t distance = std::max(current, used) - std::min(current, used);
    if (distance < 2 * kHeapStepBytesMin || external > used) return current + std::min(room, current);
    // V8 asks with much left, or far beyond: it is about one large object, a Map's table say. V8 would end the process over it, so it
    // gets its room; what it then uses is seen after the next collection.
    return current + kHeapHeadroomBytes;
  }
  if (guard->headroom_steps_ >= kHeapHeadroomStepsMax) return current;
  ++guard->headroom_steps_;
  guard->Exceed();
  return current + kHeapHeadroomBytes;
}

void HeapGuard::Exceed() {
  exceeded_.store(true, std::memory_order_relaxed);
  isolate_->TerminateExecution();
}

void HeapGuard::OnCollected(v8::Isolate* isolate, v8::GCType, v8::GCCallbackFlags, void* self) {
  auto* guard = static_cast<HeapGuard*>(self);
  v8::HeapStatistics statistics;
  isolate->GetHeapStatistics(&statistics);
  guard->allocator_->SetHeapUsed(statistics.used_heap_size());
  const size_t taken = statistics.used_heap_size() + guard->allocator_->used();
  if (taken > guard->allocator_->limit() + kHeapStepBytesMin) guard->Exceed();
}

}  // namespace zts::js
