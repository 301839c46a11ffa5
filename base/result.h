// Expected failures as values: a Result<T> holds a T or an Error, and must be looked at.
//
//   Result<Port> ParsePort(std::string_view text);
//   ZTS_ASSIGN_OR_RETURN(Port port, ParsePort(text));
//   ZTS_RETURN_IF_ERROR(Listen(port));
//
// Thread:   a value; no sharing.
// Errors:   value() of a failed Result is CHECKed.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.h"

namespace zts {

// What a caller can act upon. The message is for people, and says what to do where something can be done.
enum class ErrorCode {
  kInvalid,       // the input is wrong; the same call fails again
  kNotFound,
  kExists,
  kDenied,        // no permission or no valid token
  kExhausted,     // a limit was reached
  kUnavailable,   // a peer or the system is not there; trying again may help
  kTimeout,
  kAborted,       // given up by somebody's wish
  kCorrupt,       // stored or received bytes are not what was written
  kUnsupported,   // this machine or build cannot
  kInternal,
};

// "invalid", "not_found", ...: stable words for logs and JSON.
std::string_view ErrorCodeName(ErrorCode code);

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;

  // "<what>: <strerror>", with the code that fits the errno value.
  static Error FromErrno(std::string_view what, int error_number = errno);
  // The same error with "<context>: " in front.
  Error Under(std::string_view context) &&;
};

inline Error Invalid(std::string message) { return {ErrorCode::kInvalid, std::move(message)}; }
inline Error NotFound(std::string message) { return {ErrorCode::kNotFound, std::move(message)}; }
inline Error Unavailable(std::string message) { return {ErrorCode::kUnavailable, std::move(message)}; }
inline Error Internal(std::string message) { return {ErrorCode::kInternal, std::move(message)}; }

template <typename T>
class [[nodiscard]] Result {
 public:
  using Value = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: meant to convert
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT
  template <typename U, typename = std::enable_if_t<std::is_convertible_v<U&&, T> &&
                                                    !std::is_same_v<std::decay_t<U>, Result> &&
                                                    !std::is_same_v<std::decay_t<U>, Error> &&
                                                    !std::is_same_v<std::decay_t<U>, T>>>
  Result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    ZTS_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    ZTS_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    ZTS_CHECK(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    ZTS_CHECK(!ok());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    ZTS_CHECK(!ok());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : failed_(true), error_(std::move(error)) {}  // NOLINT: meant to convert

  bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const& {
    ZTS_CHECK(failed_);
    return error_;
  }
  Error&& error() && {
    ZTS_CHECK(failed_);
    return std::move(error_);
  }

 private:
  bool failed_ = false;
  Error error_;
};

using Status = Result<void>;

}  // namespace zts

#define ZTS_CONCAT_INNER(a, b) a##b
#define ZTS_CONCAT(a, b) ZTS_CONCAT_INNER(a, b)

#define ZTS_RETURN_IF_ERROR(expression)                                   \
  do {                                                                    \
    if (auto zts_status = (expression); !zts_status.ok())                 \
      return std::move(zts_status).error();                               \
  } while (false)

#define ZTS_ASSIGN_OR_RETURN_INNER(temporary, lhs, expression)            \
  auto temporary = (expression);                                          \
  if (!temporary.ok()) return std::move(temporary).error();               \
  lhs = std::move(temporary).value()

#define ZTS_ASSIGN_OR_RETURN(lhs, expression) \
  ZTS_ASSIGN_OR_RETURN_INNER(ZTS_CONCAT(zts_result_, __LINE__), lhs, expression)
