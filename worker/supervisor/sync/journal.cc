#include "worker/supervisor/sync/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/file.h"

namespace zts::supervisor {
namespace {

constexpr std::string_view kMagic = "zts-journal-1\n";
constexpr size_t kLengthBytes = 4;
constexpr size_t kHeaderBytes = kLengthBytes + sizeof(Digest);

std::string_view BytesOf(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

Digest Chain(const Digest& before, std::string_view content) {
  Sha256 hash;
  hash.Update(BytesOf(before));
  hash.Update(content);
  return hash.Finish();
}

void PutLength(uint32_t length, std::string& out) {
  for (size_t i = 0; i < kLengthBytes; ++i) out.push_back(static_cast<char>(length >> (8 * i)));
}

uint32_t LengthOf(std::string_view header) {
  uint32_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) length |= uint32_t{static_cast<uint8_t>(header[i])} << (8 * i);
  return length;
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::Open(const std::string& path, const Digest& seed,
                                               const std::function<bool(std::string_view)>& visit) {
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file.valid()) return Error::FromErrno("open " + path);
  ZTS_ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  std::unique_ptr<Journal> journal(new Journal(path, std::move(file), seed));
  journal->Replay(content, visit);
  // What is left of a torn write would hide whatever is added after it.
  if (content.size() > journal->bytes_ && ::ftruncate(journal->file_.get(), static_cast<off_t>(journal->bytes_)) != 0) {
    return Error::FromErrno("shorten " + path);
  }
  if (journal->bytes_ == 0) {
    ZTS_RETURN_IF_ERROR(journal->WriteAll(kMagic));
  }
  return journal;
}

void Journal::Replay(std::string_view content, const std::function<bool(std::string_view)>& visit) {
  if (!content.starts_with(kMagic)) return;
  bytes_ = kMagic.size();
  while (content.size() - bytes_ >= kHeaderBytes) {
    const std::string_view rest = content.substr(bytes_);
    const size_t length = LengthOf(rest);
    if (length > kRecordBytesMax || rest.size() - kHeaderBytes < length) return;
    const std::string_view record = rest.substr(kHeaderBytes, length);
    const Digest digest = Chain(last_, record);
    if (rest.substr(kLengthBytes, digest.size()) != BytesOf(digest) || !visit(record)) return;
    last_ = digest;
    bytes_ += kHeaderBytes + length;
  }
}

// All of it or nothing.
Status Journal::WriteAll(std::string_view bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t written = ::write(file_.get(), bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      Error error = Error::FromErrno("write " + path_);
      broken_ = done > 0 && ::ftruncate(file_.get(), static_cast<off_t>(bytes_)) != 0;
      return error;
    }
    done += static_cast<size_t>(written);
  }
  bytes_ += bytes.size();
  return {};
}

Status Journal::Append(std::string_view content) {
  ZTS_CHECK(content.size() <= kRecordBytesMax);
  if (broken_) return Error{ErrorCode::kUnavailable, path_ + " could not be mended after a write that failed"};
  const Digest digest = Chain(last_, content);
  std::string record;
  record.reserve(kHeaderBytes + content.size());
  PutLength(static_cast<uint32_t>(content.size()), record);
  record += BytesOf(digest);
  record += content;
  ZTS_RETURN_IF_ERROR(WriteAll(record));
  last_ = digest;
  return {};
}

Status Journal::Sync() {
  if (::fdatasync(file_.get()) != 0) return Error::FromErrno("fdatasync " + path_);
  return {};
}

}  // namespace zts::supervisor
