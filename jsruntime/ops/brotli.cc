#include "jsruntime/ops/brotli.h"

#include <brotli/decode.h>
#include <brotli/encode.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <utility>

#include "jsruntime/native_objects.h"
#include "jsruntime/ops/compression.h"
#include "jsruntime/ops/text.h"
#include "jsruntime/realm.h"
#include "jsruntime/wasm_pages.h"

namespace zts::js {
namespace {

// Before each piece of memory: its size. As large as the strictest alignment.
constexpr size_t kHeadBytes = 16;

struct Brotli final : NativeObject {
  static constexpr Kind kKind = Kind::kBrotli;
  // `reserved` is taken from the quota already.
  Brotli(std::shared_ptr<PageQuota> quota_, bool compress, size_t reserved_)
      : NativeObject(kKind), quota(std::move(quota_)), reserved(reserved_) {
    if (compress) encoder = BrotliEncoderCreateInstance(Allocate, Free, this);
    else decoder = BrotliDecoderCreateInstance(Allocate, Free, this);
  }
  ~Brotli() override { Close(); }
  size_t bytes() const override { return sizeof(*this); }
  void Close() {
    if (encoder != nullptr) BrotliEncoderDestroyInstance(std::exchange(encoder, nullptr));
    if (decoder != nullptr) BrotliDecoderDestroyInstance(std::exchange(decoder, nullptr));
    quota->GiveBack(std::exchange(reserved, 0));
  }

  static void* Allocate(void* of, size_t size) {
    auto* self = static_cast<Brotli*>(of);
    const bool counted = self->reserved == 0;
    if (size > SIZE_MAX - kHeadBytes || (counted && !self->quota->Take(size))) return nullptr;
    auto* memory = static_cast<char*>(std::malloc(size + kHeadBytes));
    if (memory == nullptr) {
      if (counted) self->quota->GiveBack(size);
      return nullptr;
    }
    std::memcpy(memory, &size, sizeof(size));
    return memory + kHeadBytes;
  }
  static void Free(void* of, void* address) {
    if (address == nullptr) return;
    auto* self = static_cast<Brotli*>(of);
    char* memory = static_cast<char*>(address) - kHeadBytes;
    size_t size = 0;
    std::memcpy(&size, memory, sizeof(size));
    std::free(memory);
    if (self->reserved == 0) self->quota->GiveBack(size);
  }

