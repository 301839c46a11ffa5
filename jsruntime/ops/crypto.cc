#include "jsruntime/ops/crypto.h"

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

constexpr Op kOps[] = {
    {"randomFill", RandomFill},
    {"randomUuid", RandomUuid},
};

}  // namespace

std::span<const Op> CryptoOps() { return kOps; }

}  // namespace zts::js
