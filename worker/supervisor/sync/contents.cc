#include "worker/supervisor/sync/contents.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"

namespace zts::supervisor {
namespace {

// NAME.NAMESPACE; those of the default one have none in their names.
std::string NamespaceOf(const std::string& function) {
  const size_t dot = function.find('.');
  return dot == std::string::npos ? "default" : function.substr(dot + 1);
}

std::shared_ptr<FunctionSpec> Describe(const v1::FunctionVersion& version) {
  auto spec = std::make_shared<FunctionSpec>();
  spec->function = version.function();
  spec->number = version.number();
  spec->main_module = version.main_module();
  spec->artifact_key = version.artifact_key();
  const v1::Limits& limits = version.config().limits();
  spec->cpu_per_request = limits.cpu_per_request_ns();
  spec->wall_per_request = limits.wall_per_request_ns();
  spec->startup_cpu = limits.startup_cpu_ns();
  spec->memory_bytes_max = limits.memory_bytes_max();
  spec->nursery_bytes = limits.nursery_bytes();
  spec->request_garbage_bytes = limits.request_garbage_bytes();
  // A secret goes before a plain variable of its name. A version that names secrets sees no others.
  const auto& named = version.config().secrets();
  for (const auto& [name, value] : version.secrets()) {
    if (named.empty() || std::find(named.begin(), named.end(), name) != named.end()) spec->env.emplace_back(name, value);
  }
  for (const auto& [name, value] : version.config().env()) {
    if (version.secrets().count(name) == 0) spec->env.emplace_back(name, value);
  }
  std::sort(spec->env.begin(), spec->env.end());
  const v1::VersionConfig& config = version.config();
  spec->engine_class = {config.jit(), config.jit_threshold(), {}};
  if (config.isolation() == "process") spec->engine_class.group = NamespaceOf(version.function());
  spec->routes.assign(version.config().routes().begin(), version.config().routes().end());
  spec->allow_net.assign(version.config().allow_net().begin(), version.config().allow_net().end());
  return spec;
}

}  // namespace

// From the disk if it is there and whole, else from the source, then kept on the disk.
Result<std::string> Contents::Blob(const std::string& digest, uint64_t bytes, BlobSource* blobs) {
  if (!DigestFromHex(digest)) return Invalid("'" + digest + "' is no digest");
  if (bytes > kBlobBytesMax) return Invalid(std::to_string(bytes) + " bytes of content are more than a worker takes");
  auto cached = cache_->ReadBlob(digest);
  if (cached.ok()) return cached;
  if (cached.error().code != ErrorCode::kNotFound) {
    ZTS_LOG(kWarning) << cached.error().message;
  }
  if (blobs == nullptr) return std::move(cached).error();
  ZTS_ASSIGN_OR_RETURN(std::string fetched, blobs->Fetch(digest, bytes));
  if (ToHex(Sha256Of(fetched)) != digest) {
    return Error{ErrorCode::kCorrupt, "what the controller sent for " + digest + " does not hash to it"};
  }
  if (Status written = cache_->WriteBlob(digest, fetched); !written.ok()) {
    ZTS_LOG(kWarning) << "not kept for a start without the controller: " << written.error().message;
    unwritten_.insert(digest);
  }
  return fetched;
}

// Empty where there is none, or none for this engine: the function works without, its first start is slower.
std::string Contents::Artifact(const v1::FunctionVersion& version, const std::string& digest, uint64_t bytes, BlobSource* blobs) {
  if (digest.empty() || bytes == 0) return {};
  const std::string key = engines_->ArtifactKey();
  // Before the first engine is ready nobody knows; the host leaves out what turns out not to fit.
  if (!key.empty() && version.artifact_key() != key) return {};
  auto content = Blob(digest, bytes, blobs);
  if (content.ok()) return std::move(*content);
  ZTS_LOG(kWarning) << version.function() << " v" << version.number() << " starts slower than it could: " << content.error().message;
  return {};
}

Result<Content> Contents::Make(const v1::FunctionVersion& version, BlobSource* blobs) {
  ZTS_ASSIGN_OR_RETURN(const std::string source, Blob(version.bundle_digest(), version.bundle_bytes(), blobs));
  const std::string code_cache = Artifact(version, version.code_cache_digest(), version.code_cache_bytes(), blobs);
  const std::string snapshot = Artifact(version, version.snapshot_digest(), version.snapshot_bytes(), blobs);
  std::shared_ptr<FunctionSpec> spec = Describe(version);
  std::string content = source + code_cache;
  if (!snapshot.empty()) {
    content.resize((content.size() + kSnapshotAlignment - 1) / kSnapshotAlignment * kSnapshotAlignment);
    spec->snapshot_at = content.size();
    spec->snapshot_bytes = snapshot.size();
    content += snapshot;
  }
  ZTS_ASSIGN_OR_RETURN(spec->content, MakeSealedMemfd(("zts-" + version.function()).c_str(), content));
  spec->source_bytes = source.size();
  spec->code_cache_bytes = code_cache.size();
  spec->version_id = next_version_id_++;
  return Content{.version_id = version.version_id(),
                 .spec = std::move(spec),
                 .bundle_digest = version.bundle_digest(),
                 .code_cache_digest = version.code_cache_digest(),
                 .snapshot_digest = version.snapshot_digest(),
                 .secrets_revision = version.secrets_revision()};
}

void Contents::Use(const ServedFunction& function) {
  for (const Content& content : function.contents) {
    for (const std::string& digest : {content.bundle_digest, content.code_cache_digest, content.snapshot_digest}) {
      if (digest.empty()) continue;
      ++uses_[digest];
      unused_.erase(digest);
    }
  }
}

void Contents::Release(const ServedFunction& function) {
  for (const Content& content : function.contents) {
    for (const std::string& digest : {content.bundle_digest, content.code_cache_digest, content.snapshot_digest}) {
      const auto found = uses_.find(digest);
      if (found == uses_.end() || --found->second > 0) continue;
      uses_.erase(found);
      unused_.insert(digest);
    }
  }
}

void Contents::WriteMissing(const ServedCatalog& catalog) {
  if (unwritten_.empty()) return;
  std::set<std::string> still;
  const auto write = [&](const std::string& digest, const FunctionSpec& spec, uint64_t begin, uint64_t bytes) {
    if (unwritten_.count(digest) == 0) return;
    std::string content(bytes, '\0');
    const ssize_t got = ::pread(spec.content.get(), content.data(), content.size(), static_cast<off_t>(begin));
    const bool whole = got >= 0 && static_cast<uint64_t>(got) == bytes && ToHex(Sha256Of(content)) == digest;
    if (!whole || !cache_->WriteBlob(digest, content).ok()) still.insert(digest);
  };
  for (const auto& [name, function] : catalog.functions) {
    for (const Content& content : function->contents) {
      write(content.bundle_digest, *content.spec, 0, content.spec->source_bytes);
      write(content.code_cache_digest, *content.spec, content.spec->source_bytes, content.spec->code_cache_bytes);
      write(content.snapshot_digest, *content.spec, content.spec->snapshot_at, content.spec->snapshot_bytes);
    }
  }
  // What is no longer named is not missed.
  unwritten_ = std::move(still);
}

std::set<std::string> Contents::Used() const {
  std::set<std::string> used;
  for (const auto& [digest, count] : uses_) used.insert(digest);
  return used;
}

std::vector<std::string> Contents::TakeUnused() {
  std::vector<std::string> unused(unused_.begin(), unused_.end());
  unused_.clear();
  return unused;
}

}  // namespace zts::supervisor
