#include "jsruntime/ops/crypto_key.h"

#include <memory>
#include <utility>

#include "jsruntime/ops/crypto_parts.h"
#include "jsruntime/ops/random.h"
#include "jsruntime/ops/text.h"
#include "jsruntime/realm.h"

namespace zts::js {

Key::~Key() {
  if (!secret.empty()) OPENSSL_cleanse(secret.data(), secret.size());
}

size_t Key::bytes() const {
  // What OpenSSL keeps of an RSA key is about thirty times its modulus, with the Montgomery contexts of its first use.
  const size_t modulus = pkey == nullptr ? 0 : static_cast<size_t>(EVP_PKEY_get_size(pkey.get()));
  return sizeof(Key) + secret.size() + (modulus == 0 ? 0 : 1024 + 16 * modulus);
}

namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

// The handle of a new key, or nothing.
v8::Local<v8::Value> Handle(v8::Isolate* isolate, std::unique_ptr<Key> key) {
  Realm* realm = Realm::From(isolate);
  v8::Local<v8::Value> handle = v8::Undefined(isolate);
  if (realm == nullptr || key == nullptr) return handle;
  v8::Local<v8::Value> made;
  return realm->objects.Add(isolate, std::move(key)).ToLocal(&made) ? made : handle;
}

std::unique_ptr<Key> NewKey(PkeyPtr pkey, bool is_private, bool extractable) {
  if (pkey == nullptr) return nullptr;
  auto key = std::make_unique<Key>();
  key->pkey = std::move(pkey);
  key->is_private = is_private;
  key->extractable = extractable;
  return key;
}

void KeySecret(const Info& info) {
  const BufferBytes bytes(info[0]);
  if (bytes.size() > kSecretBytesMax) return;
  auto key = std::make_unique<Key>();
  key->extractable = info[1]->IsTrue();
  key->secret.assign(bytes.bytes().begin(), bytes.bytes().end());
  info.GetReturnValue().Set(Handle(info.GetIsolate(), std::move(key)));
}

void KeyRandom(const Info& info) {
  if (!info[0]->IsUint32() || info[0].As<v8::Uint32>()->Value() > kSecretBytesMax) return;
  auto key = std::make_unique<Key>();
  key->extractable = info[1]->IsTrue();
  key->secret.resize(info[0].As<v8::Uint32>()->Value());
  FillRandom(key->secret);
  info.GetReturnValue().Set(Handle(info.GetIsolate(), std::move(key)));
}

// OpenSSL asks between prime candidates: milliseconds apart.
int GoOn(EVP_PKEY_CTX* context) {
  const auto* realm = static_cast<const Realm*>(EVP_PKEY_CTX_get_app_data(context));
  return realm->stopping() ? 0 : 1;
}

PkeyPtr Generate(PkeyCtxPtr context) {
  EVP_PKEY* made = nullptr;
  if (EVP_PKEY_generate(context.get(), &made) <= 0) return nullptr;
  return PkeyPtr(made);
}

PkeyPtr GenerateRsa(Realm* realm, uint32_t bits, std::span<const uint8_t> exponent) {
  PkeyCtxPtr context(EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nullptr));
  const BignumPtr e(BN_bin2bn(exponent.data(), static_cast<int>(exponent.size()), nullptr));
  if (context == nullptr || e == nullptr || bits > static_cast<uint32_t>(kRsaGenerateBitsMax) ||
      EVP_PKEY_keygen_init(context.get()) <= 0 ||
      EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), static_cast<int>(bits)) <= 0 ||
      EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), e.get()) <= 0) {
    return nullptr;
  }
  EVP_PKEY_CTX_set_app_data(context.get(), realm);
  EVP_PKEY_CTX_set_cb(context.get(), GoOn);
  return Generate(std::move(context));
}

PkeyPtr GenerateEc(int curve) {
  PkeyCtxPtr context(EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nullptr));
  if (context == nullptr || curve == 0 || EVP_PKEY_keygen_init(context.get()) <= 0 ||
      EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context.get(), curve) <= 0) {
    return nullptr;
  }
  return Generate(std::move(context));
}

