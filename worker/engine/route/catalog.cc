#include "worker/engine/route/catalog.h"

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <utility>

#include "base/bytes.h"
#include "worker/engine/limits.h"

namespace zts::route {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr std::string_view kLocalSuffix = ".localhost";
// RFC 1035 3.1.
constexpr size_t kHostBytesMax = 253;
// A table whose longest run is beyond this is built again with another seed: names come from tenants, who may look for
// collisions.
constexpr size_t kProbesMax = 32;
constexpr int kSeedsMax = 16;

// A hash that can be taken of every prefix of a text on the way through it.
class RunningHash {
 public:
  explicit RunningHash(uint64_t seed) : value_(seed) {}
  void Add(char c) { value_ = (value_ ^ static_cast<uint8_t>(c)) * 0x9E3779B97F4A7C15ull; }
  // The high bits have seen every character; the low ones pick the slot.
  uint64_t value() const { return value_ ^ (value_ >> 32); }

 private:
  uint64_t value_;
};

uint64_t SeedNumber(int attempt) { return 0xCBF29CE484222325ull + 0xD6E8FEB86659FD93ull * static_cast<uint64_t>(attempt); }

// Open addressing at most half full; immutable once built. Keys live in the Index.
template <typename Key>
class Table {
 public:
  void Prepare(size_t entries) {
    size_t slots = 16;
    while (slots < 2 * entries) slots *= 2;
    slots_.assign(slots, {});
  }
  // The number of slots looked at. REQUIRES: the key is not there.
  size_t Insert(uint64_t hash, const Key& key, uint32_t value) {
    size_t probes = 1;
    size_t at = hash & Mask();
    for (; slots_[at].value != kNone; at = (at + 1) & Mask()) ++probes;
    slots_[at] = {hash, key, value};
    return probes;
  }
  template <typename Equal>
  uint32_t Find(uint64_t hash, Equal&& equal) const {
    for (size_t at = hash & Mask(); slots_[at].value != kNone; at = (at + 1) & Mask()) {
      if (slots_[at].hash == hash && equal(slots_[at].key)) return slots_[at].value;
    }
    return kNone;
  }

 private:
  struct Slot {
    uint64_t hash = 0;
    Key key{};
    uint32_t value = kNone;
  };
  size_t Mask() const { return slots_.size() - 1; }
  std::vector<Slot> slots_;
};

struct PathKey {
  uint32_t host = 0;
  std::string_view path;
};

// The host of an authority: without port and without the dot of the root. An IPv6 literal keeps its brackets.
std::string_view HostOf(std::string_view authority) {
  size_t end = 0;
  if (!authority.empty() && authority.front() == '[') {
    end = authority.find(']');
    if (end == std::string_view::npos) return {};
    return authority.substr(0, end + 1);
  }
  std::string_view host = authority.substr(0, authority.find(':'));
  if (host.size() > 1 && host.back() == '.') host.remove_suffix(1);
  return host;
}

bool IsHostChar(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; }

bool IsValidHostName(std::string_view host) {
  if (host.size() > kHostBytesMax) return false;
  char last = '.';
  for (const char c : host) {
    if (c == '.' ? last == '.' : !IsHostChar(c)) return false;
    last = c;
  }
  return last != '.';
}

bool IsValidIpLiteral(std::string_view host) {
  if (host.size() < 4 || host.front() != '[' || host.back() != ']') return false;
  return std::all_of(host.begin() + 1, host.end() - 1,
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == ':' || c == '.'; });
}

Error BadRoute(std::string_view text, std::string_view why) {
  return Invalid("route \"" + std::string(text) + "\": " + std::string(why));
}

// What a request could never send, or what would mean something else than it says.
bool IsPathChar(char c) { return c > ' ' && c < 0x7f && c != '?' && c != '#' && c != '*'; }

Status CheckHost(std::string_view text, std::string_view host) {
  if (host.find(':') != std::string_view::npos && host.front() != '[') {
    return BadRoute(text, "leave the port out; a route is for every port");
  }
  if (host.front() == '[' ? IsValidIpLiteral(host) : IsValidHostName(host)) return {};
  return BadRoute(text, "the host is not a name like www.example.com or a literal like [::1]");
}

