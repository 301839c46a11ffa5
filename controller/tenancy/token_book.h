// The tokens there are: made, listed, revoked, and recognised when a call shows one.
//
// A token is "zts_ID_SECRET". Only its SHA-256 is kept, which is enough because the secret is 32 random bytes. The *first token* is the
// one in the controller's token file: an admin's, never in the store, so that nothing must be configured to begin with.
//
// Owner:    Controller, one a process.
// Thread:   any. Create and Revoke wait for the disk.
// Life:     store and clock outlive it.
// Limits:   kTokensMax, kTokenNameBytesMax, kScopesMax.
// Errors:   Create: what is wrong with the wish. Find: none for everything that is no valid token, without a reason.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/sha256.h"
#include "controller/store/store.h"
#include "controller/tenancy/roles.h"

namespace zts::tenancy {

// What is read at each call: a few thousand are found in microseconds, and nobody manages more.
inline constexpr size_t kTokensMax = 4096;
inline constexpr size_t kTokenNameBytesMax = 64;
inline constexpr size_t kScopesMax = 16;

struct Token {
  std::string id;  // 8 hex digits; empty: the first token
  std::string name;
  Role role = Role::kViewer;
  std::vector<std::string> scopes;
  Digest hash{};
  int64_t created_ns = 0;
  int64_t expires_ns = 0;  // 0: never
  std::string created_by;
};
using TokenPtr = std::shared_ptr<const Token>;

// "the first token", "token 1234abcd (ci)".
std::string ActorName(const Token& token);

class TokenBook {
 public:
  static Result<std::unique_ptr<TokenBook>> Open(store::Store& store, const Clock& clock, std::string_view first_token);

  // None: unknown, revoked or expired.
  TokenPtr Find(std::string_view shown) const;
  bool IsValid(const Token& token) const;

  struct Wish {
    std::string name;
    Role role = Role::kViewer;
    std::vector<std::string> scopes;
    int64_t lifetime_ns = 0;
    std::string created_by;
  };
  struct Created {
    TokenPtr token;
    std::string secret;
  };
  Result<Created> Create(Wish wish);
  Status Revoke(const std::string& id);
  // By time of making; expired ones too, until they are revoked.
  std::vector<TokenPtr> List() const;

 private:
  TokenBook(store::Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  store::Store& store_;
  const Clock& clock_;
  TokenPtr first_;
  mutable std::mutex mutex_;
  std::map<std::string, TokenPtr> tokens_;
};

}  // namespace zts::tenancy
