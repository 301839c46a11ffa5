#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <filesystem>

namespace zts {
namespace {

Status WriteAll(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error::FromErrno("write " + path);
    content.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

}  // namespace

Result<std::string> ReadFile(const std::string& path, size_t bytes_max) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Error::FromErrno("open " + path);
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return Error::FromErrno("stat " + path);
  if (S_ISDIR(info.st_mode)) return Invalid(path + " is a directory; name a file");
  std::string content;
  char buffer[64 * 1024];
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::FromErrno("read " + path);
    if (got == 0) return content;
    if (content.size() + static_cast<size_t>(got) > bytes_max) {
      return Error{ErrorCode::kExhausted, path + " is larger than " + std::to_string(bytes_max) + " bytes"};
    }
    content.append(buffer, static_cast<size_t>(got));
  }
}

Status WriteFileAtomically(const std::string& path, std::string_view content, int mode) {
  const std::string temporary = path + ".new." + std::to_string(::getpid());
  {
    UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (!fd.valid()) return Error::FromErrno("create " + temporary);
    Status written = WriteAll(fd.get(), content, temporary);
    if (written.ok() && ::fsync(fd.get()) != 0) written = Error::FromErrno("fsync " + temporary);
    if (!written.ok()) {
      ::unlink(temporary.c_str());
      return written;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    Error error = Error::FromErrno("rename " + temporary);
    ::unlink(temporary.c_str());
    return error;
  }
  const std::string folder = std::filesystem::path(path).parent_path().string();
  UniqueFd directory(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid() || ::fsync(directory.get()) != 0) return Error::FromErrno("fsync the folder of " + path);
  return {};
}

Status MakeDirectories(const std::string& path, int mode) {
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) return Error::FromErrno("mkdir " + part);
    if (end == std::string::npos) break;
  }
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return Error::FromErrno("stat " + path);
  if (!S_ISDIR(info.st_mode)) return Invalid(path + " is not a directory");
  return {};
}

Result<UniqueFd> MakeSealedMemfd(const char* name, std::string_view content) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return Error::FromErrno("memfd_create");
  ZTS_RETURN_IF_ERROR(WriteAll(fd.get(), content, name));
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return Error::FromErrno("seal a memory file");
  }
  return fd;
}

Result<std::string> ExecutableDirectory() {
  char path[4096];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path - 1);
  if (length < 0) return Error::FromErrno("readlink /proc/self/exe");
  return std::filesystem::path(std::string(path, static_cast<size_t>(length))).parent_path().string();
}

}  // namespace zts
