// Tells the isolate's client of each pause that a collection of garbage was to the isolate's thread.
//
// V8 works beside the thread as far as it can; what is told is the time between its prologue and its epilogue, in which JavaScript stands
// still. Collections before Attach are part of the load's evaluate time and are not told.
//
// Owner:    V8Isolate.
// Thread:   the isolate's.
// Life:     goes after the V8 isolate: V8 calls it until then. The client outlives the attachment.
#pragma once

#include <v8.h>

#include "base/clock.h"
#include "jsruntime/isolate.h"

namespace zts::js {

class GcMonitor {
 public:
  void Install(v8::Isolate* isolate);
  void set_client(IsolateClient* client) { client_ = client; }
  // What the collections from here on interrupt.
  void set_during(GcDuring during) { during_ = during; }
  // Collections so far, told or not.
  uint64_t count() const { return count_; }

 private:
  static void OnBegin(v8::Isolate* isolate, v8::GCType type, v8::GCCallbackFlags flags, void* self);
  static void OnEnd(v8::Isolate* isolate, v8::GCType type, v8::GCCallbackFlags flags, void* self);

  IsolateClient* client_ = nullptr;
  GcDuring during_ = GcDuring::kTurn;
  int depth_ = 0;  // a collection's callbacks may allocate, and so begin another
  Nanos began_ = 0;
  uint64_t count_ = 0;
};

}  // namespace zts::js
