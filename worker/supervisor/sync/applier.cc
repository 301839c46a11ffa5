#include "worker/supervisor/sync/applier.h"

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"

namespace zts::supervisor {
namespace {

// The active version, and those that the traffic names; all have the function's secrets.
template <typename F>
void ForEachVersion(v1::FunctionVersion& version, F&& visit) {
  visit(version);
  if (!version.has_traffic()) return;
  if (version.traffic().has_canary()) visit(*version.mutable_traffic()->mutable_canary());
  for (v1::FunctionVersion& warm : *version.mutable_traffic()->mutable_warm()) visit(warm);
}

constexpr std::string_view kSecretsContext = "zts worker cache";
constexpr size_t kTokenBytesMax = 4096;

v1::UpdateResult Answer(uint64_t version, uint64_t nonce, v1::UpdateResult::State state) {
  v1::UpdateResult result;
  result.set_catalog_version(version);
  result.set_nonce(nonce);
  result.set_state(state);
  return result;
}

v1::UpdateResult Nack(uint64_t version, uint64_t nonce, const std::vector<Problem>& problems) {
  v1::UpdateResult result = Answer(version, nonce, v1::UpdateResult::NACK);
  for (const Problem& problem : problems) {
    v1::FunctionProblem* out = result.add_problems();
    out->set_function(problem.function);
    out->set_number(problem.number);
    v1::SourceError* error = out->mutable_error();
    error->set_kind(problem.kind);
    error->set_message(problem.message);
    error->set_file(problem.file);
    error->set_line(problem.line);
    error->set_column(problem.column);
    error->set_source_line(problem.source_line);
    error->set_stack(problem.stack);
    ZTS_LOG(kWarning) << "catalog " << version << " is refused: " << problem.function << " v" << problem.number << ": "
                      << problem.kind << ": " << problem.message;
  }
  return result;
}

Problem ProblemOf(const v1::FunctionVersion& version, std::string kind, std::string message) {
  Problem problem;
  problem.function = version.function();
  problem.number = version.number();
  problem.kind = std::move(kind);
  problem.message = std::move(message);
  return problem;
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
  // A secret goes before a plain variable of its name.
  for (const auto& [name, value] : version.secrets()) spec->env.emplace_back(name, value);
  for (const auto& [name, value] : version.config().env()) {
    if (version.secrets().count(name) == 0) spec->env.emplace_back(name, value);
  }
  std::sort(spec->env.begin(), spec->env.end());
  spec->routes.assign(version.config().routes().begin(), version.config().routes().end());
  spec->allow_net.assign(version.config().allow_net().begin(), version.config().allow_net().end());
  return spec;
}

}  // namespace

Result<AeadKey> CacheKey(const std::string& token_file) {
  ZTS_ASSIGN_OR_RETURN(std::string token, ReadFile(token_file, kTokenBytesMax));
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.pop_back();
  // The token is 32 random bytes: a hash of it is as good a key as it is a token.
  return Sha256Of("zts worker cache key" + token);
}

// --- content -------------------------------------------------------------------------------------

// From the disk if it is there and whole, else from the source, then kept on the disk.
Result<std::string> Applier::Blob(const std::string& digest, uint64_t bytes, BlobSource* blobs) {
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
  }
  return fetched;
}

// Empty where there is none, or none for this engine: the function works without, its first start is slower.
std::string Applier::CodeCache(const v1::FunctionVersion& version, BlobSource* blobs) {
  if (version.code_cache_digest().empty() || version.code_cache_bytes() == 0) return {};
  const std::string key = engines_->ArtifactKey();
  // Before the first engine is ready nobody knows; the host leaves out what turns out not to fit.
  if (!key.empty() && version.artifact_key() != key) return {};
  auto code = Blob(version.code_cache_digest(), version.code_cache_bytes(), blobs);
  if (code.ok()) return std::move(*code);
  ZTS_LOG(kWarning) << version.function() << " v" << version.number() << " has no code cache: " << code.error().message;
  return {};
}

Result<FunctionSpecPtr> Applier::Make(const v1::FunctionVersion& version, BlobSource* blobs) {
  ZTS_ASSIGN_OR_RETURN(const std::string source, Blob(version.bundle_digest(), version.bundle_bytes(), blobs));
  const std::string code_cache = CodeCache(version, blobs);
  std::shared_ptr<FunctionSpec> spec = Describe(version);
  ZTS_ASSIGN_OR_RETURN(spec->content, MakeSealedMemfd(("zts-" + version.function()).c_str(), source + code_cache));
  spec->source_bytes = source.size();
  spec->code_cache_bytes = code_cache.size();
  spec->version_id = next_version_id_++;
  return FunctionSpecPtr(std::move(spec));
}

