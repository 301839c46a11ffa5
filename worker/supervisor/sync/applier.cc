#include "worker/supervisor/sync/applier.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace zts::supervisor {
namespace {

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

}  // namespace

// --- content -------------------------------------------------------------------------------------

// What the engines may have already. Only within one store do equal ids mean the same version.
const Content* Applier::Known(const std::string& store_id, const v1::FunctionVersion& version) const {
  const auto known = [&](const ServedFunctionPtr& function) -> const Content* {
    const Content* content = function == nullptr ? nullptr : function->Find(version.version_id());
    return content != nullptr && content->Fits(version) ? content : nullptr;
  };
  if (active_.store_id == store_id) {
    if (const Content* content = known(active_.Find(version.function()))) return content;
  }
  if (!prepared_ || prepared_->store_id != store_id) return nullptr;
  const auto found = prepared_->functions.find(version.function());
  return found == prepared_->functions.end() ? nullptr : known(found->second);
}

// Whether requests reach this version in the catalog that serves: then it is as warm as it will be.
bool Applier::Served(const std::string& store_id, const v1::FunctionVersion& version) const {
  if (active_.store_id != store_id) return false;
  const ServedFunctionPtr active = active_.Find(version.function());
  return active != nullptr && active->Serves(version.version_id()) && Known(store_id, version) != nullptr;
}

// Gives each version of one function its content. One that requests reach and that cannot have it is a problem; one on standby goes
// without.
ServedFunctionPtr Applier::Equip(const v1::FunctionVersion& version, const std::string& store_id, BlobSource* blobs, Filling* filling) {
  auto function = std::make_shared<ServedFunction>();
  function->version = version;
  const auto equip = [&](const v1::FunctionVersion& one) -> Result<FunctionSpecPtr> {
    if (FunctionSpecPtr already = function->SpecOf(one)) return already;
    if (const Content* known = Known(store_id, one)) {
      function->contents.push_back(*known);
    } else {
      ZTS_ASSIGN_OR_RETURN(Content made, contents_.Make(one, blobs));
      function->contents.push_back(std::move(made));
    }
    return function->contents.back().spec;
  };
  const auto serve = [&](const v1::FunctionVersion& one) {
    const auto equipped = equip(one);
    if (!equipped.ok()) {
      filling->problems.push_back(ProblemOf(one, "fetch", equipped.error().message));
    } else if (!Served(store_id, one)) {
      filling->fresh.emplace_back(one.created_ns(), (*equipped)->version_id);
    }
  };
  serve(version);
  if (version.traffic().has_canary()) serve(version.traffic().canary());
  for (const v1::FunctionVersion& warm : version.traffic().warm()) {
    if (const auto equipped = equip(warm); !equipped.ok()) {
      ZTS_LOG(kWarning) << version.function() << " v" << warm.number() << " is not kept ready: " << equipped.error().message;
    }
  }
  return function;
}

// The newest of those that are not warm yet.
std::vector<uint64_t> Applier::Filling::ToWarm() {
  std::sort(fresh.rbegin(), fresh.rend());
  std::vector<uint64_t> ids;
  for (size_t i = 0; i < fresh.size() && i < kWarmMax; ++i) ids.push_back(fresh[i].second);
  return ids;
}

// --- from the disk -------------------------------------------------------------------------------

Status Applier::StartFromDisk() {
  CatalogChange change;
  change.extent = CatalogChange::Extent::kWhole;
  auto cached = cache_->ReadCatalog();
  if (!cached.ok()) {
    if (cached.error().code != ErrorCode::kNotFound) {
      ZTS_LOG(kWarning) << cached.error().message << "; it is not used";
    }
    // Something must be committed for the engine to answer at all.
    return Serve(std::move(change));
  }
  change.store_id = cached->store_id();
  change.version = cached->catalog_version();
  const size_t count = static_cast<size_t>(cached->functions_size());
  Filling filling;
  OpenedCatalog opened = vault_.Open(std::move(*cached));
  for (const v1::FunctionVersion& version : opened.without_secrets) {
    // A function that runs without its secrets does harm that one that does not run does not.
    filling.problems.push_back(ProblemOf(version, "secrets", "its secrets on the disk cannot be read with this token"));
  }
  for (const v1::FunctionVersion& version : opened.functions) {
    change.functions[version.function()] = Equip(version, change.store_id, nullptr, &filling);
  }
  for (const Problem& problem : filling.problems) {
    ZTS_LOG(kError) << problem.function << " v" << problem.number
                    << " cannot be served until the controller is there: " << problem.message;
  }
  ZTS_LOG(kInfo) << "catalog " << change.version << " with " << count << " functions comes from the disk";
  const Status served = Serve(std::move(change));
  if (!served.ok() && served.error().code != ErrorCode::kAborted) {
    ZTS_LOG(kError) << "what the disk has cannot be served: " << served.error().message;
    CatalogChange nothing;
    nothing.extent = CatalogChange::Extent::kWhole;
    return Serve(std::move(nothing));
  }
  if (served.ok()) {
    // With a part missing, only the whole catalog brings it back.
    SetPosition(filling.problems.empty() ? Position{active_.store_id, active_.version} : Position{}, true);
  }
  return served;
}

// Prepares without warming and commits.
Status Applier::Serve(CatalogChange change) {
  ZTS_ASSIGN_OR_RETURN(const std::vector<Problem> problems, engines_->Prepare(active_.SpecWith(change), {}));
  if (!problems.empty()) return Invalid(problems.front().function + ": " + problems.front().message);
  ZTS_RETURN_IF_ERROR(engines_->Commit());
  Use(change);
  Adopt(std::move(change));
  return {};
}

