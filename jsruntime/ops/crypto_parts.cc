#include "jsruntime/ops/crypto_parts.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include <cstring>

#include "jsruntime/ops/crypto_key.h"
#include "jsruntime/ops/text.h"

namespace zts::js {
namespace {

using ParamBuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, OpensslFree<OSSL_PARAM_BLD_free>>;
using ParamsPtr = std::unique_ptr<OSSL_PARAM, OpensslFree<OSSL_PARAM_free>>;

constexpr const char* kRsaNames[] = {OSSL_PKEY_PARAM_RSA_N,       OSSL_PKEY_PARAM_RSA_E,
                                     OSSL_PKEY_PARAM_RSA_D,       OSSL_PKEY_PARAM_RSA_FACTOR1,
                                     OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1,
                                     OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};

BignumPtr NumberOf(std::span<const uint8_t> bytes) {
  BignumPtr number(BN_secure_new());
  if (number != nullptr) BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), number.get());
  return number;
}

PkeyPtr FromParams(const char* type, OSSL_PARAM_BLD* builder, int selection) {
  const ParamsPtr params(OSSL_PARAM_BLD_to_param(builder));
  const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* made = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) <= 0 ||
      EVP_PKEY_fromdata(context.get(), &made, selection, params.get()) <= 0) {
    return nullptr;
  }
  return PkeyPtr(made);
}

// Whether p * q = n and the private exponent undoes the public one on a number.
bool RsaIsConsistent(const std::vector<BignumPtr>& numbers) {
  const std::unique_ptr<BN_CTX, OpensslFree<BN_CTX_free>> context(BN_CTX_new());
  const BignumPtr value(BN_new());
  if (context == nullptr || value == nullptr) return false;
  const BIGNUM* n = numbers[0].get();
  if (BN_mul(value.get(), numbers[3].get(), numbers[4].get(), context.get()) != 1 || BN_cmp(value.get(), n) != 0) return false;
  if (!BN_is_odd(n) || BN_set_word(value.get(), 0x1234567) != 1) return false;
  return BN_mod_exp(value.get(), value.get(), numbers[1].get(), n, context.get()) == 1 &&
         BN_mod_exp_mont_consttime(value.get(), value.get(), numbers[2].get(), n, context.get(), nullptr) == 1 &&
         BN_is_word(value.get(), 0x1234567);
}

PkeyPtr RsaFromParts(const KeyParts& parts, bool* is_private) {
  if (parts.size() != 2 && parts.size() != 8) return nullptr;
  *is_private = parts.size() == 8;
  const ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
  std::vector<BignumPtr> numbers;  // the builder refers to them
  for (size_t i = 0; i < parts.size(); ++i) {
    numbers.push_back(NumberOf(parts[i]));
    const BIGNUM* number = numbers.back().get();
    if (builder == nullptr || number == nullptr || BN_is_zero(number) ||
        OSSL_PARAM_BLD_push_BN(builder.get(), kRsaNames[i], number) != 1) {
      return nullptr;
    }
  }
  if (BN_num_bits(numbers[0].get()) > kRsaBitsMax) return nullptr;
  if (*is_private && !RsaIsConsistent(numbers)) return nullptr;
  return FromParams("RSA", builder.get(), *is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY);
}

std::vector<uint8_t> UncompressedPoint(std::span<const uint8_t> x, std::span<const uint8_t> y) {
  std::vector<uint8_t> point = {4};
  point.insert(point.end(), x.begin(), x.end());
  point.insert(point.end(), y.begin(), y.end());
  return point;
}

bool IsValid(EVP_PKEY* pkey, bool is_private) {
  const PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, pkey, nullptr));
  if (context == nullptr) return false;
  return is_private ? EVP_PKEY_check(context.get()) == 1 : EVP_PKEY_public_check(context.get()) == 1;
}

PkeyPtr EcFromParts(int curve, const KeyParts& parts, bool* is_private) {
  const char* group = curve == 0 ? nullptr : OBJ_nid2sn(curve);
  if (group == nullptr || parts.empty() || parts.size() > 3) return nullptr;
  *is_private = parts.size() == 3;
  const size_t field = curve == NID_X9_62_prime256v1 ? 32 : curve == NID_secp384r1 ? 48 : 66;
  if (parts.size() > 1 && (parts[0].size() != field || parts[1].size() != field)) return nullptr;
  const std::vector<uint8_t> point = parts.size() == 1 ? parts[0] : UncompressedPoint(parts[0], parts[1]);
  const ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
  BignumPtr d;
  if (builder == nullptr || point.empty() ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
    return nullptr;
  }
  if (*is_private) {
    if (parts[2].size() != field) return nullptr;
    d = NumberOf(parts[2]);
    if (d == nullptr || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, d.get()) != 1) return nullptr;
  }
  PkeyPtr made = FromParams("EC", builder.get(), *is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY);
  if (made == nullptr || !IsValid(made.get(), *is_private)) return nullptr;
  return made;
}

PkeyPtr RawFromParts(int type, const KeyParts& parts, bool* is_private) {
  if (parts.empty() || parts.size() > 2) return nullptr;
  *is_private = parts.size() == 2;
  if (!*is_private) return PkeyPtr(EVP_PKEY_new_raw_public_key(type, nullptr, parts[0].data(), parts[0].size()));
  PkeyPtr made(EVP_PKEY_new_raw_private_key(type, nullptr, parts[1].data(), parts[1].size()));
  if (made == nullptr || PublicPoint(made.get()) != parts[0]) return nullptr;
  return made;
}

