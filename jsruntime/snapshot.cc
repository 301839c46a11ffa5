#include "jsruntime/snapshot.h"

#include <utility>

#include "base/file.h"
#include "jsruntime/artifact_key.h"

namespace zts::js {
namespace {

// "zts-snapshot-1\n" key "\n" padding blob. V8 reads words from the blob: it starts at a multiple of 64.
constexpr std::string_view kMagic = "zts-snapshot-1\n";
constexpr size_t kAlignment = 64;

std::string Head() {
  std::string head(kMagic);
  head += ArtifactKey();
  head += '\n';
  head.resize((head.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  return head;
}

}  // namespace

std::string Snapshot::Encode(std::string_view blob) { return Head().append(blob); }

Snapshot::Snapshot(std::unique_ptr<std::string> file, size_t blob_start)
    : file_(std::move(file)),
      data_{file_->data() + blob_start, static_cast<int>(file_->size() - blob_start)} {}

Result<Snapshot> Snapshot::Load(const std::string& path) {
  ZTS_ASSIGN_OR_RETURN(std::string file, ReadFile(path));
  const std::string head = Head();
  if (file.compare(0, kMagic.size(), kMagic) != 0) {
    return Error{ErrorCode::kCorrupt, path + " is not a snapshot of zts; build it again (make build)"};
  }
  if (file.compare(0, head.size(), head) != 0 || file.size() == head.size()) {
    return Error{ErrorCode::kUnsupported,
                 path + " was made by another host binary or with other V8 flags than this process has; this process is " +
                     ArtifactKey() + ". Build it again (make build) and start with the flags of v8_flags.txt"};
  }
  Snapshot snapshot(std::make_unique<std::string>(std::move(file)), head.size());
  if (!snapshot.data_.IsValid()) return Error{ErrorCode::kCorrupt, path + " is no valid V8 snapshot; build it again"};
  return snapshot;
}

}  // namespace zts::js
