// ZTS_CHECK ends the process when our own reasoning was wrong; ZTS_DCHECK does so in debug builds only.
//
// Never for what comes from outside: input, peers, disks and tenants have Result and Outcome.
//
// Thread:   any.
#pragma once

namespace zts {

// Prints the message with its place to stderr and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* expression);

}  // namespace zts

#define ZTS_CHECK(expression)                                        \
  do {                                                               \
    if (__builtin_expect(!(expression), 0))                          \
      ::zts::CheckFailed(__FILE__, __LINE__, #expression);           \
  } while (false)

#ifdef NDEBUG
#define ZTS_DCHECK(expression) \
  do {                         \
  } while (false && (expression))
#else
#define ZTS_DCHECK(expression) ZTS_CHECK(expression)
#endif
