#include "jsruntime/gc_monitor.h"

namespace zts::js {
namespace {

constexpr auto kMinor = static_cast<v8::GCType>(v8::kGCTypeScavenge | v8::kGCTypeMinorMarkSweep);

}  // namespace

void GcMonitor::Install(v8::Isolate* isolate) {
  isolate->AddGCPrologueCallback(OnBegin, this, v8::kGCTypeAll);
  isolate->AddGCEpilogueCallback(OnEnd, this, v8::kGCTypeAll);
}

void GcMonitor::OnBegin(v8::Isolate*, v8::GCType, v8::GCCallbackFlags, void* self) {
  auto* monitor = static_cast<GcMonitor*>(self);
  if (monitor->depth_++ == 0) monitor->began_ = SystemClock().Now();
}

void GcMonitor::OnEnd(v8::Isolate*, v8::GCType type, v8::GCCallbackFlags, void* self) {
  auto* monitor = static_cast<GcMonitor*>(self);
  if (--monitor->depth_ > 0) return;
  ++monitor->count_;
  if (monitor->client_ == nullptr) return;
  const GcKind kind = (type & kMinor) != 0 ? GcKind::kMinor : GcKind::kMajor;
  monitor->client_->OnGarbageCollected(kind, monitor->during_, SystemClock().Now() - monitor->began_);
}

}  // namespace zts::js
