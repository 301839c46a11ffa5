#include "jsruntime/ops/brotli.h"

#include <brotli/decode.h>
#include <brotli/encode.h>

#include <algorithm>
#include <array>
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
  if (realm == nullptr || info.Length() != 3 || !info[1]->IsUint32() || !info[2]->IsUint32()) return;
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
  constexpr BrotliEncoderOperation kOperations[] = {BROTLI_OPERATION_PROCESS, BROTLI_OPERATION_FINISH, BROTLI_OPERATION_FLUSH};
  const BROTLI_BOOL went_well = BrotliEncoderCompressStream(brotli->encoder, kOperations[operation], &step->in_left, &step->in,
                                                             &step->out_left, &step->out, nullptr);
  if (went_well == BROTLI_FALSE) return kZlibBroken;
  return BrotliEncoderIsFinished(brotli->encoder) != BROTLI_FALSE ? kZlibEnd : kZlibMore;
}

ZlibStatus Decode(Brotli* brotli, bool finish, Step* step) {
  switch (BrotliDecoderDecompressStream(brotli->decoder, &step->in_left, &step->in, &step->out_left, &step->out, nullptr)) {
    case BROTLI_DECODER_RESULT_SUCCESS: return kZlibEnd;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT: return kZlibMore;
    // An error only where no more can come.
    case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT: return finish ? kZlibBroken : kZlibMore;
    case BROTLI_DECODER_RESULT_ERROR: break;
  }
  return kZlibBroken;
}

void BrotliStep(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 5 || !info[2]->IsUint32()) return;
  auto* brotli = NativeObjects::Get<Brotli>(info[0]);
  const std::span<uint8_t> input = WritableBytes(info[1]);
  const std::span<uint8_t> progress = WritableBytes(info[4]);
  if (brotli == nullptr || progress.size() < 2 * sizeof(uint32_t)) return;
  const size_t at = std::min<size_t>(info[2].As<v8::Uint32>()->Value(), input.size());
  const size_t available = std::min(input.size() - at, kBrotliInputBytes);
  const bool whole = at + available == input.size();
  // Of a part of the input, only the last piece may end or flush.
  const int operation = whole ? OperationOf(info.GetIsolate(), info[3]) : kZlibRun;
  std::array<uint8_t, kZlibChunkBytes> out;
  Step step = {input.data() + at, available, out.data(), out.size()};
  const ZlibStatus status = brotli->encoder != nullptr   ? Encode(brotli, operation, &step)
                            : brotli->decoder != nullptr ? Decode(brotli, operation == kZlibFinish, &step)
                                                         : kZlibBroken;
  const uint32_t told[2] = {static_cast<uint32_t>(available - step.in_left), static_cast<uint32_t>(status)};
  std::memcpy(progress.data(), told, sizeof(told));
  const size_t made = out.size() - step.out_left;
  uint8_t* data = nullptr;
  v8::Local<v8::Uint8Array> bytes;
  if (!NewBytes(info.GetIsolate(), made, &data).ToLocal(&bytes)) return;
  if (made > 0) std::memcpy(data, out.data(), made);
  info.GetReturnValue().Set(bytes);
}

constexpr Op kOps[] = {
    {"brotliOpen", BrotliOpen},
    {"brotliStep", BrotliStep},
    {"brotliClose", BrotliClose},
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
