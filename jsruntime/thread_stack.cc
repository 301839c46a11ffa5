#include "jsruntime/thread_stack.h"

#include <pthread.h>

#include <algorithm>

#include "base/check.h"

namespace zts::js {
namespace {

uintptr_t LowestAddress() {
  pthread_attr_t attributes;
  void* low = nullptr;
  size_t size = 0;
  ZTS_CHECK(pthread_getattr_np(pthread_self(), &attributes) == 0);
  ZTS_CHECK(pthread_attr_getstack(&attributes, &low, &size) == 0);
  pthread_attr_destroy(&attributes);
  return reinterpret_cast<uintptr_t>(low);
}

}  // namespace

uintptr_t ThreadStackLimit() {
  thread_local const uintptr_t lowest = LowestAddress();
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  ZTS_CHECK(here > lowest + 2 * kStackReserveBytes);  // a thread of ours made with too small a stack
  return std::max(lowest + kStackReserveBytes, here - kStackForJavaScriptBytes);
}

}  // namespace zts::js