std::vector<uint8_t> NumberBytes(const EVP_PKEY* pkey, const char* name, size_t width) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(pkey, name, &number) != 1) return {};
  const BignumPtr owner(number);
  const size_t size = static_cast<size_t>(BN_num_bytes(number));
  std::vector<uint8_t> bytes(width == 0 ? size : width);
  if (BN_bn2binpad(number, bytes.data(), static_cast<int>(bytes.size())) < 0) return {};
  return bytes;
}

// A point read in compressed form would be written so again; the outside gets the uncompressed one.
void WriteUncompressed(EVP_PKEY* pkey) {
  if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_EC) return;
  EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED);
}

}  // namespace

int TypeNamed(v8::Isolate* isolate, v8::Local<v8::Value> name) {
  if (!name->IsString()) return 0;
  const Utf8Text text(isolate, name.As<v8::String>());
  if (text.view() == "RSA") return EVP_PKEY_RSA;
  if (text.view() == "EC") return EVP_PKEY_EC;
  if (text.view() == "Ed25519") return EVP_PKEY_ED25519;
  if (text.view() == "X25519") return EVP_PKEY_X25519;
  if (text.view() == "Ed448") return EVP_PKEY_ED448;
  if (text.view() == "X448") return EVP_PKEY_X448;
  return 0;
}

int CurveNamed(v8::Isolate* isolate, v8::Local<v8::Value> name) {
  if (!name->IsString()) return 0;
  const Utf8Text text(isolate, name.As<v8::String>());
  if (text.view() == "P-256") return NID_X9_62_prime256v1;
  if (text.view() == "P-384") return NID_secp384r1;
  if (text.view() == "P-521") return NID_secp521r1;
  return 0;
}

PkeyPtr ReadSpki(std::span<const uint8_t> der) {
  const uint8_t* at = der.data();
  if (at == nullptr) return nullptr;
  PkeyPtr pkey(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (pkey == nullptr || at != der.data() + der.size()) return nullptr;
  if (EVP_PKEY_get_base_id(pkey.get()) == EVP_PKEY_EC && !IsValid(pkey.get(), false)) return nullptr;
  WriteUncompressed(pkey.get());
  return pkey;
}

PkeyPtr ReadPkcs8(std::span<const uint8_t> der) {
  const uint8_t* at = der.data();
  if (at == nullptr) return nullptr;
  const Pkcs8Ptr form(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
  if (form == nullptr || at != der.data() + der.size()) return nullptr;
  PkeyPtr pkey(EVP_PKCS82PKEY(form.get()));
  if (pkey == nullptr) return nullptr;
  if (EVP_PKEY_get_base_id(pkey.get()) == EVP_PKEY_EC && !IsValid(pkey.get(), true)) return nullptr;
  WriteUncompressed(pkey.get());
  return pkey;
}

PkeyPtr FromParts(int type, int curve, const KeyParts& parts, bool* is_private) {
  if (type == EVP_PKEY_RSA) return RsaFromParts(parts, is_private);
  if (type == EVP_PKEY_EC) {
    PkeyPtr made = EcFromParts(curve, parts, is_private);
    if (made != nullptr) WriteUncompressed(made.get());
    return made;
  }
  return type == 0 ? nullptr : RawFromParts(type, parts, is_private);
}

bool IsOf(const EVP_PKEY* pkey, int type, int curve) {
  if (pkey == nullptr || type == 0 || EVP_PKEY_get_base_id(pkey) != type) return false;
  if (type == EVP_PKEY_RSA) return EVP_PKEY_get_bits(pkey) <= kRsaBitsMax;
  if (type != EVP_PKEY_EC) return true;
  char group[64];
  size_t size = 0;
  return curve != 0 && EVP_PKEY_get_group_name(pkey, group, sizeof(group), &size) == 1 && OBJ_txt2nid(group) == curve;
}

size_t FieldBytes(const EVP_PKEY* pkey) { return (static_cast<size_t>(EVP_PKEY_get_bits(pkey)) + 7) / 8; }

std::vector<uint8_t> PublicPoint(const EVP_PKEY* pkey) {
  std::vector<uint8_t> bytes(256);
  size_t size = bytes.size();
  if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC) {
    if (EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, bytes.data(), bytes.size(), &size) != 1) return {};
  } else if (EVP_PKEY_get_raw_public_key(pkey, bytes.data(), &size) != 1) {
    return {};
  }
  bytes.resize(size);
  return bytes;
}

KeyParts PartsOf(const EVP_PKEY* pkey, bool with_private) {
  KeyParts parts;
  switch (EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_RSA:
      for (size_t i = 0; i < (with_private ? 8u : 2u); ++i) parts.push_back(NumberBytes(pkey, kRsaNames[i], 0));
      break;
    case EVP_PKEY_EC: {
      const size_t field = FieldBytes(pkey);
      parts.push_back(NumberBytes(pkey, OSSL_PKEY_PARAM_EC_PUB_X, field));
      parts.push_back(NumberBytes(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, field));
      if (with_private) parts.push_back(NumberBytes(pkey, OSSL_PKEY_PARAM_PRIV_KEY, field));
      break;
    }
    default: {
      parts.push_back(PublicPoint(pkey));
      std::vector<uint8_t> secret(64);
      size_t size = secret.size();
      if (!with_private) break;
      if (EVP_PKEY_get_raw_private_key(pkey, secret.data(), &size) != 1) return {};
      secret.resize(size);
      parts.push_back(std::move(secret));
    }
  }
  for (const auto& part : parts) {
    if (part.empty()) return {};
  }
  return parts;
}

}  // namespace zts::js
