#include "base/archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/file.h"
#include "base/sha256.h"
#include "base/unique_fd.h"

namespace zts {
namespace {

constexpr std::string_view kMagic = "zts-backup-1\n";
constexpr size_t kPieceBytes = size_t{1} << 20;
constexpr size_t kDigestBytes = sizeof(Digest);

struct Member {
  std::string name;
  uint64_t bytes = 0;
};

bool IsPlainName(std::string_view name) {
  if (name.empty() || name.size() > kArchiveNameBytesMax || name.front() == '.') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  });
}

std::string Number(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i & 0xff);
  return text;
}

Result<std::vector<Member>> MembersOf(const std::string& folder) {
  std::vector<Member> members;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_regular_file(error) || !IsPlainName(name)) return Invalid(folder + "/" + name + " cannot be part of an archive");
    members.push_back({name, entry.file_size(error)});
    if (error) break;
  }
  if (error) return Internal(folder + ": " + error.message());
  if (members.size() > kArchiveFilesMax) return Error{ErrorCode::kExhausted, folder + " has too many files for an archive"};
  std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.name < b.name; });
  return members;
}

// All of it, piece by piece; exactly `bytes`.
Status CopyOut(const std::string& path, uint64_t bytes, const std::function<Status(std::string_view)>& sink) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Error::FromErrno("open " + path);
  std::string piece(kPieceBytes, '\0');
  while (bytes > 0) {
    const ssize_t got = ::read(fd.get(), piece.data(), std::min<uint64_t>(bytes, kPieceBytes));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::FromErrno("read " + path);
    if (got == 0) return Error{ErrorCode::kCorrupt, path + " became shorter while it was read"};
    ZTS_RETURN_IF_ERROR(sink(std::string_view(piece.data(), static_cast<size_t>(got))));
    bytes -= static_cast<uint64_t>(got);
  }
  return {};
}

// Reads an archive from its start, hashing what it reads.
class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  Status Begin() {
    fd_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd_.valid()) return Error::FromErrno("open " + path_);
    ZTS_ASSIGN_OR_RETURN(const std::string magic, Take(kMagic.size()));
    if (magic != kMagic) return Error{ErrorCode::kCorrupt, path_ + " is no backup of zts"};
    return {};
  }

  // An empty name after the last one.
  Result<Member> Next() {
    if (++members_ > kArchiveFilesMax + 1) return Damaged();
    ZTS_ASSIGN_OR_RETURN(const uint64_t length, TakeNumber(4));
    if (length == 0) return Member{};
    if (length > kArchiveNameBytesMax) return Damaged();
    Member member;
    ZTS_ASSIGN_OR_RETURN(member.name, Take(length));
    if (!IsPlainName(member.name)) return Damaged();
    ZTS_ASSIGN_OR_RETURN(member.bytes, TakeNumber(8));
    return member;
  }

  Status Content(uint64_t bytes, const std::function<Status(std::string_view)>& sink) {
    while (bytes > 0) {
      ZTS_ASSIGN_OR_RETURN(const std::string piece, Take(std::min<uint64_t>(bytes, kPieceBytes)));
      ZTS_RETURN_IF_ERROR(sink(piece));
      bytes -= piece.size();
    }
    return {};
  }

  Status End() {
    const Digest hash = hash_.Finish();
    ended_ = true;
    ZTS_ASSIGN_OR_RETURN(const std::string said, Take(kDigestBytes));
    char more = 0;
    if (!std::equal(hash.begin(), hash.end(), reinterpret_cast<const uint8_t*>(said.data())) || ::read(fd_.get(), &more, 1) != 0) {
      return Damaged();
    }
    return {};
  }

 private:
  Error Damaged() const { return {ErrorCode::kCorrupt, path_ + " is damaged or was cut short; use another backup"}; }

  Result<std::string> Take(size_t bytes) {
    std::string text(bytes, '\0');
    for (size_t have = 0; have < bytes;) {
      const ssize_t got = ::read(fd_.get(), text.data() + have, bytes - have);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Error::FromErrno("read " + path_);
      if (got == 0) return Damaged();
      have += static_cast<size_t>(got);
    }
    if (!ended_) hash_.Update(text);
    return text;
  }
  Result<uint64_t> TakeNumber(int bytes) {
    ZTS_ASSIGN_OR_RETURN(const std::string text, Take(static_cast<size_t>(bytes)));
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(text[static_cast<size_t>(i)]);
    return value;
  }

  const std::string path_;
  UniqueFd fd_;
  Sha256 hash_;
  bool ended_ = false;
  size_t members_ = 0;
};

Status WriteAll(int fd, const std::string& path, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error::FromErrno("write " + path);
    content.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Status Flush(const std::string& path, int fd) {
  if (::fsync(fd) != 0) return Error::FromErrno("fsync " + path);
  return {};
}

}  // namespace

Result<uint64_t> ArchiveBytes(const std::string& folder) {
  ZTS_ASSIGN_OR_RETURN(const std::vector<Member> members, MembersOf(folder));
  uint64_t bytes = kMagic.size() + 4 + kDigestBytes;
  for (const Member& member : members) bytes += 4 + member.name.size() + 8 + member.bytes;
  return bytes;
}

Status WriteArchive(const std::string& folder, const std::function<Status(std::string_view)>& sink) {
  ZTS_ASSIGN_OR_RETURN(const std::vector<Member> members, MembersOf(folder));
  Sha256 hash;
  const auto put = [&](std::string_view piece) {
    hash.Update(piece);
    return sink(piece);
  };
  ZTS_RETURN_IF_ERROR(put(kMagic));
  for (const Member& member : members) {
    ZTS_RETURN_IF_ERROR(put(Number(member.name.size(), 4) + member.name + Number(member.bytes, 8)));
    ZTS_RETURN_IF_ERROR(CopyOut(folder + "/" + member.name, member.bytes, put));
  }
  ZTS_RETURN_IF_ERROR(put(Number(0, 4)));
  const Digest digest = hash.Finish();
  return sink({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

Status VerifyArchive(const std::string& path) {
  Reader reader(path);
  ZTS_RETURN_IF_ERROR(reader.Begin());
  while (true) {
    ZTS_ASSIGN_OR_RETURN(const Member member, reader.Next());
    if (member.name.empty()) return reader.End();
    ZTS_RETURN_IF_ERROR(reader.Content(member.bytes, [](std::string_view) -> Status { return {}; }));
  }
}

Status ExtractArchive(const std::string& path, const std::string& folder) {
  ZTS_RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  Reader reader(path);
  ZTS_RETURN_IF_ERROR(reader.Begin());
  while (true) {
    ZTS_ASSIGN_OR_RETURN(const Member member, reader.Next());
    if (member.name.empty()) break;
    const std::string to = folder + "/" + member.name;
    const UniqueFd fd(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd.valid()) return Error::FromErrno("create " + to);
    ZTS_RETURN_IF_ERROR(reader.Content(member.bytes, [&](std::string_view piece) { return WriteAll(fd.get(), to, piece); }));
    ZTS_RETURN_IF_ERROR(Flush(to, fd.get()));
  }
  ZTS_RETURN_IF_ERROR(reader.End());
  const UniqueFd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return Error::FromErrno("open " + folder);
  return Flush(folder, directory.get());
}

}  // namespace zts
