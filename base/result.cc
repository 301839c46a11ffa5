#include "base/result.h"

namespace zts {

std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid: return "invalid";
    case ErrorCode::kNotFound: return "not_found";
    case ErrorCode::kExists: return "exists";
    case ErrorCode::kDenied: return "denied";
    case ErrorCode::kExhausted: return "exhausted";
    case ErrorCode::kUnavailable: return "unavailable";
    case ErrorCode::kTimeout: return "timeout";
    case ErrorCode::kAborted: return "aborted";
    case ErrorCode::kCorrupt: return "corrupt";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kInternal: return "internal";
  }
  return "unknown";
}

namespace {

ErrorCode CodeOfErrno(int error_number) {
  switch (error_number) {
    case ENOENT: return ErrorCode::kNotFound;
    case EEXIST: case EADDRINUSE: return ErrorCode::kExists;
    case EACCES: case EPERM: return ErrorCode::kDenied;
    case ENOSPC: case EDQUOT: case EMFILE: case ENFILE: case ENOMEM: case ENOBUFS: return ErrorCode::kExhausted;
    case EINVAL: case ENAMETOOLONG: case ENOTDIR: case EISDIR: return ErrorCode::kInvalid;
    case ETIMEDOUT: return ErrorCode::kTimeout;
    case ENOSYS: case EOPNOTSUPP: return ErrorCode::kUnsupported;
    case EAGAIN: case ECONNREFUSED: case ECONNRESET: case EPIPE: case EINTR: return ErrorCode::kUnavailable;
    default: return ErrorCode::kInternal;
  }
}

}  // namespace

Error Error::FromErrno(std::string_view what, int error_number) {
  std::string message(what);
  message += ": ";
  message += std::strerror(error_number);
  return {CodeOfErrno(error_number), std::move(message)};
}

Error Error::Under(std::string_view context) && {
  message.insert(0, ": ");
  message.insert(0, context);
  return std::move(*this);
}

}  // namespace zts