// --- from the controller -------------------------------------------------------------------------

Status Applier::CheckBase(const v1::Update& update) const {
  const Position position = this->position();
  if (update.full() || (update.store_id() == position.store_id && update.base_version() == position.version)) return {};
  return Invalid("a delta on catalog " + std::to_string(update.base_version()) + " does not fit catalog " +
                 std::to_string(position.version) + "; the whole one is asked for");
}

CatalogChange Applier::ChangeOf(const v1::Update& update, BlobSource* blobs, Filling* filling) {
  CatalogChange change;
  change.store_id = update.store_id();
  change.base_version = update.base_version();
  change.version = update.catalog_version();
  if (update.full()) change.extent = CatalogChange::Extent::kWhole;
  for (const std::string& removal : update.removals()) change.functions[removal] = nullptr;
  for (const v1::FunctionVersion& upsert : update.upserts()) {
    change.functions[upsert.function()] = Equip(upsert, change.store_id, blobs, filling);
  }
  if (!update.full()) return change;
  // A whole catalog names what is there, and nothing else.
  for (const std::string& removal : update.removals()) {
    if (change.functions[removal] == nullptr) change.functions.erase(removal);
  }
  return change;
}

Result<v1::UpdateResult> Applier::OnUpdate(const v1::Update& update, BlobSource* blobs) {
  if (Status fits = CheckBase(update); !fits.ok()) {
    SetPosition({}, has_catalog());
    return std::move(fits).error();
  }
  Filling filling;
  CatalogChange change = ChangeOf(update, blobs, &filling);
  Use(change);
  if (!filling.problems.empty()) {
    Release(change);
    return Nack(update.catalog_version(), update.nonce(), filling.problems);
  }
  // From here on an earlier change is no longer what the engines have prepared.
  DropPrepared();
  const auto problems = engines_->Prepare(active_.SpecWith(change), filling.ToWarm());
  if (!problems.ok() || !problems->empty()) {
    Release(change);
    if (!problems.ok()) return problems.error();
    return Nack(update.catalog_version(), update.nonce(), *problems);
  }
  prepared_ = std::move(change);
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
    DropPrepared();
    if (committed.error().code == ErrorCode::kAborted) return std::move(committed).error();
    Problem problem;
    problem.kind = "commit";
    problem.message = committed.error().message;
    return Nack(version, activate.nonce(), {problem});
  }
  const CatalogChange change = *std::exchange(prepared_, std::nullopt);
  Adopt(change);
  Remember(change);
  SetPosition({active_.store_id, active_.version}, true);
  ZTS_LOG(kInfo) << "serving catalog " << version << " with " << active_.functions.size() << " functions";
  return Answer(version, activate.nonce(), v1::UpdateResult::ACTIVE);
}

void Applier::Use(const CatalogChange& change) {
  for (const auto& [name, function] : change.functions) {
    if (function != nullptr) contents_.Use(*function);
  }
}

void Applier::Release(const CatalogChange& change) {
  for (const auto& [name, function] : change.functions) {
    if (function != nullptr) contents_.Release(*function);
  }
}

void Applier::DropPrepared() {
  if (prepared_) Release(*prepared_);
  prepared_.reset();
}

void Applier::Adopt(CatalogChange change) {
  for (const ServedFunctionPtr& gone : active_.Apply(std::move(change))) contents_.Release(*gone);
}

// --- onto the disk -------------------------------------------------------------------------------

// A record of the change where the disk has what it is on top of, else the whole catalog.
void Applier::Remember(const CatalogChange& change) {
  contents_.WriteMissing(active_);
  Status written = NotFound("");
  if (change.extent == CatalogChange::Extent::kDelta && vault_.IsSealedUnderCurrentKey()) {
    auto sealed = vault_.Seal(change);
    written = sealed.ok() ? cache_->AppendChange(*sealed) : Status(std::move(sealed).error());
  }
  if (!written.ok()) written = RememberAll();
  unsettled_ = written.ok();
  // Serving goes on; what the disk has stays as it was, and its blobs with it.
  if (written.ok()) return;
  ZTS_LOG(kError) << "catalog " << active_.version
                  << " is not kept for a start without the controller: " << written.error().message;
}

Status Applier::RememberAll() {
  ZTS_ASSIGN_OR_RETURN(const CachedCatalog sealed, vault_.Seal(active_));
  ZTS_RETURN_IF_ERROR(cache_->WriteCatalog(sealed));
  sweep_ = true;
  return {};
}

void Applier::Settle() {
  if (!unsettled_) return;
  unsettled_ = false;
  if (Status settled = cache_->Settle(); !settled.ok()) {
    ZTS_LOG(kError) << "catalog " << active_.version << " may not survive a crash of the machine: " << settled.error().message;
    return;
  }
  // Not before: what was settled last needed the old content. All that is there is looked at only where something may have been left.
  const std::vector<std::string> unused = contents_.TakeUnused();
  if (std::exchange(sweep_, false)) {
    cache_->RemoveUnused(contents_.Used());
  } else {
    cache_->RemoveBlobs(unused);
  }
  if (!cache_->ShouldCompact()) return;
  Status compacted = RememberAll();
  if (compacted.ok()) compacted = cache_->Settle();
  if (!compacted.ok()) {
    ZTS_LOG(kWarning) << "the journal of catalog " << active_.version << " goes on growing: " << compacted.error().message;
  }
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