Status CheckPath(std::string_view text, std::string_view path) {
  if (path.size() > kTargetBytesMax) return BadRoute(text.substr(0, 64), "the path is longer than any request's");
  if (!std::all_of(path.begin(), path.end(), IsPathChar)) {
    return BadRoute(text, "a path is a plain prefix: no blanks, no '*', '?' or '#'");
  }
  if (path.find("//") != std::string_view::npos) return BadRoute(text, "the path has an empty segment (\"//\")");
  return {};
}

size_t SegmentsOf(std::string_view path) { return static_cast<size_t>(std::count(path.begin(), path.end(), '/')); }

}  // namespace

Result<Route> ParseRoute(std::string_view text) {
  if (text.empty()) return BadRoute(text, "is empty; write HOST, HOST/PATH or /PATH");
  const size_t slash = text.find('/');
  std::string host(text.substr(0, slash));
  std::string path(slash == std::string_view::npos ? "/" : text.substr(slash));
  for (char& c : host) c = ToLowerAscii(c);
  if (host.size() > 1 && host.back() == '.') host.pop_back();
  if (!host.empty()) ZTS_RETURN_IF_ERROR(CheckHost(text, host));
  ZTS_RETURN_IF_ERROR(CheckPath(text, path));
  if (path.size() > 1 && path.back() == '/') path.pop_back();
  return Route{.host = std::move(host), .path = std::move(path)};
}

// Hosts have numbers; 0 stands for any host. A path is kept under its host's number, so that one table serves all.
struct Catalog::Index {
  struct Host {
    std::string_view name;
    size_t segments_max = 0;  // of its paths: a lookup goes no deeper
    uint32_t root = kNone;    // the entry of "/"
  };
  struct Path {
    uint32_t host;
    std::string_view path;
    uint32_t entry;
  };

  std::deque<std::string> names;  // what all views point into
  std::vector<Host> hosts;
  std::vector<Path> paths;
  uint64_t seed = 0;
  Table<std::string_view> host_table;
  Table<PathKey> path_table;

  std::string_view Keep(std::string text) { return names.emplace_back(std::move(text)); }
  uint64_t HashHost(std::string_view lower) const;
  RunningHash PathHash(uint32_t host) const { return RunningHash(seed ^ (uint64_t{host} * 0xA0761D6478BD642Full)); }
  bool Fill(uint64_t with_seed);
  uint32_t FindHost(std::string_view host) const;
  uint32_t FindPath(uint32_t host, std::string_view path) const;
};

uint64_t Catalog::Index::HashHost(std::string_view lower) const {
  RunningHash hash(seed);
  for (const char c : lower) hash.Add(c);
  return hash.value();
}

// False when some lookup would be slow under this seed.
bool Catalog::Index::Fill(uint64_t with_seed) {
  seed = with_seed;
  host_table.Prepare(hosts.size());
  path_table.Prepare(paths.size());
  size_t probes = 0;
  for (uint32_t number = 1; number < hosts.size(); ++number) {
    probes = std::max(probes, host_table.Insert(HashHost(hosts[number].name), hosts[number].name, number));
  }
  for (const Path& path : paths) {
    RunningHash hash = PathHash(path.host);
    for (const char c : path.path) hash.Add(c);
    probes = std::max(probes, path_table.Insert(hash.value(), {path.host, path.path}, path.entry));
  }
  return probes <= kProbesMax;
}

uint32_t Catalog::Index::FindHost(std::string_view host) const {
  if (host.empty() || host.size() > kHostBytesMax) return kNone;
  RunningHash hash(seed);
  for (const char c : host) hash.Add(ToLowerAscii(c));
  return host_table.Find(hash.value(), [&](std::string_view name) { return EqualsIgnoreCase(name, host); });
}

// The longest prefix of `path` that ends at a '/' or at its end and is a route of this host.
uint32_t Catalog::Index::FindPath(uint32_t host, std::string_view path) const {
  const Host& at = hosts[host];
  uint32_t found = at.root;
  if (at.segments_max == 0) return found;
  RunningHash hash = PathHash(host);
  size_t segments = 1;
  hash.Add('/');
  for (size_t i = 1; i <= path.size(); ++i) {
    if (i == path.size() || path[i] == '/') {
      const uint32_t entry = path_table.Find(
          hash.value(), [&](const PathKey& key) { return key.host == host && key.path == path.substr(0, i); });
      if (entry != kNone) found = entry;
      if (++segments > at.segments_max || i == path.size()) break;
    }
    hash.Add(path[i]);
  }
  return found;
}

