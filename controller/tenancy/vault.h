// The secrets of functions, encrypted under keys from a file that is not part of the store.
//
// Each record is AES-256-GCM with the record's own name as context, so that one cannot be passed off as another. Values are decrypted
// only to be sent to a worker. The key file holds one key a line, 64 hex digits; the first encrypts, all decrypt.
//
// Owner:    Controller, one a process.
// Thread:   any.
// Life:     store and clock outlive it.
// Limits:   kSecretsPerFunctionMax, kSecretBytesMax, kSecretsBytesMax.
// Errors:   Open: a record that no key opens, named with the key's id; a key file that others can read. No error holds a value.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/aead.h"
#include "base/clock.h"
#include "base/result.h"
#include "controller/store/store.h"

namespace zts::tenancy {

inline constexpr size_t kSecretsPerFunctionMax = 64;
// A certificate with its chain and key fits.
inline constexpr size_t kSecretBytesMax = 32 * 1024;
inline constexpr size_t kSecretKeyBytesMax = 128;
// All of them travel with a whole catalog in one message: this is what limits.h leaves there.
inline constexpr size_t kSecretsBytesMax = size_t{3} << 20;
inline constexpr size_t kVaultKeysMax = 16;

class Vault {
 public:
  static Result<std::unique_ptr<Vault>> Open(store::Store& store, const Clock& clock, const std::string& key_file);

  // A change that is yet to be written: `write` gets the record, and what makes it true once it is on the disk.
  using Write = std::function<Status(store::RecordEdit edit, const std::function<void()>& committed)>;
  Status Set(const std::string& function, const std::string& key, const std::string& value, const Write& write);
  Status Delete(const std::string& function, const std::string& key, const Write& write);
  // kInvalid, with what to do, for the first of `keys` that is not set.
  Status CheckAll(const std::string& function, const std::vector<std::string>& keys) const;
  // What must go with a function that is deleted; Forget once it is gone.
  std::vector<store::RecordEdit> RemovalOf(const std::string& function) const;
  void Forget(const std::string& function);

  struct Item {
    std::string function;
    std::string key;
    std::string key_id;
    int64_t updated_ns = 0;
  };
  std::vector<Item> List() const;
  // The ids of all keys that something is encrypted under.
  std::vector<std::string> KeyIds() const;

  struct Rotated {
    std::string key_id;
    uint32_t secrets = 0;
  };
  enum class Key { kAsItIs, kMakeNew };
  // All or none.
  Result<Rotated> Rotate(Key key);

  struct Opened {
    std::map<std::string, std::string> values;
    uint64_t revision = 0;  // another one for other values; 0: no secrets
  };
  // For a worker, and nobody else.
  Result<Opened> OpenAll(const std::string& function) const;

 private:
  struct Secret {
    std::string key_id;
    std::string sealed;
    uint64_t revision = 0;
    int64_t updated_ns = 0;
  };
  struct KeyRing {
    std::string active_id;
    std::map<std::string, AeadKey> keys;
  };
  Vault(store::Store& store, const Clock& clock, std::string key_file) : store_(store), clock_(clock), key_file_(std::move(key_file)) {}
  static Result<KeyRing> ReadKeys(const std::string& path);
  static Status AddKey(const std::string& path);
  static Result<std::string> OpenOne(const KeyRing& keys, const std::string& name, const Secret& secret);
  static std::string Encode(const Secret& secret);
  Status CheckRoom(const std::string& function, const std::string& key, size_t bytes) const;

  store::Store& store_;
  const Clock& clock_;
  const std::string key_file_;
  std::mutex change_mutex_;  // one change at a time, over the disk's write; before mutex_
  mutable std::mutex mutex_;
  KeyRing keys_;
  std::map<std::string, std::map<std::string, Secret>> functions_;
};

}  // namespace zts::tenancy
