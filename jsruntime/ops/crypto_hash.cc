#include "jsruntime/ops/crypto_hash.h"

#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jsruntime/ops/crypto_args.h"

namespace zts::js {

const EVP_MD* DigestNamed(std::string_view name) {
  static constexpr std::pair<std::string_view, const EVP_MD* (*)()> kDigests[] = {
      {"SHA-256", EVP_sha256},       {"SHA-1", EVP_sha1},           {"SHA-384", EVP_sha384},       {"SHA-512", EVP_sha512},
      {"md5", EVP_md5},              {"sha224", EVP_sha224},        {"sha512-224", EVP_sha512_224}, {"sha512-256", EVP_sha512_256},
      {"sha3-224", EVP_sha3_224},    {"sha3-256", EVP_sha3_256},    {"sha3-384", EVP_sha3_384},    {"sha3-512", EVP_sha3_512},
      {"ripemd160", EVP_ripemd160},  {"blake2b512", EVP_blake2b512}, {"blake2s256", EVP_blake2s256}};
  for (const auto& [known, digest] : kDigests) {
    if (known == name) return digest();
  }
  return EVP_get_digestbyname(std::string(name).c_str());
}

namespace {

struct Hash final : NativeObject {
  static constexpr Kind kKind = Kind::kHash;
  Hash() : NativeObject(kKind) {}
  size_t bytes() const override { return 1024; }
  bool Update(std::span<const uint8_t> data) {
    return hmac != nullptr ? HMAC_Update(hmac.get(), data.data(), data.size()) == 1
                           : EVP_DigestUpdate(plain.get(), data.data(), data.size()) == 1;
  }