namespace {

bool IsNameLabel(std::string_view name) {
  return !name.empty() && name.size() <= 63 &&
         std::all_of(name.begin(), name.end(), [](char c) { return IsHostChar(ToLowerAscii(c)); });
}

// NAME, or NAME.NAMESPACE.
bool IsValidFunctionName(std::string_view name) {
  const size_t dot = std::min(name.find('.'), name.size());
  return IsNameLabel(name.substr(0, dot)) && (dot == name.size() || IsNameLabel(name.substr(dot + 1)));
}

// The same on every worker: by name and number, not by ids of this engine.
uint64_t SaltOf(const Entry& canary) {
  RunningHash hash(canary.number);
  for (const char c : canary.script->function) hash.Add(c);
  return hash.value();
}

std::string RouteText(std::string_view host, std::string_view path) {
  return std::string(host) + (host.empty() || path != "/" ? std::string(path) : std::string());
}

}  // namespace

// Gathers the routes of all functions and finds out who claims the same.
class Catalog::Builder {
 public:
  explicit Builder(Catalog& catalog) : catalog_(catalog), index_(*catalog.index_) {
    index_.hosts.push_back({});
    hosts_.emplace(std::string(), 0);
  }

  Status Add(FunctionSpec function);
  // After all functions.
  Status AddBesides(Besides besides);
  Status Finish();

 private:
  struct Claim {
    uint32_t entry;
    bool is_default;
  };
  // A default route yields to one that somebody wrote; two of a kind are a conflict.
  Status AddRoute(std::string_view host, std::string_view path, Claim claim);
  uint32_t HostNumber(std::string_view host);
  const std::string& NameOf(uint32_t entry) const { return catalog_.entries_[entry].script->function; }

  Catalog& catalog_;
  Index& index_;
  std::unordered_map<std::string, uint32_t> hosts_;
  std::vector<std::unordered_map<std::string, Claim>> claims_;  // by host number
  std::unordered_map<std::string, uint32_t> functions_;
  size_t routes_ = 0;
};

uint32_t Catalog::Builder::HostNumber(std::string_view host) {
  const auto [at, is_new] = hosts_.emplace(std::string(host), static_cast<uint32_t>(index_.hosts.size()));
  if (is_new) index_.hosts.push_back({.name = index_.Keep(std::string(host))});
  return at->second;
}

Status Catalog::Builder::AddRoute(std::string_view host, std::string_view path, Claim claim) {
  if (++routes_ > kRouteCountMax) {
    return Error{ErrorCode::kExhausted, "more than " + std::to_string(kRouteCountMax) + " routes in one catalog"};
  }
  const uint32_t number = HostNumber(host);
  if (claims_.size() <= number) claims_.resize(number + 1);
  const auto [at, is_new] = claims_[number].emplace(std::string(path), claim);
  Claim& there = at->second;
  if (is_new || there.entry == claim.entry) {
    there.is_default = there.is_default && claim.is_default;
    return {};
  }
  if (there.is_default == claim.is_default) {
    return Error{ErrorCode::kExists, "route " + RouteText(host, path) + " belongs to two functions, " + NameOf(there.entry) +
                                         " and " + NameOf(claim.entry) + "; take it from one of them"};
  }
  if (there.is_default) there = claim;
  return {};
}

Status Catalog::Builder::Add(FunctionSpec function) {
  if (function.script == nullptr) return Invalid("a function without a script");
  const std::string name = function.script->function;
  if (!IsValidFunctionName(name)) {
    return Invalid("function name \"" + name + "\": up to 63 letters, digits, '-' and '_' make a name, with a namespace NAME.NAMESPACE");
  }
  const auto entry = static_cast<uint32_t>(catalog_.entries_.size());
  if (entry >= kFunctionCountMax) {
    return Error{ErrorCode::kExhausted, "more than " + std::to_string(kFunctionCountMax) + " functions in one catalog"};
  }
  if (!functions_.emplace(name, entry).second) return Error{ErrorCode::kExists, "function " + name + " is there twice"};
  catalog_.entries_.push_back(
      {std::move(function.script), function.counter_row, function.version_id, function.number, function.engine_class});

  std::string local = name + std::string(kLocalSuffix);
  for (char& c : local) c = ToLowerAscii(c);
  ZTS_RETURN_IF_ERROR(AddRoute(local, "/", {entry, true}));
  ZTS_RETURN_IF_ERROR(AddRoute("", "/" + name, {entry, true}));
  for (const Route& route : function.routes) {
    // Once more through the parser: what it normalises and refuses is what Find relies on.
    auto parsed = ParseRoute(route.host + route.path);
    if (!parsed.ok()) return std::move(parsed).error().Under("function " + name);
    ZTS_RETURN_IF_ERROR(AddRoute(parsed->host, parsed->path, {entry, false}));
  }
  return {};
}

