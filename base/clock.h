// Time as a thing passed in: the monotonic clock, and a fake of it that only moves when told.
//
// Units:    nanoseconds since an arbitrary start (CLOCK_MONOTONIC), and since 1970 for wall time.
// Thread:   SystemClock: any. FakeClock: one thread.
#pragma once

#include <cstdint>

namespace zts {

using Nanos = int64_t;

inline constexpr Nanos kMicrosecond = 1'000;
inline constexpr Nanos kMillisecond = 1'000'000;
inline constexpr Nanos kSecond = 1'000'000'000;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Nanos Now() const = 0;       // monotonic
  virtual Nanos WallNow() const = 0;   // since 1970-01-01T00:00:00Z
};

class SystemClock final : public Clock {
 public:
  Nanos Now() const override;
  Nanos WallNow() const override;
};

// CPU time this thread has used so far (CLOCK_THREAD_CPUTIME_ID); about 0.4 us a call.
Nanos ThreadCpuNow();

class FakeClock final : public Clock {
 public:
  explicit FakeClock(Nanos start = kSecond) : now_(start) {}
  Nanos Now() const override { return now_; }
  Nanos WallNow() const override { return kWallStart + now_; }
  void Advance(Nanos by) { now_ += by; }

 private:
  static constexpr Nanos kWallStart = 1'700'000'000 * kSecond;
  Nanos now_;
};

}  // namespace zts
