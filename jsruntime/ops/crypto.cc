#include "jsruntime/ops/crypto.h"

#include <openssl/evp.h>

#include <cstring>
#include <string_view>

#include "jsruntime/ops/random.h"
#include "jsruntime/ops/text.h"

namespace zts::js {
namespace {

void RandomFill(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() == 1) FillRandom(WritableBytes(info[0]));
}

void RandomUuid(const v8::FunctionCallbackInfo<v8::Value>& info) {
  uint8_t bytes[16];
  FillRandom(bytes);
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  char text[36];
  size_t at = 0;
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
    text[at++] = "0123456789abcdef"[bytes[i] >> 4];
    text[at++] = "0123456789abcdef"[bytes[i] & 15];
  }
  v8::Local<v8::String> made;
  if (Latin1String(info.GetIsolate(), {text, at}).ToLocal(&made)) info.GetReturnValue().Set(made);
}

const EVP_MD* DigestNamed(std::string_view name) {
  if (name == "SHA-1") return EVP_sha1();
  if (name == "SHA-256") return EVP_sha256();
  if (name == "SHA-384") return EVP_sha384();
  if (name == "SHA-512") return EVP_sha512();
  return nullptr;
}

void Digest(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 2 || !info[0]->IsString()) return;
  v8::Isolate* isolate = info.GetIsolate();
  const EVP_MD* algorithm = DigestNamed(Utf8Text(isolate, info[0].As<v8::String>()).view());
  if (algorithm == nullptr) return;
  uint8_t hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  {
    const BufferBytes source(info[1]);
    if (EVP_Digest(source.chars(), source.size(), hash, &size, algorithm, nullptr) != 1) return;
  }
  uint8_t* data = nullptr;
  v8::Local<v8::Uint8Array> bytes;
  if (!NewBytes(isolate, size, &data).ToLocal(&bytes)) return;
  std::memcpy(data, hash, size);
  info.GetReturnValue().Set(bytes->Buffer());
}

constexpr Op kOps[] = {
    {"randomFill", RandomFill},
    {"randomUuid", RandomUuid},
    {"digest", Digest},
};

}  // namespace

std::span<const Op> CryptoOps() { return kOps; }

}  // namespace zts::js