  MdCtxPtr plain;
  HmacCtxPtr hmac;
};

void Digest(const OpInfo& info) {
  const OpensslErrors errors;
  v8::Isolate* isolate = info.GetIsolate();
  const EVP_MD* algorithm = DigestOf(isolate, info[0]);
  if (algorithm == nullptr) return;
  uint8_t hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  {
    const BufferBytes source(info[1]);
    const MdCtxPtr context(EVP_MD_CTX_new());
    if (context == nullptr || EVP_DigestInit_ex(context.get(), algorithm, nullptr) != 1 ||
        !InSlices(isolate, source.bytes(),
                  [&](auto slice) { return EVP_DigestUpdate(context.get(), slice.data(), slice.size()) == 1; }) ||
        EVP_DigestFinal_ex(context.get(), hash, &size) != 1) {
      return;
    }
  }
  uint8_t* data = nullptr;
  v8::Local<v8::Uint8Array> bytes;
  if (!NewBytes(isolate, size, &data).ToLocal(&bytes)) return;
  std::copy(hash, hash + size, data);
  info.GetReturnValue().Set(bytes->Buffer());
}

void ReturnHash(const OpInfo& info, std::unique_ptr<Hash> hash) {
  Realm* realm = Realm::From(info.GetIsolate());
  v8::Local<v8::Value> handle;
  if (realm != nullptr && realm->objects.Add(info.GetIsolate(), std::move(hash)).ToLocal(&handle)) {
    info.GetReturnValue().Set(handle);
  }
}

void HashStart(const OpInfo& info) {
  const OpensslErrors errors;
  const EVP_MD* algorithm = DigestOf(info.GetIsolate(), info[0]);
  if (algorithm == nullptr) return;
  auto hash = std::make_unique<Hash>();
  if (info[1]->IsUndefined()) {
    hash->plain.reset(EVP_MD_CTX_new());
    if (hash->plain == nullptr || EVP_DigestInit_ex(hash->plain.get(), algorithm, nullptr) != 1) return;
  } else {
    const BufferBytes key(info[1]);
    hash->hmac.reset(HMAC_CTX_new());
    if (hash->hmac == nullptr || key.size() > size_t{INT32_MAX} ||
        HMAC_Init_ex(hash->hmac.get(), NotNull(key.bytes()), static_cast<int>(key.size()), algorithm, nullptr) != 1) {
      return;
    }
  }
  ReturnHash(info, std::move(hash));
}

void HashUpdate(const OpInfo& info) {
  const OpensslErrors errors;
  auto* hash = NativeObjects::Get<Hash>(info[0]);
  const BufferBytes data(info[1]);
  if (hash != nullptr && InSlices(info.GetIsolate(), data.bytes(), [hash](auto slice) { return hash->Update(slice); })) {
    info.GetReturnValue().Set(true);
  }
}

void HashCopy(const OpInfo& info) {
  const OpensslErrors errors;
  const auto* from = NativeObjects::Get<Hash>(info[0]);
  if (from == nullptr) return;
  auto copy = std::make_unique<Hash>();
  if (from->hmac != nullptr) {
    copy->hmac.reset(HMAC_CTX_new());
    if (copy->hmac == nullptr || HMAC_CTX_copy(copy->hmac.get(), from->hmac.get()) != 1) return;
  } else {
    copy->plain.reset(EVP_MD_CTX_new());
    if (copy->plain == nullptr || EVP_MD_CTX_copy_ex(copy->plain.get(), from->plain.get()) != 1) return;
  }
  ReturnHash(info, std::move(copy));
}

void HashFinal(const OpInfo& info) {
  const OpensslErrors errors;
  auto* hash = NativeObjects::Get<Hash>(info[0]);
  if (hash == nullptr) return;
  if (info[1]->IsUint32()) {
    const size_t wanted = info[1].As<v8::Uint32>()->Value();
    if (hash->plain == nullptr || wanted > kExtendedHashBytesMax || !Realm::From(info.GetIsolate())->heap.HasRoomFor(2 * wanted)) return;
    std::vector<uint8_t> extended(wanted);
    if (EVP_DigestFinalXOF(hash->plain.get(), extended.data(), extended.size()) == 1) ReturnBytes(info, extended);
    return;
  }
  uint8_t bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const bool ok = hash->hmac != nullptr ? HMAC_Final(hash->hmac.get(), bytes, &size) == 1
                                        : EVP_DigestFinal_ex(hash->plain.get(), bytes, &size) == 1;
  if (ok) ReturnBytes(info, {bytes, size});
}

void TimingSafeEqual(const OpInfo& info) {
  const BufferBytes a(info[0]);
  const BufferBytes b(info[1]);
  if (a.size() != b.size()) return;
  info.GetReturnValue().Set(CRYPTO_memcmp(NotNull(a.bytes()), NotNull(b.bytes()), a.size()) == 0);
}

void HashInfo(const OpInfo& info) {
  const OpensslErrors errors;
  v8::Isolate* isolate = info.GetIsolate();
  const EVP_MD* algorithm = DigestOf(isolate, info[0]);
  if (algorithm == nullptr) return;
  const bool extends = (EVP_MD_get_flags(algorithm) & EVP_MD_FLAG_XOF) != 0;
  v8::Local<v8::Value> parts[] = {v8::Integer::New(isolate, EVP_MD_get_size(algorithm)), v8::Boolean::New(isolate, extends)};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, std::size(parts)));
}

void HashNames(const OpInfo& info) {
  const OpensslErrors errors;
  std::vector<std::string> names;
  EVP_MD_do_all_sorted(
      [](const EVP_MD*, const char* from, const char*, void* list) { static_cast<std::vector<std::string>*>(list)->push_back(from); },
      &names);
  // Some are known by name alone: what computes them is in a part of OpenSSL that is not loaded.
  std::erase_if(names, [](const std::string& name) {
    const EVP_MD* const known = EVP_get_digestbyname(name.c_str());
    EVP_MD* const digest = known == nullptr ? nullptr : EVP_MD_fetch(nullptr, EVP_MD_get0_name(known), nullptr);
    EVP_MD_free(digest);
    return digest == nullptr;
  });
  ReturnNames(info, names);
}

constexpr Op kOps[] = {
    {"digest", Digest},       {"hashCopy", HashCopy},   {"hashFinal", HashFinal},   {"hashInfo", HashInfo},
    {"hashNames", HashNames}, {"hashStart", HashStart}, {"hashUpdate", HashUpdate}, {"timingSafeEqual", TimingSafeEqual},
};

}  // namespace

std::span<const Op> CryptoHashOps() { return kOps; }

}  // namespace zts::js