// What the engines may have already. Only within one store do equal ids mean the same version.
const Applier::Content* Applier::Known(const Catalog& catalog, const v1::FunctionVersion& version) const {
  for (const Catalog* with : {&active_, prepared_ ? &*prepared_ : nullptr}) {
    if (with == nullptr || with->store_id != catalog.store_id) continue;
    const auto found = with->contents.find({version.function(), version.version_id()});
    if (found == with->contents.end()) continue;
    const Content& known = found->second;
    if (known.bundle_digest == version.bundle_digest() && known.code_cache_digest == version.code_cache_digest() &&
        known.secrets_revision == version.secrets_revision()) {
      return &known;
    }
  }
  return nullptr;
}

Status Applier::Equip(Catalog* catalog, const v1::FunctionVersion& version, BlobSource* blobs) {
  Content content{nullptr, version.bundle_digest(), version.code_cache_digest(), version.secrets_revision()};
  if (const Content* known = Known(*catalog, version)) {
    content.spec = known->spec;
  } else {
    ZTS_ASSIGN_OR_RETURN(content.spec, Make(version, blobs));
  }
  catalog->contents[{version.function(), version.version_id()}] = std::move(content);
  return {};
}

// Whether requests reach this version in the catalog that serves: then it is as warm as it will be.
bool Applier::Served(const Catalog& catalog, const v1::FunctionVersion& version) const {
  const auto found = active_.functions.find(version.function());
  if (active_.store_id != catalog.store_id || found == active_.functions.end()) return false;
  const v1::FunctionVersion& active = found->second;
  const bool canary = active.traffic().has_canary() && active.traffic().canary().version_id() == version.version_id();
  return (active.version_id() == version.version_id() || canary) && Known(catalog, version) != nullptr;
}

// Gives each version of the catalog its content. One that requests reach and that cannot have it is a problem; one on standby goes without.
void Applier::Fill(Catalog* catalog, BlobSource* blobs, std::vector<Problem>* problems, std::vector<uint64_t>* fresh) {
  std::vector<std::pair<int64_t, uint64_t>> made;  // created, id
  const auto serve = [&](const v1::FunctionVersion& version) {
    const bool served = Served(*catalog, version);
    if (Status equipped = Equip(catalog, version, blobs); !equipped.ok()) {
      problems->push_back(ProblemOf(version, "fetch", equipped.error().message));
    } else if (!served) {
      made.emplace_back(version.created_ns(), SpecOf(*catalog, version)->version_id);
    }
  };
  for (const auto& [function, version] : catalog->functions) {
    serve(version);
    if (version.traffic().has_canary()) serve(version.traffic().canary());
    for (const v1::FunctionVersion& warm : version.traffic().warm()) {
      if (Status equipped = Equip(catalog, warm, blobs); !equipped.ok()) {
        ZTS_LOG(kWarning) << function << " v" << warm.number() << " is not kept ready: " << equipped.error().message;
      }
    }
  }
  std::sort(made.rbegin(), made.rend());
  for (size_t i = 0; i < made.size() && i < kWarmMax; ++i) fresh->push_back(made[i].second);
}

FunctionSpecPtr Applier::SpecOf(const Catalog& catalog, const v1::FunctionVersion& version) {
  const auto found = catalog.contents.find({version.function(), version.version_id()});
  return found == catalog.contents.end() ? nullptr : found->second.spec;
}

CatalogSpec Applier::ToSpec(const Catalog& catalog) {
  CatalogSpec spec;
  spec.version = catalog.version;
  for (const auto& [function, version] : catalog.functions) {
    const FunctionSpecPtr active = SpecOf(catalog, version);
    if (active == nullptr) continue;
    spec.functions.push_back(active);
    const v1::Traffic& traffic = version.traffic();
    const FunctionSpecPtr canary = traffic.has_canary() ? SpecOf(catalog, traffic.canary()) : nullptr;
    if (canary != nullptr && canary != active) {
      spec.splits.push_back({active, canary, traffic.share().share(), traffic.share().sticky_by(), traffic.share().sticky_name()});
    }
    for (const v1::FunctionVersion& warm : traffic.warm()) {
      const FunctionSpecPtr standby = SpecOf(catalog, warm);
      if (standby != nullptr && standby != active && standby != canary) spec.standby.push_back(standby);
    }
  }
  return spec;
}