PkeyPtr GenerateRaw(int type) {
  PkeyCtxPtr context(EVP_PKEY_CTX_new_id(type, nullptr));
  if (context == nullptr || EVP_PKEY_keygen_init(context.get()) <= 0) return nullptr;
  return Generate(std::move(context));
}

void KeyPair(const Info& info) {
  const OpensslErrors errors;
  v8::Isolate* isolate = info.GetIsolate();
  Realm* realm = Realm::From(isolate);
  if (realm == nullptr) return;
  const int type = TypeNamed(isolate, info[0]);
  PkeyPtr made;
  if (type == EVP_PKEY_RSA) {
    const BufferBytes exponent(info[2]);
    if (!info[1]->IsUint32() || exponent.size() > 8) return;
    made = GenerateRsa(realm, info[1].As<v8::Uint32>()->Value(), exponent.bytes());
  } else if (type == EVP_PKEY_EC) {
    made = GenerateEc(CurveNamed(isolate, info[1]));
  } else if (type != 0) {
    made = GenerateRaw(type);
  }
  if (made == nullptr) return;
  EVP_PKEY_up_ref(made.get());
  PkeyPtr same(made.get());
  v8::Local<v8::Value> pair[] = {Handle(isolate, NewKey(std::move(same), false, true)),
                                 Handle(isolate, NewKey(std::move(made), true, info[3]->IsTrue()))};
  if (pair[0]->IsUndefined() || pair[1]->IsUndefined()) return;
  info.GetReturnValue().Set(v8::Array::New(isolate, pair, 2));
}

void KeyFromSpki(const Info& info) {
  const OpensslErrors errors;
  v8::Isolate* isolate = info.GetIsolate();
  const BufferBytes der(info[2]);
  PkeyPtr pkey = ReadSpki(der.bytes());
  if (!IsOf(pkey.get(), TypeNamed(isolate, info[0]), CurveNamed(isolate, info[1]))) return;
  info.GetReturnValue().Set(Handle(isolate, NewKey(std::move(pkey), false, true)));
}

void KeyFromPkcs8(const Info& info) {
  const OpensslErrors errors;
  v8::Isolate* isolate = info.GetIsolate();
  const BufferBytes der(info[2]);
  PkeyPtr pkey = ReadPkcs8(der.bytes());
  if (!IsOf(pkey.get(), TypeNamed(isolate, info[0]), CurveNamed(isolate, info[1]))) return;
  info.GetReturnValue().Set(Handle(isolate, NewKey(std::move(pkey), true, info[3]->IsTrue())));
}

void KeyFromParts(const Info& info) {
  const OpensslErrors errors;
  v8::Isolate* isolate = info.GetIsolate();
  const int type = TypeNamed(isolate, info[0]);
  const int curve = CurveNamed(isolate, info[1]);
  if (!info[2]->IsArray()) return;
  const auto list = info[2].As<v8::Array>();
  KeyParts parts;
  for (uint32_t i = 0; i < list->Length() && i < kKeyPartsMax; ++i) {
    v8::Local<v8::Value> item;
    if (!list->Get(isolate->GetCurrentContext(), i).ToLocal(&item)) return;
    const BufferBytes bytes(item);
    if (bytes.size() > kRsaBitsMax / 8) return;
    parts.emplace_back(bytes.bytes().begin(), bytes.bytes().end());
  }
  bool is_private = false;
  PkeyPtr pkey = FromParts(type, curve, parts, &is_private);
  for (auto& part : parts) OPENSSL_cleanse(part.data(), part.size());
  if (!IsOf(pkey.get(), type, curve)) return;
  info.GetReturnValue().Set(Handle(isolate, NewKey(std::move(pkey), is_private, info[3]->IsTrue() || !is_private)));
}

