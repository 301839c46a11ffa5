#include "jsruntime/ops/crypto_derive.h"

#include <vector>

#include "jsruntime/ops/crypto_args.h"
#include "jsruntime/ops/crypto_key.h"

namespace zts::js {
namespace {

using Bytes = std::span<const uint8_t>;

void Agree(const OpInfo& info) {
  const OpensslErrors errors;
  const Key* own = KeyOf(info[0]);
  const Key* peer = KeyOf(info[1]);
  if (own == nullptr || peer == nullptr || !own->is_private || peer->pkey == nullptr) return;
  const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, own->pkey.get(), nullptr));
  uint8_t secret[128];
  size_t size = sizeof(secret);
  if (context == nullptr || EVP_PKEY_derive_init(context.get()) <= 0 ||
      EVP_PKEY_derive_set_peer(context.get(), peer->pkey.get()) <= 0 ||
      EVP_PKEY_derive(context.get(), secret, &size) <= 0) {
    return;
  }
  ReturnBytes(info, {secret, size});
  OPENSSL_cleanse(secret, sizeof(secret));
}

// RFC 5869 2.3. The first block hashes no block before it.
bool Expand(const EVP_MD* digest, Bytes prk, Bytes purpose, std::vector<uint8_t>* out, size_t length) {
  const HmacCtxPtr context(HMAC_CTX_new());
  uint8_t block[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  for (uint8_t i = 1; out->size() < length; ++i) {
    if (context == nullptr || HMAC_Init_ex(context.get(), prk.data(), static_cast<int>(prk.size()), digest, nullptr) != 1 ||
        HMAC_Update(context.get(), block, size) != 1 ||
        HMAC_Update(context.get(), NotNull(purpose), purpose.size()) != 1 || HMAC_Update(context.get(), &i, 1) != 1 ||
        HMAC_Final(context.get(), block, &size) != 1) {
      return false;
    }
    out->insert(out->end(), block, block + std::min<size_t>(size, length - out->size()));
  }
  return true;
}

void Hkdf(const OpInfo& info) {
  const OpensslErrors errors;
  const EVP_MD* digest = DigestOf(info.GetIsolate(), info[0]);
  const Key* key = KeyOf(info[1]);
  const size_t length = NumberOr(info[4], UINT32_MAX);
  if (digest == nullptr || key == nullptr || length > 255 * static_cast<size_t>(EVP_MD_get_size(digest))) return;
  std::vector<uint8_t> out;
  {
    const BufferBytes salt(info[2]);
    const BufferBytes purpose(info[3]);
    uint8_t prk[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (salt.size() > kSecretBytesMax || purpose.size() > kSecretBytesMax ||
        HMAC(digest, NotNull(salt.bytes()), static_cast<int>(salt.size()), NotNull(key->secret), key->secret.size(), prk,
             &size) == nullptr ||
        !Expand(digest, {prk, size}, purpose.bytes(), &out, length)) {
      return;
    }
  }
  ReturnBytes(info, out);
}

// One block of RFC 8018 5.2. `keyed` has hashed the password already, which each iteration copies.
bool Pbkdf2Block(v8::Isolate* isolate, HMAC_CTX* keyed, Bytes salt, uint32_t index, uint32_t iterations, uint8_t* block,
                 size_t size) {
  const HmacCtxPtr context(HMAC_CTX_new());
  const uint8_t counter[] = {static_cast<uint8_t>(index >> 24), static_cast<uint8_t>(index >> 16),
                             static_cast<uint8_t>(index >> 8), static_cast<uint8_t>(index)};
  uint8_t chain[EVP_MAX_MD_SIZE];
  if (context == nullptr || HMAC_CTX_copy(context.get(), keyed) != 1 ||
      HMAC_Update(context.get(), NotNull(salt), salt.size()) != 1 || HMAC_Update(context.get(), counter, 4) != 1 ||
      HMAC_Final(context.get(), chain, nullptr) != 1) {
    return false;
  }
  std::copy(chain, chain + size, block);
  for (uint32_t i = 1; i < iterations; ++i) {
    if (i % kIterationsASlice == 0 && Stopping(isolate)) return false;
    if (HMAC_CTX_copy(context.get(), keyed) != 1 || HMAC_Update(context.get(), chain, size) != 1 ||
        HMAC_Final(context.get(), chain, nullptr) != 1) {
      return false;
    }
    for (size_t j = 0; j < size; ++j) block[j] ^= chain[j];
  }
  return true;
}

void Pbkdf2(const OpInfo& info) {
  const OpensslErrors errors;
  v8::Isolate* isolate = info.GetIsolate();
  const EVP_MD* digest = DigestOf(isolate, info[0]);
  const Key* key = KeyOf(info[1]);
  const uint32_t iterations = NumberOr(info[3], 0);
  const size_t length = NumberOr(info[4], UINT32_MAX);
  if (digest == nullptr || key == nullptr || iterations == 0 || length > kDerivedBytesMax) return;
  std::vector<uint8_t> out;
  {
    const BufferBytes salt(info[2]);
    const size_t size = static_cast<size_t>(EVP_MD_get_size(digest));
    const HmacCtxPtr keyed(HMAC_CTX_new());
    if (keyed == nullptr || salt.size() > kSecretBytesMax ||
        HMAC_Init_ex(keyed.get(), NotNull(key->secret), static_cast<int>(key->secret.size()), digest, nullptr) != 1) {
      return;
    }
    for (uint32_t index = 1; out.size() < length; ++index) {
      out.resize(out.size() + size);
      if (Stopping(isolate) ||
          !Pbkdf2Block(isolate, keyed.get(), salt.bytes(), index, iterations, out.data() + out.size() - size, size)) {
        return;
      }
    }
  }
  ReturnBytes(info, Bytes(out).first(length));
}

void Scrypt(const OpInfo& info) {
  const OpensslErrors errors;
  const Key* key = KeyOf(info[0]);
  const uint64_t n = NumberOr(info[2], 0);
  const uint64_t r = NumberOr(info[3], 0);
  const uint64_t p = NumberOr(info[4], 0);
  const size_t length = NumberOr(info[5], UINT32_MAX);
  if (key == nullptr || length > kDerivedBytesMax || n == 0 || r == 0 || p == 0 || n > kScryptWorkMax || r > kScryptWorkMax ||
      p > kScryptWorkMax || n * r > kScryptWorkMax || n * r * p > kScryptWorkMax || 128 * n * r > kScryptBytesMax) {
    return;
  }
  std::vector<uint8_t> out(length);
  {
    const BufferBytes salt(info[1]);
    if (EVP_PBE_scrypt(reinterpret_cast<const char*>(NotNull(key->secret)), key->secret.size(), NotNull(salt.bytes()),
                       salt.size(), n, r, p, 2 * kScryptBytesMax, out.data(), out.size()) != 1) {
      return;
    }
  }
  ReturnBytes(info, out);
}

constexpr Op kOps[] = {
    {"agree", Agree},
    {"hkdf", Hkdf},
    {"pbkdf2", Pbkdf2},
    {"scrypt", Scrypt},
};

}  // namespace

std::span<const Op> CryptoDeriveOps() { return kOps; }

}  // namespace zts::js
