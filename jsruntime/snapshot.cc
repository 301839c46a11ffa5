#include "jsruntime/snapshot.h"

#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/file.h"
#include "jsruntime/artifact_key.h"
#include "jsruntime/ops/registry.h"

namespace zts::js {
namespace {

// "zts-snapshot-3\n" key "\n", a table of contents, then its parts: each begins at a multiple of 64, as V8 reads words from them.
// The table is lines of text, "PART BYTES [NAME]\n", ended by an empty one.
constexpr std::string_view kMagic = "zts-snapshot-3\n";
constexpr size_t kAlignment = 64;

std::string Head() { return std::string(kMagic) + ArtifactKey() + "\n"; }

size_t Aligned(size_t at) { return (at + kAlignment - 1) / kAlignment * kAlignment; }

std::string TableLine(const char* part, std::string_view content, std::string_view name = "") {
  return std::string(part) + " " + std::to_string(content.size()) + " " + std::string(name) + "\n";
}

struct Part {
  std::string_view kind;
  std::string_view name;
  size_t bytes;
};

// The next line of the table; nothing where it ends or is none.
std::optional<Part> TakeLine(std::string_view* rest) {
  const size_t end = rest->find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = rest->substr(0, end);
  rest->remove_prefix(end + 1);
  const size_t first = line.find(' ');
  const size_t second = line.find(' ', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return std::nullopt;
  const auto bytes = ParseInteger<size_t>(line.substr(first + 1, second - first - 1));
  if (!bytes.has_value()) return std::nullopt;
  return Part{line.substr(0, first), line.substr(second + 1), *bytes};
}

}  // namespace

std::string Snapshot::Encode(std::string_view blob, std::span<const std::string_view> texts, LazyFiles lazy_files) {
  std::string out = Head() + TableLine("blob", blob);
  std::vector<std::string_view> parts = {blob};
  for (const std::string_view text : texts) {
    out += TableLine("text", text);
    parts.push_back(text);
  }
  for (const LazyFile& file : lazy_files) {
    out += TableLine("source", file.source, file.name) + TableLine("cache", file.code_cache, file.name);
    parts.insert(parts.end(), {file.source, file.code_cache});
  }
  out += '\n';
  for (const std::string_view part : parts) {
    out.resize(Aligned(out.size()), ' ');
    out += part;
  }
  return out;
}

std::vector<intptr_t> Snapshot::References(std::span<const std::unique_ptr<LazyText>> texts) {
  std::vector<intptr_t> references;
  for (const intptr_t* each = ExternalReferences(); *each != 0; ++each) references.push_back(*each);
  for (const auto& text : texts) references.push_back(reinterpret_cast<intptr_t>(text.get()));
  references.push_back(0);
  return references;
}

bool Snapshot::FindParts(size_t at) {
  std::string_view table = std::string_view(*file_).substr(at);
  std::vector<Part> parts;
  while (const auto part = TakeLine(&table)) parts.push_back(*part);
  at = file_->size() - table.size();
  for (const Part& part : parts) {
    at = Aligned(at);
    if (at > file_->size() || part.bytes > file_->size() - at) return false;
    const std::string_view content(file_->data() + at, part.bytes);
    at += part.bytes;
    if (part.kind == "blob") {
      data_ = {content.data(), static_cast<int>(content.size())};
    } else if (part.kind == "text") {
      texts_.push_back(std::make_unique<LazyText>(content));
    } else if (part.kind == "source") {
      lazy_texts_.push_back(std::make_unique<LazyText>(content));
      lazy_files_.push_back({std::string(part.name), content, {}, lazy_texts_.back().get()});
    } else if (!lazy_files_.empty()) {
      lazy_files_.back().code_cache = content;
    }
  }
  references_ = References(texts_);
  return data_.raw_size > 0;
}

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
  Snapshot snapshot(std::make_unique<std::string>(std::move(file)));
  if (!snapshot.FindParts(head.size()) || !snapshot.data_.IsValid()) {
    return Error{ErrorCode::kCorrupt, path + " is no valid V8 snapshot; build it again"};
  }
  snapshot.key_ = ArtifactKey() + "|" + std::to_string(HashOf(*snapshot.file_)) + "|" + NativeTableKey();
  return snapshot;
}

}  // namespace zts::js