Status Catalog::Builder::AddBesides(Besides besides) {
  std::unordered_map<uint64_t, Entry*> actives, canaries;
  for (Entry& entry : catalog_.entries_) actives.emplace(entry.version_id, &entry);
  for (const SplitSpec& split : besides.splits) canaries.emplace(split.canary, nullptr);
  for (FunctionSpec& version : besides.versions) {
    Entry entry{std::move(version.script), version.counter_row, version.version_id, version.number, version.engine_class};
    if (entry.script == nullptr) return Invalid("a version without a script");
    const auto canary = canaries.find(entry.version_id);
    std::vector<Entry>& list = canary != canaries.end() ? catalog_.entries_ : catalog_.standby_;
    list.push_back(std::move(entry));
    if (canary != canaries.end()) canary->second = &list.back();
  }
  for (SplitSpec& spec : besides.splits) {
    const auto active = actives.find(spec.active);
    Entry* canary = canaries.at(spec.canary);
    if (active == actives.end() || canary == nullptr || active->second->script->function != canary->script->function) {
      return Invalid("a split names versions that are not there");
    }
    active->second->version_row = spec.active_row;
    canary->version_row = spec.canary_row;
    catalog_.splits_.push_back({canary, spec.share, spec.sticky, std::move(spec.sticky_name), SaltOf(*canary)});
    active->second->split = &catalog_.splits_.back();
  }
  return {};
}

Status Catalog::Builder::Finish() {
  for (uint32_t number = 0; number < claims_.size(); ++number) {
    Index::Host& host = index_.hosts[number];
    for (auto& [path, claim] : claims_[number]) {
      if (path == "/") {
        host.root = claim.entry;
        continue;
      }
      host.segments_max = std::max(host.segments_max, SegmentsOf(path));
      index_.paths.push_back({.host = number, .path = index_.Keep(path), .entry = claim.entry});
    }
  }
  for (int attempt = 0; attempt < kSeedsMax; ++attempt) {
    if (index_.Fill(SeedNumber(attempt))) return {};
  }
  return Error{ErrorCode::kExhausted, "the routes collide under every hash tried; rename some functions"};
}

Catalog::Catalog() : index_(std::make_unique<Index>()) {}
Catalog::~Catalog() = default;

Result<std::shared_ptr<const Catalog>> Catalog::Build(uint64_t version, std::vector<FunctionSpec> functions, Besides besides) {
  std::shared_ptr<Catalog> catalog(new Catalog);
  catalog->version_ = version;
  // Entries and splits point at one another: their vectors must not grow.
  catalog->entries_.reserve(functions.size() + besides.versions.size());
  catalog->splits_.reserve(besides.splits.size());
  Builder builder(*catalog);
  for (FunctionSpec& function : functions) ZTS_RETURN_IF_ERROR(builder.Add(std::move(function)));
  ZTS_RETURN_IF_ERROR(builder.AddBesides(std::move(besides)));
  ZTS_RETURN_IF_ERROR(builder.Finish());
  return std::shared_ptr<const Catalog>(std::move(catalog));
}

const Entry* Catalog::Find(std::string_view authority, std::string_view target) const {
  const std::string_view path = target.substr(0, target.find_first_of("?#"));
  if (path.empty() || path.front() != '/') return nullptr;
  uint32_t found = kNone;
  const uint32_t host = index_->FindHost(HostOf(authority));
  if (host != kNone) found = index_->FindPath(host, path);
  if (found == kNone) found = index_->FindPath(0, path);
  return found == kNone ? nullptr : &entries_[found];
}

}  // namespace zts::route
