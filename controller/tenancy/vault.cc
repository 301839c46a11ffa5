#include "controller/tenancy/vault.h"

#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/sha256.h"
#include "controller/tenancy/records.pb.h"

namespace zts::tenancy {
namespace {

constexpr std::string_view kKeyPrefix = "s/";
constexpr size_t kKeyFileBytesMax = 16 * 1024;
constexpr size_t kKeyIdDigits = 8;

// s/FUNCTION/KEY; neither has a '/'.
std::string NameOf(const std::string& function, const std::string& key) { return std::string(kKeyPrefix) + function + "/" + key; }

std::string IdOf(const AeadKey& key) {
  const std::string_view bytes(reinterpret_cast<const char*>(key.data()), key.size());
  return ToHex(Sha256Of("zts secret key id" + std::string(bytes))).substr(0, kKeyIdDigits);
}

bool IsEnvName(const std::string& key) {
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
  return !key.empty() && key.size() <= kSecretKeyBytesMax && !(key[0] >= '0' && key[0] <= '9') && std::all_of(key.begin(), key.end(), good);
}

Result<std::string> NewKeyLine() {
  Digest bytes;
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return Error::FromErrno("getrandom");
  return ToHex(bytes) + "\n";
}

Error Unopened(const std::string& name, const std::string& key_id, const std::string& path) {
  return {ErrorCode::kDenied, "the secret " + name.substr(kKeyPrefix.size()) + " is encrypted under key " + key_id + ", which " + path +
                                  " does not hold; put that key back (--secret-key-file)"};
}

}  // namespace

Result<Vault::KeyRing> Vault::ReadKeys(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return Error::FromErrno("secret key file " + path);
  if ((info.st_mode & 077) != 0) {
    return Error{ErrorCode::kDenied, "secret key file " + path + " can be read by others; run: chmod 600 " + path};
  }
  ZTS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kKeyFileBytesMax));
  KeyRing ring;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    begin = end + 1;
    if (line.empty()) continue;
    const auto key = DigestFromHex(line);
    if (!key || ring.keys.size() >= kVaultKeysMax) {
      return Invalid("secret key file " + path + " must hold 1 to " + std::to_string(kVaultKeysMax) +
                     " lines of 64 lower-case hex digits each; make one with: openssl rand -hex 32");
    }
    const std::string id = IdOf(*key);
    if (ring.active_id.empty()) ring.active_id = id;
    ring.keys[id] = *key;
  }
  if (ring.keys.empty()) return Invalid("secret key file " + path + " is empty; it holds a line of 64 hex digits");
  return ring;
}

Status Vault::AddKey(const std::string& path) {
  ZTS_ASSIGN_OR_RETURN(std::string text, NewKeyLine());
  if (auto old = ReadFile(path, kKeyFileBytesMax); old.ok()) text += *old;
  return WriteFileAtomically(path, text, 0600);
}

Result<std::string> Vault::OpenOne(const KeyRing& keys, const std::string& name, const Secret& secret) {
  const auto key = keys.keys.find(secret.key_id);
  if (key == keys.keys.end()) return Unopened(name, secret.key_id, "the key file");
  auto opened = zts::Open(key->second, name, secret.sealed);
  if (!opened.ok()) {
    return Error{ErrorCode::kCorrupt, "the secret " + name.substr(kKeyPrefix.size()) + " is damaged; set it again, or restore a backup"};
  }
  return opened;
}

std::string Vault::Encode(const Secret& secret) {
  record::Secret message;
  message.set_key_id(secret.key_id);
  message.set_sealed(secret.sealed);
  message.set_revision(secret.revision);
  message.set_updated_ns(secret.updated_ns);
  return message.SerializeAsString();
}

