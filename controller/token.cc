#include "controller/token.h"

#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/file.h"
#include "base/sha256.h"

namespace zts::controller {
namespace {

// 32 random bytes in hex; shorter ones made by hand are accepted down to 128 bits of the same.
constexpr size_t kTokenBytesMin = 32;
constexpr size_t kTokenBytesMax = 512;

Result<std::string> NewToken() {
  Digest bytes;
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return Error::FromErrno("getrandom");
  return ToHex(bytes);
}

}  // namespace

Result<std::string> LoadOrCreateToken(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) return Error::FromErrno("token file " + path);
    ZTS_ASSIGN_OR_RETURN(const std::string token, NewToken());
    ZTS_RETURN_IF_ERROR(WriteFileAtomically(path, token + "\n", 0600));
    return token;
  }
  if ((info.st_mode & 077) != 0) {
    return Error{ErrorCode::kDenied, "token file " + path + " can be read by others; run: chmod 600 " + path};
  }
  ZTS_ASSIGN_OR_RETURN(std::string token, ReadFile(path, 4096));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  const bool printable = std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (token.size() < kTokenBytesMin || token.size() > kTokenBytesMax || !printable) {
    return Invalid("token file " + path + " must hold one line of " + std::to_string(kTokenBytesMin) + " to " +
                   std::to_string(kTokenBytesMax) + " printable characters; remove it to get a new one");
  }
  return token;
}

}  // namespace zts::controller
