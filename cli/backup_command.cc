// ztsctl backup and restore: the whole control plane in one file, and out of it again.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/archive.h"
#include "base/file.h"
#include "base/unique_fd.h"
#include "cli/admin_client.h"
#include "cli/admin_commands.h"
#include "cli/text.h"

namespace zts::cli {
namespace {

namespace fs = std::filesystem;

Status WriteAll(int fd, const std::string& path, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error::FromErrno("write " + path);
    content.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

// Beside the file until it is whole; a backup that is there is one that can be restored.
class FileInTheMaking {
 public:
  explicit FileInTheMaking(const std::string& path) : path_(path), temporary_(path + ".part") {}
  ~FileInTheMaking() {
    if (!done_ && fd_.valid()) ::unlink(temporary_.c_str());
  }
  Status Begin() {
    fd_ = UniqueFd(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd_.valid()) return Error::FromErrno("create " + temporary_);
    return {};
  }
  Status Add(std::string_view piece) { return WriteAll(fd_.get(), temporary_, piece); }
  Status Finish() {
    if (::fsync(fd_.get()) != 0) return Error::FromErrno("fsync " + temporary_);
    ZTS_RETURN_IF_ERROR(VerifyArchive(temporary_));
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return Error::FromErrno("rename " + temporary_);
    done_ = true;
    return {};
  }

 private:
  const std::string path_;
  const std::string temporary_;
  UniqueFd fd_;
  bool done_ = false;
};

Status CheckEmpty(const std::string& folder) {
  std::error_code error;
  if (!fs::exists(folder, error)) return {};
  if (!fs::is_directory(folder, error)) return Error{ErrorCode::kExists, folder + " is no folder"};
  if (!fs::is_empty(folder, error) || error) {
    return Error{ErrorCode::kExists, folder +
        " is not empty, and a restore overwrites nothing; name another folder with --data-dir, or move this one away"};
  }
  return {};
}

// The store appears in one step, so that a restore that is interrupted leaves nothing that looks like one.
Status RestoreInto(const RestoreOptions& options, const std::string& folder) {
  ZTS_RETURN_IF_ERROR(CheckEmpty(folder));
  std::string key;
  if (!options.secret_key_file.empty()) {
    ZTS_ASSIGN_OR_RETURN(key, ReadFile(options.secret_key_file, size_t{64} << 10));
  }
  ZTS_RETURN_IF_ERROR(VerifyArchive(options.file));
  const std::string target = options.bare ? folder : folder + "/controller";
  const std::string temporary = options.bare ? folder + ".restoring" : folder + "/restoring";
  ZTS_RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  std::error_code ignored;
  fs::remove_all(temporary, ignored);
  if (Status extracted = ExtractArchive(options.file, temporary); !extracted.ok()) {
    fs::remove_all(temporary, ignored);
    return extracted;
  }
  if (!key.empty()) {
    ZTS_RETURN_IF_ERROR(WriteFileAtomically(options.bare ? folder + ".secret-key" : folder + "/secret.key", key, 0600));
  }
  if (::rename(temporary.c_str(), target.c_str()) != 0) return Error::FromErrno("rename " + temporary);
  const UniqueFd parent(::open(fs::path(target).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent.valid() || ::fsync(parent.get()) != 0) return Error::FromErrno("fsync the folder of " + target);
  return {};
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

}  // namespace

ExitCode Backup(Context& context, const std::string& file) {
  Console& console = context.console;
  const Result<Endpoint> endpoint = FindController(context.data_dir_flag, context.env);
  if (!endpoint.ok()) return console.Fail(FailureOf(endpoint.error(), DataDirectory(context.data_dir_flag, context.env)));
  FileInTheMaking target(file);
  if (const Status begun = target.Begin(); !begun.ok()) return console.Fail(FailureOf(begun.error(), ""));
  AdminClient client(*endpoint);
  uint64_t written = 0;
  const auto info = client.Backup([&](std::string_view piece) {
    written += piece.size();
    console.Progress("received " + FormatBytes(written));
    return target.Add(piece);
  });
  console.ClearProgress();
  if (!info.ok()) return console.Fail(FailureOf(info.error(), endpoint->data_dir));
  if (const Status finished = target.Finish(); !finished.ok()) return console.Fail(FailureOf(finished.error(), ""));
  if (console.json()) {
    console.PrintJson({{"file", file}, {"bytes", info->bytes}, {"catalog_version", info->catalog_version}, {"functions", info->functions},
                       {"secret_key_ids", info->secret_key_ids}});
    return ExitCode::kOk;
  }
  console.out() << file << ": " << info->functions << " functions, catalog " << info->catalog_version << ", " << FormatBytes(info->bytes)
                << std::endl;
  if (!info->secret_key_ids.empty()) {
    console.Note("secrets in it are encrypted under key " + Joined(info->secret_key_ids) +
        ", which is not in it: keep the key file elsewhere");
  }
  return ExitCode::kOk;
}

ExitCode Restore(Context& context, const RestoreOptions& options) {
  Console& console = context.console;
  const std::string folder = DataDirectory(context.data_dir_flag, context.env);
  if (const Status restored = RestoreInto(options, folder); !restored.ok()) {
    return console.Fail({ExitCode::kFailed, std::string(ErrorCodeName(restored.error().code)), restored.error().message, "", {}});
  }
  if (console.json()) {
    console.PrintJson({{"file", options.file}, {"data_dir", folder}});
  } else if (options.bare) {
    console.out() << options.file << " is restored to " << folder << "; start it with: zts-controller --data-dir " << folder << std::endl;
  } else {
    console.out() << options.file << " is restored to " << folder << "; start it with: ztsctl up --data-dir " << folder << std::endl;
  }
  return ExitCode::kOk;
}

}  // namespace zts::cli
