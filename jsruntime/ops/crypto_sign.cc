#include "jsruntime/ops/crypto_sign.h"

#include <openssl/rsa.h>

#include <vector>

#include "jsruntime/ops/crypto_args.h"
#include "jsruntime/ops/crypto_key.h"
#include "jsruntime/ops/crypto_parts.h"

namespace zts::js {
namespace {

enum Scheme : uint32_t { kRsaPkcs1, kRsaPss, kEcdsa, kEdwards, kHmac, kSchemeCount };

struct Call {
  Scheme scheme;
  const Key* key;
  const EVP_MD* digest;
  int salt_length;
};

// The arguments both ops begin with; false where they do not fit.
bool ReadCall(const OpInfo& info, Call* call) {
  call->scheme = static_cast<Scheme>(NumberOr(info[0], kSchemeCount));
  call->key = KeyOf(info[1]);
  call->digest = DigestOf(info.GetIsolate(), info[2]);
  call->salt_length = info[3]->IsInt32() && info[3].As<v8::Int32>()->Value() < 0
                          ? RSA_PSS_SALTLEN_AUTO
                          : static_cast<int>(std::min(NumberOr(info[3], 0), uint32_t{kRsaBitsMax}));
  if (call->scheme >= kSchemeCount || call->key == nullptr) return false;
  if (call->scheme != kEdwards && call->digest == nullptr) return false;
  return (call->key->pkey == nullptr) == (call->scheme == kHmac);
}

bool SetScheme(const Call& call, EVP_PKEY_CTX* context) {
  if (call.scheme == kRsaPkcs1) return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0;
  if (call.scheme != kRsaPss) return true;
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, call.salt_length) > 0;
}

// --- ECDSA's two forms ---------------------------------------------------------------------------------------------------------------

std::vector<uint8_t> FromDer(const EVP_PKEY* pkey, std::span<const uint8_t> der) {
  const uint8_t* at = der.data();
  const EcdsaSigPtr signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (signature == nullptr) return {};
  const size_t field = FieldBytes(pkey);
  std::vector<uint8_t> plain(2 * field);
  if (BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), plain.data(), static_cast<int>(field)) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), plain.data() + field, static_cast<int>(field)) < 0) {
    return {};
  }
  return plain;
}

std::vector<uint8_t> ToDer(const EVP_PKEY* pkey, std::span<const uint8_t> plain) {
  const size_t field = FieldBytes(pkey);
  const EcdsaSigPtr signature(ECDSA_SIG_new());
  if (signature == nullptr || plain.size() != 2 * field) return {};
  BignumPtr r(BN_bin2bn(plain.data(), static_cast<int>(field), nullptr));
  BignumPtr s(BN_bin2bn(plain.data() + field, static_cast<int>(field), nullptr));
  if (r == nullptr || s == nullptr || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return {};
  (void)r.release();
  (void)s.release();
  uint8_t* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size <= 0) return {};
  std::vector<uint8_t> bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

// --- HMAC ----------------------------------------------------------------------------------------------------------------------------

std::vector<uint8_t> Mac(v8::Isolate* isolate, const Call& call, std::span<const uint8_t> data) {
  const HmacCtxPtr context(HMAC_CTX_new());
  const auto& secret = call.key->secret;
  std::vector<uint8_t> mac(EVP_MAX_MD_SIZE);
  unsigned int size = 0;
  if (context == nullptr ||
      HMAC_Init_ex(context.get(), NotNull(secret), static_cast<int>(secret.size()), call.digest, nullptr) != 1 ||
      !InSlices(isolate, data, [&](auto slice) { return HMAC_Update(context.get(), slice.data(), slice.size()) == 1; }) ||
      HMAC_Final(context.get(), mac.data(), &size) != 1) {
    return {};
  }
  mac.resize(size);
  return mac;
}

// --- the ops -------------------------------------------------------------------------------------------------------------------------

std::vector<uint8_t> SignWith(v8::Isolate* isolate, const Call& call, std::span<const uint8_t> data) {
  EVP_PKEY* pkey = call.key->pkey.get();
  const MdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;
  const EVP_MD* digest = call.scheme == kEdwards ? nullptr : call.digest;
  if (!call.key->is_private || context == nullptr ||
      EVP_DigestSignInit(context.get(), &options, digest, nullptr, pkey) != 1 || !SetScheme(call, options)) {
    return {};
  }
  std::vector<uint8_t> signature(static_cast<size_t>(EVP_PKEY_get_size(pkey)));
  size_t size = signature.size();
  if (call.scheme == kEdwards) {
    if (EVP_DigestSign(context.get(), signature.data(), &size, NotNull(data), data.size()) != 1) return {};
  } else if (!InSlices(isolate, data,
                       [&](auto slice) { return EVP_DigestSignUpdate(context.get(), slice.data(), slice.size()) == 1; }) ||
             EVP_DigestSignFinal(context.get(), signature.data(), &size) != 1) {
    return {};
  }
  signature.resize(size);
  return call.scheme == kEcdsa ? FromDer(pkey, signature) : signature;
}

bool VerifyWith(v8::Isolate* isolate, const Call& call, std::span<const uint8_t> signature, std::span<const uint8_t> data) {
  EVP_PKEY* pkey = call.key->pkey.get();
  const MdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;
  const EVP_MD* digest = call.scheme == kEdwards ? nullptr : call.digest;
  if (context == nullptr || EVP_DigestVerifyInit(context.get(), &options, digest, nullptr, pkey) != 1 ||
      !SetScheme(call, options)) {
    return false;
  }
  if (call.scheme == kEdwards) {
    return EVP_DigestVerify(context.get(), NotNull(signature), signature.size(), NotNull(data), data.size()) == 1;
  }
  std::vector<uint8_t> der;
  if (call.scheme == kEcdsa) {
    der = ToDer(pkey, signature);
    if (der.empty()) return false;
    signature = der;
  }
  return InSlices(isolate, data,
                  [&](auto slice) { return EVP_DigestVerifyUpdate(context.get(), slice.data(), slice.size()) == 1; }) &&
         EVP_DigestVerifyFinal(context.get(), NotNull(signature), signature.size()) == 1;
}

void Sign(const OpInfo& info) {
  const OpensslErrors errors;
  Call call;
  if (!ReadCall(info, &call)) return;
  std::vector<uint8_t> signature;
  {
    const BufferBytes data(info[4]);
    v8::Isolate* isolate = info.GetIsolate();
    signature = call.scheme == kHmac ? Mac(isolate, call, data.bytes()) : SignWith(isolate, call, data.bytes());
  }
  if (!signature.empty()) ReturnBytes(info, signature);
}

void Verify(const OpInfo& info) {
  const OpensslErrors errors;
  Call call;
  if (!ReadCall(info, &call)) return;
  v8::Isolate* isolate = info.GetIsolate();
  const BufferBytes signature(info[4]);
  const BufferBytes data(info[5]);
  if (call.scheme != kHmac) return info.GetReturnValue().Set(VerifyWith(isolate, call, signature.bytes(), data.bytes()));
  const std::vector<uint8_t> mac = Mac(isolate, call, data.bytes());
  if (mac.empty()) return;
  info.GetReturnValue().Set(mac.size() == signature.size() &&
                            CRYPTO_memcmp(mac.data(), signature.bytes().data(), mac.size()) == 0);
}

constexpr Op kOps[] = {
    {"sign", Sign},
    {"verify", Verify},
};

}  // namespace

std::span<const Op> CryptoSignOps() { return kOps; }

}  // namespace zts::js
