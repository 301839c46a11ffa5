// A request and its response as they cross from a shard to an offload thread and back: copies, so that neither looks into the other's
// memory.
//
// Owner:    shared (AwayRequestPtr) by the link on the shard and the host on the offload thread.
// Thread:   what is set at construction: any. Other members: as they say.
// Limits:   a head and what came with it of the body; a body that streams passes through a window (kBodyWindowBytes).
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/header_field.h"
#include "base/slot_map.h"
#include "jsruntime/isolate.h"
#include "worker/engine/runtime/request_id.h"
#include "worker/engine/runtime/target.h"

namespace zts::offload {

// Text whose pieces stay at their addresses: as much as was reserved, and no more.
class TextBlock {
 public:
  explicit TextBlock(size_t bytes) { text_.reserve(bytes); }
  TextBlock(const TextBlock&) = delete;
  TextBlock& operator=(const TextBlock&) = delete;
  // REQUIRES: it fits.
  std::string_view Add(std::string_view piece);

 private:
  std::string text_;
};

struct AwayRequest {
  enum class Body : uint8_t { kWhole, kStreams };
  AwayRequest(runtime::Ticket ticket, runtime::Target target, const js::RequestView& request, Body body);

  const runtime::Ticket ticket;
  const runtime::Target target;
  const bool streams;            // the rest of its body follows
  TextBlock text;
  std::vector<HeaderField> headers;
  js::RequestView view;          // into text and headers; the host points `stream` to a body of its own

  // Until it begins it waits at one offload thread, and may be passed on to another, or be withdrawn: who of the two ends is first
  // decides, and is told. Any thread.
  void WaitAt(uint32_t at) { stage_.store(at, std::memory_order_release); }
  bool Begin(uint32_t at) { return Change(at, at | kBegun); }
  bool PassOn(uint32_t from, uint32_t to) { return Change(from, to); }
  bool Withdraw(uint32_t at) { return Change(at, kWithdrawn); }
  bool BegunAt(uint32_t at) const { return stage_.load(std::memory_order_acquire) == (at | kBegun); }

  // The near end's own.
  uint32_t thread = 0;           // where it waits or has begun
  uint64_t order = 0;            // of its coming
  // Set by the near end; where it begins that is looked at, and the peer's end is told once.
  std::atomic<bool> peer_finished{false};
  // The host's own.
  SlotId slot;
  bool told_finished = false;

 private:
  static constexpr uint32_t kBegun = 1u << 31, kWithdrawn = UINT32_MAX;
  bool Change(uint32_t from, uint32_t to) { return stage_.compare_exchange_strong(from, to, std::memory_order_acq_rel); }
  std::atomic<uint32_t> stage_{0};
};
using AwayRequestPtr = std::shared_ptr<AwayRequest>;

// A response taken along.
class AwayResponse final : public js::ResponseView {
 public:
  // A body beyond kResponseBodyBytesMax is not copied: it is refused by its length.
  explicit AwayResponse(const js::ResponseView& response);

  Form form() const override { return form_; }
  std::optional<uint64_t> declared_length() const override { return declared_length_; }
  int status() const override { return status_; }
  std::span<const HeaderField> headers() const override { return headers_; }
  size_t body_bytes() const override { return body_bytes_; }
  void CopyBody(char* out) const override;
  std::string_view BorrowBody() const override { return body_; }

 private:
  const Form form_;
  const std::optional<uint64_t> declared_length_;
  const int status_;
  TextBlock text_;
  std::vector<HeaderField> headers_;
  const size_t body_bytes_;
  std::string body_;
};

}  // namespace zts::offload