void Return(const Info& info, std::span<const uint8_t> bytes) {
  uint8_t* data = nullptr;
  v8::Local<v8::Uint8Array> made;
  if (!NewBytes(info.GetIsolate(), bytes.size(), &data).ToLocal(&made)) return;
  std::copy(bytes.begin(), bytes.end(), data);
  info.GetReturnValue().Set(made);
}

const Key* Exportable(const Info& info) {
  const Key* key = KeyOf(info[0]);
  return key != nullptr && key->extractable ? key : nullptr;
}

void KeyRaw(const Info& info) {
  const OpensslErrors errors;
  const Key* key = Exportable(info);
  if (key == nullptr || key->is_private) return;
  if (key->pkey == nullptr) return Return(info, key->secret);
  const std::vector<uint8_t> point = PublicPoint(key->pkey.get());
  if (!point.empty()) Return(info, point);
}

void KeySpki(const Info& info) {
  const OpensslErrors errors;
  const Key* key = Exportable(info);
  if (key == nullptr || key->pkey == nullptr || key->is_private) return;
  uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key->pkey.get(), &der);
  if (size <= 0) return;
  Return(info, {der, static_cast<size_t>(size)});
  OPENSSL_free(der);
}

void KeyPkcs8(const Info& info) {
  const OpensslErrors errors;
  const Key* key = Exportable(info);
  if (key == nullptr || key->pkey == nullptr || !key->is_private) return;
  const Pkcs8Ptr form(EVP_PKEY2PKCS8(key->pkey.get()));
  uint8_t* der = nullptr;
  const int size = form == nullptr ? 0 : i2d_PKCS8_PRIV_KEY_INFO(form.get(), &der);
  if (size <= 0) return;
  Return(info, {der, static_cast<size_t>(size)});
  OPENSSL_clear_free(der, static_cast<size_t>(size));
}

void KeyPartsOp(const Info& info) {
  const OpensslErrors errors;
  const Key* key = Exportable(info);
  if (key == nullptr || key->pkey == nullptr) return;
  v8::Isolate* isolate = info.GetIsolate();
  KeyParts parts = PartsOf(key->pkey.get(), key->is_private);
  std::vector<v8::Local<v8::Value>> list;
  for (auto& part : parts) {
    uint8_t* data = nullptr;
    v8::Local<v8::Uint8Array> bytes;
    if (!NewBytes(isolate, part.size(), &data).ToLocal(&bytes)) return;
    std::copy(part.begin(), part.end(), data);
    OPENSSL_cleanse(part.data(), part.size());
    list.push_back(bytes);
  }
  if (!list.empty()) info.GetReturnValue().Set(v8::Array::New(isolate, list.data(), list.size()));
}

void KeyBits(const Info& info) {
  const Key* key = KeyOf(info[0]);
  if (key == nullptr) return;
  const size_t bits = key->pkey == nullptr ? key->secret.size() * 8 : static_cast<size_t>(EVP_PKEY_get_bits(key->pkey.get()));
  info.GetReturnValue().Set(static_cast<double>(bits));
}

void KeyExponent(const Info& info) {
  const OpensslErrors errors;
  const Key* key = KeyOf(info[0]);
  if (key == nullptr || key->pkey == nullptr) return;
  const KeyParts parts = PartsOf(key->pkey.get(), false);
  if (parts.size() == 2) Return(info, parts[1]);
}

constexpr Op kOps[] = {
    {"keySecret", KeySecret},       {"keyRandom", KeyRandom},       {"keyPair", KeyPair},
    {"keyFromSpki", KeyFromSpki},   {"keyFromPkcs8", KeyFromPkcs8}, {"keyFromParts", KeyFromParts},
    {"keyRaw", KeyRaw},             {"keySpki", KeySpki},           {"keyPkcs8", KeyPkcs8},
    {"keyParts", KeyPartsOp},       {"keyBits", KeyBits},           {"keyExponent", KeyExponent},
};

}  // namespace

std::span<const Op> CryptoKeyOps() { return kOps; }

}  // namespace zts::js
