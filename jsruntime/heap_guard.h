// Keeps one isolate within its memory limit: V8's heap, ArrayBuffers, Wasm memories and modules counted together.
//
// All isolates start with the same small heap limit, so that spares are equal and a code cache fits every one of them. When V8 nears the
// limit it asks; the guard grants steps up to the script's own limit, and beyond it terminates the running turn and grants headroom
// in which V8 can unwind. What a full collection leaves is compared with the limit too. An ArrayBuffer beyond the limit is
// refused, which JavaScript sees as a RangeError.
//
// Owner:    V8Isolate; the allocator is shared with V8, whose buffers may outlive the isolate.
// Thread:   SetLimit and the callbacks: the isolate's. Allocator: any. exceeded(): any.
// Limits:   kHeapInitialBytes, kHeapHeadroomBytes, kHeapHeadroomStepsMax, kWasmReservedBytesMax.
#pragma once

#include <v8.h>

#include <atomic>
#include <cstddef>
#include <memory>

#include "jsruntime/block_cache.h"
#include "jsruntime/wasm_pages.h"

namespace zts::js {

// Holds the web API and a small function, and is a step of the smallest script limit.
inline constexpr size_t kHeapInitialBytes = size_t{32} << 20;
// The young generation is this many times the nursery: two halves, and the space for large new objects.
inline constexpr size_t kYoungGenerationParts = 3;
// The least that is granted while there is room: a page or two of V8's and its own bookkeeping.
inline constexpr size_t kHeapStepBytesMin = size_t{4} << 20;
// What unwinding may still allocate: one doubling of a large collection. Address space costs nothing; what is touched is freed with
// the isolate.
inline constexpr size_t kHeapHeadroomBytes = size_t{256} << 20;
// A builtin that does not look at the termination may come back for more; after this V8 ends the process.
inline constexpr int kHeapHeadroomStepsMax = 4;

// Addresses that Wasm memories may reserve, eight gigabytes each and sixteen where they are of 64 bits: sixty-odd at once. Those that
// nobody holds are collected before one is refused. A process has 128 TiB.
inline constexpr size_t kWasmReservedBytesMax = size_t{512} << 30;

class QuotaAllocator final : public v8::ArrayBuffer::Allocator, public PageQuota {
 public:
  void* Allocate(size_t length) override;
  void* AllocateUninitialized(size_t length) override;
  void Free(void* data, size_t length) override;
  // A buffer of a larger size could not be within any limit; V8 refuses it without asking.
  size_t MaxAllocationSize() const override { return size_t{1} << 31; }

  size_t used() const { return used_.load(std::memory_order_relaxed); }
  size_t limit() const { return limit_.load(std::memory_order_relaxed); }
  bool HasRoomFor(size_t bytes) const;
  void SetLimit(size_t bytes) { limit_.store(bytes, std::memory_order_relaxed); }
  void SetHeapUsed(size_t bytes) { heap_used_.store(bytes, std::memory_order_relaxed); }

  // For who will be idle: what is kept for the next buffers goes.
  void DropFreeBlocks() { blocks_.Drop(); }

  // Wasm memories, and what Wasm modules are charged.
  bool Take(size_t bytes) override;
  void GiveBack(size_t bytes) override { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  bool Reserve(size_t bytes) override;
  void Unreserve(size_t bytes) override { reserved_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  BlockCache blocks_;
  std::atomic<size_t> used_{0};
  std::atomic<size_t> heap_used_{0};  // as of the last collection
  std::atomic<size_t> limit_{kHeapInitialBytes};
  std::atomic<size_t> reserved_{0};
};

class HeapGuard {
 public:
  HeapGuard() : allocator_(std::make_shared<QuotaAllocator>()) {}

  // `nursery_bytes` as IsolateOptions has it; that V8 keeps it is NurseryFloor's.
  void Configure(v8::Isolate::CreateParams* params, size_t nursery_bytes);
  void Install(v8::Isolate* isolate);
  void SetLimit(size_t memory_bytes_max);

  // The limit was reached; the running turn is being terminated. Stays true.
  bool exceeded() const { return exceeded_.load(std::memory_order_relaxed); }
  const QuotaAllocator& allocator() const { return *allocator_; }
  QuotaAllocator& allocator() { return *allocator_; }
  std::shared_ptr<PageQuota> quota() const { return allocator_; }
  // Whether this much more may be had, measured now: microseconds.
  bool HasRoomFor(size_t bytes) const;

 private:
  void Exceed();
  static size_t OnNearHeapLimit(void* self, size_t current, size_t initial);
  static void OnCollected(v8::Isolate* isolate, v8::GCType type, v8::GCCallbackFlags flags, void* self);

  v8::Isolate* isolate_ = nullptr;
  std::shared_ptr<QuotaAllocator> allocator_;
  std::atomic<bool> exceeded_{false};
  int headroom_steps_ = 0;
};

}  // namespace zts::js
