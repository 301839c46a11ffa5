#include "jsruntime/invocations.h"

#include <algorithm>
#include <utility>

namespace zts::js {

OwnedRequest::OwnedRequest(const RequestView& from) : view_(from) {
  size_t bytes = from.method.size() + from.authority.size() + from.target.size() + from.body.size() + from.request_id.size();
  for (const HeaderField& field : from.headers) bytes += field.name.size() + field.value.size();
  text_.reserve(bytes);  // so that views into it stay
  const auto keep = [this](std::string_view view) {
    const size_t start = text_.size();
    text_.append(view);
    return std::string_view(text_).substr(start);
  };
  view_.method = keep(from.method);
  view_.scheme = from.scheme == "https" ? "https" : "http";
  view_.authority = keep(from.authority);
  view_.target = keep(from.target);
  view_.body = keep(from.body);
  view_.request_id = keep(from.request_id);
  if (from.stream != nullptr) {
    stream_ = from.stream->shared_from_this();
    view_.stream = stream_.get();
  }
  headers_.reserve(from.headers.size());
  for (const HeaderField& field : from.headers) headers_.push_back({keep(field.name), keep(field.value)});
  view_.headers = headers_;
}

Invocation& InvocationTable::Open(InvocationId id, const RequestView* request) {
  if (size_ * 2 >= ring_.size()) Grow();
  // Long-running invocations may sit where the next serials would go: those serials are left out.
  while (ring_[next_serial_ & (ring_.size() - 1)].serial != 0) ++next_serial_;
  Invocation& entry = ring_[next_serial_ & (ring_.size() - 1)];
  entry.serial = next_serial_++;
  entry.id = id;
  entry.request = request;
  entry.background = 0;
  entry.fetches_begun = 0;
  entry.fetches_open = 0;
  entry.promised = 0;
  entry.abandoned = false;
  entry.answered = false;
  entry.streaming = false;
  entry.pending = false;
  ++size_;
  return entry;
}

Invocation* InvocationTable::FindById(InvocationId id) {
  for (Invocation& entry : ring_) {
    if (entry.serial != 0 && entry.id == id) return &entry;
  }
  return nullptr;
}

Invocation* InvocationTable::FindHooked(InvocationId id) {
  const auto found = hooked_.find(id);
  return found == hooked_.end() ? nullptr : Find(found->second);
}

void InvocationTable::SetHooks(Invocation& entry, std::unique_ptr<InvocationHooks> hooks) {
  entry.hooks = std::move(hooks);
  hooked_[entry.id] = entry.serial;
}

void InvocationTable::DropHooks() {
  for (Invocation& entry : ring_) entry.hooks.reset();
  hooked_.clear();
}

void InvocationTable::Close(Invocation& entry) {
  if (entry.fetches_begun > 0 && on_fetches_left_) on_fetches_left_(entry.serial);
  entry.serial = 0;
  if (entry.request->stream != nullptr) entry.request->stream->Drop();
  entry.request = nullptr;
  if (entry.hooks != nullptr) {
    entry.hooks.reset();
    hooked_.erase(entry.id);
  }
  if (entry.owned != nullptr) entry.owned.reset();
  --size_;
}

std::vector<uint64_t> InvocationTable::Serials() const {
  std::vector<uint64_t> serials;
  for (const Invocation& entry : ring_) {
    if (entry.serial != 0) serials.push_back(entry.serial);
  }
  std::sort(serials.begin(), serials.end());
  return serials;
}

void InvocationTable::Grow() {
  std::vector<Invocation> larger(ring_.size() * 2);
  for (Invocation& entry : ring_) {
    if (entry.serial != 0) larger[entry.serial & (larger.size() - 1)] = std::move(entry);
  }
  ring_ = std::move(larger);
}

}  // namespace zts::js
