#include "worker/supervisor/data_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>

#include <algorithm>

#include "base/file.h"

namespace zts::supervisor {
namespace {

constexpr size_t kIdDigits = 8;

bool IsId(const std::string& text) {
  return text.size() == kIdDigits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Result<std::string> NewId() {
  unsigned char random[kIdDigits / 2];
  if (::getrandom(random, sizeof random, 0) != sizeof random) return Error::FromErrno("getrandom");
  constexpr char kHex[] = "0123456789abcdef";
  std::string id;
  for (unsigned char byte : random) {
    id += kHex[byte >> 4];
    id += kHex[byte & 15];
  }
  return id;
}

Result<std::string> ReadOrMakeId(const std::string& path) {
  auto stored = ReadFile(path, 64);
  if (stored.ok()) {
    while (!stored->empty() && stored->back() == '\n') stored->pop_back();
    if (IsId(*stored)) return std::move(*stored);
  } else if (stored.error().code != ErrorCode::kNotFound) {
    return std::move(stored).error();
  }
  ZTS_ASSIGN_OR_RETURN(std::string id, NewId());
  ZTS_RETURN_IF_ERROR(WriteFileAtomically(path, id + "\n"));
  return id;
}

}  // namespace

Result<DataDir> DataDir::Open(const std::string& path) {
  // Functions' code and environment are nobody else's business.
  ZTS_RETURN_IF_ERROR(MakeDirectories(path, 0700));
  const std::string lock_path = path + "/lock";
  UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) return Error::FromErrno("open " + lock_path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Error::FromErrno("lock " + lock_path);
    return Error{ErrorCode::kExists, "another zts-worker is using " + path +
                                         "; end it first, take its place with --takeover, or give this one a folder of its own with "
                                         "--data-dir"};
  }
  return Adopt(path, std::move(lock));
}

Result<DataDir> DataDir::Adopt(const std::string& path, UniqueFd lock) {
  ZTS_ASSIGN_OR_RETURN(std::string id, ReadOrMakeId(path + "/worker-id"));
  return DataDir(path, std::move(lock), std::move(id));
}

// The lock is of the open file, not of the process: it lasts until the last duplicate is closed.
Result<UniqueFd> DataDir::DuplicateLock() const {
  UniqueFd copy(::fcntl(lock_.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return Error::FromErrno("duplicate the lock of " + path_);
  return copy;
}

}  // namespace zts::supervisor