  const std::shared_ptr<PageQuota> quota;
  size_t reserved;  // of a compressor; a decompressor takes each piece by itself
  BrotliEncoderState* encoder = nullptr;
  BrotliDecoderState* decoder = nullptr;
};

// Those that are forgotten hold memory until V8 collects them.
bool Take(v8::Isolate* isolate, PageQuota* quota, size_t bytes) {
  if (quota->Take(bytes)) return true;
  isolate->LowMemoryNotification();
  return quota->Take(bytes);
}

void BrotliOpen(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Realm* realm = Realm::From(isolate);
  if (realm == nullptr || info.Length() != 4 || !info[1]->IsUint32() || !info[2]->IsUint32()) return;
  const bool compress = info[0]->BooleanValue(isolate);
  const uint32_t quality = std::min<uint32_t>(info[1].As<v8::Uint32>()->Value(), BROTLI_MAX_QUALITY);
  const uint32_t window = std::clamp<uint32_t>(info[2].As<v8::Uint32>()->Value(), BROTLI_MIN_WINDOW_BITS, BROTLI_MAX_WINDOW_BITS);
  const size_t reserved = compress ? BrotliEncoderBytesMax(quality, window) : 0;
  if (!Take(isolate, realm->heap.quota().get(), reserved)) return;
  auto made = std::make_unique<Brotli>(realm->heap.quota(), compress, reserved);
  if (made->encoder == nullptr && made->decoder == nullptr) return;
  if (made->encoder != nullptr) {
    BrotliEncoderSetParameter(made->encoder, BROTLI_PARAM_QUALITY, quality);
    BrotliEncoderSetParameter(made->encoder, BROTLI_PARAM_LGWIN, window);
    if (info[3]->IsUint32()) BrotliEncoderSetParameter(made->encoder, BROTLI_PARAM_MODE, info[3].As<v8::Uint32>()->Value());
  }
  v8::Local<v8::Value> handle;
  if (realm->objects.Add(isolate, std::move(made)).ToLocal(&handle)) info.GetReturnValue().Set(handle);
}

void BrotliClose(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (auto* brotli = NativeObjects::Get<Brotli>(info[0]); brotli != nullptr) brotli->Close();
}

struct Step {
  const uint8_t* in;
  size_t in_left;
  uint8_t* out;
  size_t out_left;
};

ZlibStatus Encode(Brotli* brotli, int operation, Step* step) {
  constexpr int kLast = BROTLI_OPERATION_EMIT_METADATA;
  const auto kind = static_cast<BrotliEncoderOperation>(std::clamp<int>(operation, BROTLI_OPERATION_PROCESS, kLast));
  const BROTLI_BOOL went_well = BrotliEncoderCompressStream(brotli->encoder, kind, &step->in_left, &step->in, &step->out_left, &step->out,
                                                             nullptr);
  if (went_well == BROTLI_FALSE) return kZlibBroken;
  return BrotliEncoderIsFinished(brotli->encoder) != BROTLI_FALSE ? kZlibEnd : kZlibMore;
}

ZlibStatus Decode(Brotli* brotli, Step* step) {
  switch (BrotliDecoderDecompressStream(brotli->decoder, &step->in_left, &step->in, &step->out_left, &step->out, nullptr)) {
    case BROTLI_DECODER_RESULT_SUCCESS: return kZlibEnd;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
    case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT: return kZlibMore;
    case BROTLI_DECODER_RESULT_ERROR: break;
  }
  return kZlibBroken;
}

void BrotliWrite(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 5 || !info[1]->IsInt32()) return;
  auto* brotli = NativeObjects::Get<Brotli>(info[0]);
  const std::span<uint8_t> input = WritableBytes(info[2]);
  const std::span<uint8_t> output = WritableBytes(info[3]);
  const std::span<uint8_t> left = WritableBytes(info[4]);
  if (brotli == nullptr || left.size() < 2 * sizeof(uint32_t)) return;
  if (output.size() > UINT32_MAX || input.size() > UINT32_MAX) return;
  const size_t available = std::min(input.size(), kBrotliInputBytes);
  // Of a part of the input, only the last piece may end or flush.
  const int operation = available == input.size() ? info[1].As<v8::Int32>()->Value() : BROTLI_OPERATION_PROCESS;
  Step step = {input.data(), available, output.data(), output.size()};
  const ZlibStatus status = brotli->encoder != nullptr   ? Encode(brotli, operation, &step)
                            : brotli->decoder != nullptr ? Decode(brotli, &step)
                                                         : kZlibBroken;
  const uint32_t told[2] = {static_cast<uint32_t>(step.out_left), static_cast<uint32_t>(input.size() - available + step.in_left)};
  std::memcpy(left.data(), told, sizeof(told));
  info.GetReturnValue().Set(int{status});
}

void BrotliError(const v8::FunctionCallbackInfo<v8::Value>& info) {
  const auto* brotli = info.Length() == 1 ? NativeObjects::Get<Brotli>(info[0]) : nullptr;
  if (brotli == nullptr || brotli->decoder == nullptr) return;
  v8::Isolate* isolate = info.GetIsolate();
  const BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(brotli->decoder);
  v8::Local<v8::String> name;
  if (!v8::String::NewFromUtf8(isolate, BrotliDecoderErrorString(code)).ToLocal(&name)) return;
  v8::Local<v8::Value> parts[] = {v8::Integer::New(isolate, code), name};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, 2));
}

constexpr Op kOps[] = {
    {"brotliClose", BrotliClose},
    {"brotliError", BrotliError},
    {"brotliOpen", BrotliOpen},
    {"brotliWrite", BrotliWrite},
};

}  // namespace

std::span<const Op> BrotliOps() { return kOps; }

size_t BrotliEncoderBytesMax(uint32_t quality, uint32_t window_bits) {
  constexpr size_t kMiB = size_t{1} << 20;
  // Its tables of what has been seen where.
  constexpr size_t kTableMiB[] = {1, 1, 1, 1, 6, 8, 8, 14, 23, 44};
  const size_t ring = (size_t{2} << window_bits) + kMiB;
  // From 10 on they are trees over the whole window.
  return ring + (quality < std::size(kTableMiB) ? kTableMiB[quality] * kMiB : (size_t{8} << window_bits) + 16 * kMiB);
}

}  // namespace zts::js