// --- from the disk -------------------------------------------------------------------------------

Status Applier::StartFromDisk() {
  Catalog catalog;
  auto cached = cache_->ReadCatalog();
  if (!cached.ok()) {
    if (cached.error().code != ErrorCode::kNotFound) {
      ZTS_LOG(kWarning) << cached.error().message << "; it is not used";
    }
    // Something must be committed for the engine to answer at all.
    return Serve(catalog);
  }
  catalog.store_id = cached->store_id();
  catalog.version = cached->catalog_version();
  for (const v1::FunctionVersion& version : cached->functions()) catalog.functions[version.function()] = version;
  std::vector<Problem> problems;
  if (!OpenSecrets(*cached, &catalog.functions)) {
    // A function that runs without its secrets does harm that one that does not run does not.
    for (auto at = catalog.functions.begin(); at != catalog.functions.end();) {
      const bool has_secrets = at->second.secrets_revision() != 0;
      if (has_secrets) problems.push_back(ProblemOf(at->second, "secrets", "its secrets on the disk cannot be read with this token"));
      at = has_secrets ? catalog.functions.erase(at) : std::next(at);
    }
  }
  std::vector<uint64_t> fresh;
  Fill(&catalog, nullptr, &problems, &fresh);
  for (const Problem& problem : problems) {
    ZTS_LOG(kError) << problem.function << " v" << problem.number
                    << " cannot be served until the controller is there: " << problem.message;
  }
  ZTS_LOG(kInfo) << "catalog " << catalog.version << " with " << catalog.functions.size() << " functions comes from the disk";
  const Status served = Serve(catalog);
  if (!served.ok() && served.error().code != ErrorCode::kAborted) {
    ZTS_LOG(kError) << "what the disk has cannot be served: " << served.error().message;
    return Serve(Catalog());
  }
  if (served.ok()) {
    // With a part missing, only the whole catalog brings it back.
    SetPosition(problems.empty() ? Position{active_.store_id, active_.version} : Position{}, true);
  }
  return served;
}

// Prepares without warming and commits.
Status Applier::Serve(const Catalog& catalog) {
  ZTS_ASSIGN_OR_RETURN(const std::vector<Problem> problems, engines_->Prepare(ToSpec(catalog), {}));
  if (!problems.empty()) return Invalid(problems.front().function + ": " + problems.front().message);
  ZTS_RETURN_IF_ERROR(engines_->Commit());
  active_ = catalog;
  return {};
}

// --- from the controller -------------------------------------------------------------------------

Result<Applier::Catalog> Applier::Target(const v1::Update& update) const {
  Catalog target;
  target.store_id = update.store_id();
  target.version = update.catalog_version();
  if (!update.full()) {
    const Position position = this->position();
    if (update.store_id() != position.store_id || update.base_version() != position.version) {
      return Invalid("a delta on catalog " + std::to_string(update.base_version()) + " does not fit catalog " +
                     std::to_string(position.version) + "; the whole one is asked for");
    }
    target.functions = active_.functions;
  }
  for (const std::string& removal : update.removals()) target.functions.erase(removal);
  for (const v1::FunctionVersion& upsert : update.upserts()) target.functions[upsert.function()] = upsert;
  return target;
}

Result<v1::UpdateResult> Applier::OnUpdate(const v1::Update& update, BlobSource* blobs) {
  auto target = Target(update);
  if (!target.ok()) {
    SetPosition({}, has_catalog());
    return std::move(target).error();
  }
  std::vector<Problem> problems;
  std::vector<uint64_t> fresh;
  Fill(&*target, blobs, &problems, &fresh);
  if (!problems.empty()) return Nack(update.catalog_version(), update.nonce(), problems);
  // From here on an earlier change is no longer what the engines have prepared.
  prepared_.reset();
  ZTS_ASSIGN_OR_RETURN(problems, engines_->Prepare(ToSpec(*target), fresh));
  if (!problems.empty()) return Nack(update.catalog_version(), update.nonce(), problems);
  prepared_ = std::move(*target);
  return Answer(update.catalog_version(), update.nonce(), v1::UpdateResult::PREPARED);
}

