#include "controller/tenancy/token_book.h"

#include <sys/random.h>

#include <algorithm>

#include "controller/tenancy/records.pb.h"

namespace zts::tenancy {
namespace {

constexpr std::string_view kKeyPrefix = "t/";
constexpr std::string_view kTextPrefix = "zts_";
constexpr size_t kIdDigits = 8;
constexpr int64_t kLifetimeMax = 3650 * int64_t{86400} * kSecond;

// In time that does not depend on where they differ.
bool HashesEqual(const Digest& a, const Digest& b) {
  unsigned different = 0;
  for (size_t i = 0; i < a.size(); ++i) different |= static_cast<unsigned>(a[i] ^ b[i]);
  return different == 0;
}

Result<std::string> RandomHex(size_t digits) {
  Digest bytes;
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return Error::FromErrno("getrandom");
  return ToHex(bytes).substr(0, digits);
}

// None when the text has not the form of a token of the store.
std::optional<std::string> IdOf(std::string_view shown) {
  if (!shown.starts_with(kTextPrefix) || shown.size() <= kTextPrefix.size() + kIdDigits) return std::nullopt;
  return std::string(shown.substr(kTextPrefix.size(), kIdDigits));
}

std::string Encode(const Token& token) {
  record::Token message;
  message.set_name(token.name);
  message.set_hash(token.hash.data(), token.hash.size());
  message.set_role(std::string(RoleName(token.role)));
  for (const std::string& scope : token.scopes) message.add_scopes(scope);
  message.set_created_ns(token.created_ns);
  message.set_expires_ns(token.expires_ns);
  message.set_created_by(token.created_by);
  return message.SerializeAsString();
}

Result<TokenPtr> Decode(const store::Record& from) {
  record::Token message;
  const auto token = std::make_shared<Token>();
  token->id = from.key.substr(kKeyPrefix.size());
  const bool parsed = message.ParseFromString(from.value);
  const auto role = RoleFrom(message.role());
  if (!parsed || !role || message.hash().size() != token->hash.size()) {
    return Error{ErrorCode::kCorrupt, "the record of token " + token->id + " cannot be read; restore the data directory from a backup"};
  }
  token->name = message.name();
  std::copy(message.hash().begin(), message.hash().end(), token->hash.begin());
  token->role = *role;
  token->scopes = {message.scopes().begin(), message.scopes().end()};
  token->created_ns = message.created_ns();
  token->expires_ns = message.expires_ns();
  token->created_by = message.created_by();
  return TokenPtr(token);
}

Status CheckWish(const TokenBook::Wish& wish) {
  const bool plain = std::all_of(wish.name.begin(), wish.name.end(),
      [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
  if (wish.name.size() > kTokenNameBytesMax || !plain) {
    return Invalid("a token's name is one line of at most " + std::to_string(kTokenNameBytesMax) + " bytes");
  }
  if (wish.scopes.size() > kScopesMax) return Invalid("a token has at most " + std::to_string(kScopesMax) + " scopes");
  for (const std::string& scope : wish.scopes) {
    if (!IsScope(scope)) {
      return Invalid("'" + scope.substr(0, kTokenNameBytesMax) +
                     "' is no scope; write NAMESPACE or NAMESPACE/FUNCTION, with '*' for any run of characters, as in 'shop/api-*'");
    }
  }
  const bool whole = wish.role == Role::kAdmin || wish.role == Role::kWorker;
  if (whole && !wish.scopes.empty()) {
    return Invalid("a token of role " + std::string(RoleName(wish.role)) + " reaches everything; give scopes to deployers and viewers");
  }
  if (wish.lifetime_ns < 0 || wish.lifetime_ns > kLifetimeMax) {
    return Invalid("a token lives for at most 3650 days; leave --expires out for ever");
  }
  return {};
}

}  // namespace

std::string ActorName(const Token& token) {
  if (token.id.empty()) return "the first token";
  return "token " + token.id + (token.name.empty() ? "" : " (" + token.name + ")");
}

Result<std::unique_ptr<TokenBook>> TokenBook::Open(store::Store& store, const Clock& clock, std::string_view first_token) {
  std::unique_ptr<TokenBook> book(new TokenBook(store, clock));
  const auto first = std::make_shared<Token>();
  first->role = Role::kAdmin;
  first->hash = Sha256Of(first_token);
  book->first_ = first;
  ZTS_ASSIGN_OR_RETURN(const std::vector<store::Record> records, store.ScanRecords(kKeyPrefix));
  for (const store::Record& record : records) {
    ZTS_ASSIGN_OR_RETURN(TokenPtr token, Decode(record));
    book->tokens_[token->id] = std::move(token);
  }
  return book;
}

bool TokenBook::IsValid(const Token& token) const {
  if (token.expires_ns != 0 && clock_.WallNow() >= token.expires_ns) return false;
  if (token.id.empty()) return true;
  const std::lock_guard lock(mutex_);
  return tokens_.count(token.id) != 0;
}

TokenPtr TokenBook::Find(std::string_view shown) const {
  const Digest hash = Sha256Of(shown);
  if (HashesEqual(hash, first_->hash)) return first_;
  const auto id = IdOf(shown);
  if (!id) return nullptr;
  TokenPtr token;
  {
    const std::lock_guard lock(mutex_);
    const auto found = tokens_.find(*id);
    if (found == tokens_.end()) return nullptr;
    token = found->second;
  }
  if (!HashesEqual(hash, token->hash) || !IsValid(*token)) return nullptr;
  return token;
}

Result<TokenBook::Created> TokenBook::Create(Wish wish) {
  ZTS_RETURN_IF_ERROR(CheckWish(wish));
  const auto token = std::make_shared<Token>();
  ZTS_ASSIGN_OR_RETURN(token->id, RandomHex(kIdDigits));
  ZTS_ASSIGN_OR_RETURN(const std::string secret, RandomHex(2 * sizeof(Digest)));
  const std::string text = std::string(kTextPrefix) + token->id + "_" + secret;
  token->hash = Sha256Of(text);
  token->name = std::move(wish.name);
  token->role = wish.role;
  token->scopes = std::move(wish.scopes);
  token->created_ns = clock_.WallNow();
  token->expires_ns = wish.lifetime_ns == 0 ? 0 : token->created_ns + wish.lifetime_ns;
  token->created_by = std::move(wish.created_by);
  const std::lock_guard lock(mutex_);
  if (tokens_.size() >= kTokensMax) {
    return Error{ErrorCode::kExhausted, "there are " + std::to_string(kTokensMax) + " tokens already; revoke some: ztsctl token list"};
  }
  if (tokens_.count(token->id) != 0) return Unavailable("the drawn id is taken; try again");
  ZTS_RETURN_IF_ERROR(store_.WriteRecords({{std::string(kKeyPrefix) + token->id, Encode(*token)}}));
  tokens_[token->id] = token;
  return Created{token, text};
}

Status TokenBook::Revoke(const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (tokens_.count(id) == 0) {
    return NotFound("there is no token '" + id.substr(0, kTokenNameBytesMax) + "'; 'ztsctl token list' shows those there are");
  }
  ZTS_RETURN_IF_ERROR(store_.WriteRecords({{std::string(kKeyPrefix) + id, std::nullopt}}));
  tokens_.erase(id);
  return {};
}

std::vector<TokenPtr> TokenBook::List() const {
  std::vector<TokenPtr> list;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, token] : tokens_) list.push_back(token);
  }
  std::sort(list.begin(), list.end(), [](const TokenPtr& a, const TokenPtr& b) { return a->created_ns < b->created_ns; });
  return list;
}

}  // namespace zts::tenancy