Result<std::unique_ptr<Vault>> Vault::Open(store::Store& store, const Clock& clock, const std::string& key_file) {
  std::unique_ptr<Vault> vault(new Vault(store, clock, key_file));
  ZTS_ASSIGN_OR_RETURN(const std::vector<store::Record> records, store.ScanRecords(kKeyPrefix));
  struct stat info;
  // A new key for old secrets would only hide that theirs is lost.
  if (records.empty() && ::stat(key_file.c_str(), &info) != 0 && errno == ENOENT) ZTS_RETURN_IF_ERROR(AddKey(key_file));
  auto keys = ReadKeys(key_file);
  if (!keys.ok() && !records.empty() && keys.error().code == ErrorCode::kNotFound) {
    record::Secret first;
    first.ParseFromString(records.front().value);
    return Unopened(records.front().key, first.key_id(), key_file);
  }
  if (!keys.ok()) return std::move(keys).error();
  vault->keys_ = *std::move(keys);
  for (const store::Record& record : records) {
    record::Secret message;
    const size_t slash = record.key.find('/', kKeyPrefix.size());
    if (!message.ParseFromString(record.value) || slash == std::string::npos) {
      return Error{ErrorCode::kCorrupt, "the record of a secret cannot be read; restore the data directory from a backup"};
    }
    const Secret secret{message.key_id(), message.sealed(), message.revision(), message.updated_ns()};
    if (vault->keys_.keys.count(secret.key_id) == 0) return Unopened(record.key, secret.key_id, key_file);
    ZTS_ASSIGN_OR_RETURN(const std::string opened, OpenOne(vault->keys_, record.key, secret));
    vault->functions_[record.key.substr(kKeyPrefix.size(), slash - kKeyPrefix.size())][record.key.substr(slash + 1)] = secret;
  }
  return vault;
}

Status Vault::CheckRoom(const std::string& function, const std::string& key, size_t bytes) const {
  if (!IsEnvName(key)) {
    return Invalid("a secret's name is one that env can have: letters, digits and '_', not starting with a digit, at most " +
                   std::to_string(kSecretKeyBytesMax));
  }
  if (bytes == 0) return Invalid("the secret is empty");
  if (bytes > kSecretBytesMax) {
    return Error{ErrorCode::kExhausted, "a secret has at most " + std::to_string(kSecretBytesMax) +
        " bytes, this one has " + std::to_string(bytes)};
  }
  size_t all = bytes;
  for (const auto& [name, secrets] : functions_) {
    for (const auto& [other, secret] : secrets) all += name == function && other == key ? 0 : secret.sealed.size();
  }
  if (all > kSecretsBytesMax) {
    return Error{ErrorCode::kExhausted, "all secrets together may have " + std::to_string(kSecretsBytesMax >> 20) + " MiB; delete some"};
  }
  const auto found = functions_.find(function);
  const bool another = found == functions_.end() || found->second.count(key) == 0;
  if (found != functions_.end() && another && found->second.size() >= kSecretsPerFunctionMax) {
    return Error{ErrorCode::kExhausted, "a function has at most " + std::to_string(kSecretsPerFunctionMax) + " secrets"};
  }
  return {};
}

Status Vault::Set(const std::string& function, const std::string& key, const std::string& value, const Write& write) {
  const std::lock_guard change(change_mutex_);
  Secret secret;
  {
    const std::lock_guard lock(mutex_);
    ZTS_RETURN_IF_ERROR(CheckRoom(function, key, value.size()));
    if (value.find('\0') != std::string::npos) return Invalid("a secret is text without NUL bytes; encode it, with base64 for example");
    ZTS_ASSIGN_OR_RETURN(secret.sealed, Seal(keys_.keys.at(keys_.active_id), NameOf(function, key), value));
    secret.key_id = keys_.active_id;
  }
  secret.updated_ns = clock_.WallNow();
  if (::getrandom(&secret.revision, sizeof secret.revision, 0) != sizeof secret.revision) return Error::FromErrno("getrandom");
  return write({NameOf(function, key), Encode(secret)}, [&] {
    const std::lock_guard lock(mutex_);
    functions_[function][key] = secret;
  });
}

