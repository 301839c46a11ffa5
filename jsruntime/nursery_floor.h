// Has V8 keep an isolate's nursery at a size, for as long as the isolate lives.
//
// By itself V8 shrinks a nursery to a megabyte in every collection that is to give memory back, and in every one at all where little is
// allocated (below a megabyte a second); it grows again only with what survives. The constraint for its initial size is where it begins,
// not where shrinking ends: for that V8 has a flag of the process alone, which it reads while it makes an isolate. The flag is set for as
// long as a floor stands, and no other thread makes an isolate meanwhile. V8 leaves it out of the tag that code caches are checked by.
//
// Owner:    whoever makes an isolate, on the stack around v8::Isolate::Initialize or v8::SnapshotCreator's constructor.
// Thread:   any. Those without a size stand beside each other; one with a size stands alone: half a millisecond.
// Limits:   V8 counts the flag in MiB: the size is rounded up to that, and down to the maximum that the isolate is made with.
// Needs:    V8's --no-freeze-flags-after-init, which is Node's default.
#pragma once

#include <cstddef>
#include <mutex>
#include <shared_mutex>

namespace zts::js {

class NurseryFloor {
 public:
  // 0: V8 may shrink it.
  explicit NurseryFloor(size_t nursery_bytes);
  ~NurseryFloor();
  NurseryFloor(const NurseryFloor&) = delete;
  NurseryFloor& operator=(const NurseryFloor&) = delete;

 private:
  std::shared_lock<std::shared_mutex> beside_;
  std::unique_lock<std::shared_mutex> alone_;
};

}  // namespace zts::js