Result<v1::UpdateResult> Applier::OnActivate(const v1::Activate& activate) {
  const uint64_t version = activate.catalog_version();
  if (!prepared_ || prepared_->version != version) {
    // Said again after a reconnect.
    if (has_catalog() && active_.version == version) return Answer(version, activate.nonce(), v1::UpdateResult::ACTIVE);
    Problem problem;
    problem.kind = "not-prepared";
    problem.message = "catalog " + std::to_string(version) + " is not prepared on this worker";
    return Nack(version, activate.nonce(), {problem});
  }
  Status committed = engines_->Commit();
  if (!committed.ok()) {
    prepared_.reset();
    if (committed.error().code == ErrorCode::kAborted) return std::move(committed).error();
    Problem problem;
    problem.kind = "commit";
    problem.message = committed.error().message;
    return Nack(version, activate.nonce(), {problem});
  }
  active_ = std::move(*prepared_);
  prepared_.reset();
  Remember();
  SetPosition({active_.store_id, active_.version}, true);
  ZTS_LOG(kInfo) << "serving catalog " << version << " with " << active_.functions.size() << " functions";
  return Answer(version, activate.nonce(), v1::UpdateResult::ACTIVE);
}

// Moves the secrets out of the functions and under the cache's key.
Status Applier::SealSecrets(CachedCatalog* catalog) const {
  Secrets secrets;
  for (v1::FunctionVersion& version : *catalog->mutable_functions()) {
    if (version.secrets().empty()) continue;
    (*secrets.mutable_functions())[version.function()].mutable_values()->swap(*version.mutable_secrets());
    ForEachVersion(version, [](v1::FunctionVersion& one) { one.clear_secrets(); });
  }
  if (secrets.functions().empty()) return {};
  ZTS_ASSIGN_OR_RETURN(const AeadKey key, cache_key_());
  ZTS_ASSIGN_OR_RETURN(*catalog->mutable_sealed_secrets(), Seal(key, kSecretsContext, secrets.SerializeAsString()));
  return {};
}

bool Applier::OpenSecrets(const CachedCatalog& cached, std::map<std::string, v1::FunctionVersion>* functions) const {
  if (cached.sealed_secrets().empty()) return true;
  const auto key = cache_key_();
  const auto opened = key.ok() ? Open(*key, kSecretsContext, cached.sealed_secrets()) : Result<std::string>(key.error());
  Secrets secrets;
  if (!opened.ok() || !secrets.ParseFromString(*opened)) return false;
  for (auto& [function, values] : *secrets.mutable_functions()) {
    const auto found = functions->find(function);
    if (found == functions->end()) continue;
    const auto& given = values.values();
    ForEachVersion(found->second, [&given](v1::FunctionVersion& one) { *one.mutable_secrets() = given; });
  }
  return true;
}

void Applier::Remember() {
  CachedCatalog catalog;
  catalog.set_store_id(active_.store_id);
  catalog.set_catalog_version(active_.version);
  for (const auto& [function, version] : active_.functions) *catalog.add_functions() = version;
  Status written = SealSecrets(&catalog);
  if (written.ok()) written = cache_->WriteCatalog(catalog);
  unsettled_ = written.ok();
  // Serving goes on; what the disk has stays as it was, and its blobs with it.
  if (written.ok()) return;
  ZTS_LOG(kError) << "catalog " << active_.version
                  << " is not kept for a start without the controller: " << written.error().message;
}

void Applier::Settle() {
  if (!unsettled_) return;
  unsettled_ = false;
  if (Status settled = cache_->Settle(); !settled.ok()) {
    ZTS_LOG(kError) << "catalog " << active_.version << " may not survive a crash of the machine: " << settled.error().message;
    return;
  }
  // Not before: what was settled last needed the old content.
  std::set<std::string> digests;
  for (const Catalog* catalog : {&active_, prepared_ ? &*prepared_ : nullptr}) {
    if (catalog == nullptr) continue;
    for (const auto& [key, content] : catalog->contents) {
      digests.insert(content.bundle_digest);
      digests.insert(content.code_cache_digest);
    }
  }
  cache_->RemoveUnused(digests);
}

Applier::Position Applier::position() const {
  std::lock_guard lock(mutex_);
  return position_;
}

bool Applier::has_catalog() const {
  std::lock_guard lock(mutex_);
  return has_catalog_;
}

void Applier::SetPosition(Position position, bool has_catalog) {
  std::lock_guard lock(mutex_);
  position_ = std::move(position);
  has_catalog_ = has_catalog;
}

}  // namespace zts::supervisor