Status Vault::Delete(const std::string& function, const std::string& key, const Write& write) {
  const std::lock_guard change(change_mutex_);
  {
    const std::lock_guard lock(mutex_);
    const auto found = functions_.find(function);
    if (found == functions_.end() || found->second.count(key) == 0) {
      return NotFound("there is no such secret; 'ztsctl secret list' shows the names");
    }
  }
  return write({NameOf(function, key), std::nullopt}, [&] {
    const std::lock_guard lock(mutex_);
    functions_[function].erase(key);
    if (functions_[function].empty()) functions_.erase(function);
  });
}

Status Vault::CheckAll(const std::string& function, const std::vector<std::string>& keys) const {
  const std::lock_guard lock(mutex_);
  const auto found = functions_.find(function);
  for (const std::string& key : keys) {
    if (found != functions_.end() && found->second.count(key) != 0) continue;
    return Invalid("'" + function + "' has no secret '" + key + "', which this version names; set it first: ztsctl secret set " + function +
                   " " + key + " < FILE");
  }
  return {};
}

std::vector<store::RecordEdit> Vault::RemovalOf(const std::string& function) const {
  const std::lock_guard lock(mutex_);
  std::vector<store::RecordEdit> edits;
  const auto found = functions_.find(function);
  if (found == functions_.end()) return edits;
  for (const auto& [key, secret] : found->second) edits.push_back({NameOf(function, key), std::nullopt});
  return edits;
}

void Vault::Forget(const std::string& function) {
  const std::lock_guard lock(mutex_);
  functions_.erase(function);
}

std::vector<Vault::Item> Vault::List() const {
  const std::lock_guard lock(mutex_);
  std::vector<Item> list;
  for (const auto& [function, secrets] : functions_) {
    for (const auto& [key, secret] : secrets) list.push_back({function, key, secret.key_id, secret.updated_ns});
  }
  return list;
}

std::vector<std::string> Vault::KeyIds() const {
  std::set<std::string> ids;
  for (const Item& item : List()) ids.insert(item.key_id);
  return {ids.begin(), ids.end()};
}

Result<Vault::Rotated> Vault::Rotate(Key key) {
  const std::lock_guard change(change_mutex_);
  if (key == Key::kMakeNew) ZTS_RETURN_IF_ERROR(AddKey(key_file_));
  ZTS_ASSIGN_OR_RETURN(KeyRing ring, ReadKeys(key_file_));
  const std::lock_guard lock(mutex_);
  auto after = functions_;
  std::vector<store::RecordEdit> edits;
  for (auto& [function, secrets] : after) {
    for (auto& [name, secret] : secrets) {
      const std::string record = NameOf(function, name);
      // Under the keys of before: the file may hold the new one alone already.
      auto value = OpenOne(keys_, record, secret);
      if (!value.ok()) value = OpenOne(ring, record, secret);
      if (!value.ok()) return std::move(value).error();
      ZTS_ASSIGN_OR_RETURN(secret.sealed, Seal(ring.keys.at(ring.active_id), record, *value));
      secret.key_id = ring.active_id;
      edits.push_back({record, Encode(secret)});
    }
  }
  ZTS_RETURN_IF_ERROR(store_.WriteRecords(edits));
  functions_ = std::move(after);
  keys_ = std::move(ring);
  return Rotated{keys_.active_id, static_cast<uint32_t>(edits.size())};
}

Result<Vault::Opened> Vault::OpenAll(const std::string& function) const {
  const std::lock_guard lock(mutex_);
  Opened opened;
  const auto found = functions_.find(function);
  if (found == functions_.end()) return opened;
  for (const auto& [key, secret] : found->second) {
    ZTS_ASSIGN_OR_RETURN(opened.values[key], OpenOne(keys_, NameOf(function, key), secret));
    opened.revision = opened.revision * 1099511628211u + secret.revision + 1;
  }
  return opened;
}

}  // namespace zts::tenancy
