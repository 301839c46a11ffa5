#include "jsruntime/ops/compression.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <new>

#include "jsruntime/ops/text.h"

namespace zts::js {
namespace {

constexpr size_t kAlignment = 64;
constexpr int kLevel = 6;
constexpr int kMemoryLevel = 8;

// At the beginning of the state; what zlib allocates follows.
struct Codec {
  z_stream stream;
  bool compress;
  size_t used;
  size_t size;
};

size_t Aligned(size_t at) { return (at + kAlignment - 1) / kAlignment * kAlignment; }

void* Allocate(void* opaque, unsigned count, unsigned size) {
  auto* codec = static_cast<Codec*>(opaque);
  const size_t bytes = Aligned(size_t{count} * size);
  if (bytes > codec->size - codec->used) return nullptr;
  void* const at = reinterpret_cast<char*>(codec) + codec->used;
  codec->used += bytes;
  return at;
}

// The state goes as a whole.
void Free(void*, void*) {}

int WindowBits(int format) { return format == 0 ? MAX_WBITS + 16 : format == 1 ? MAX_WBITS : -MAX_WBITS; }

void ZlibOpen(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() < 2 || !info[0]->IsInt32()) return;
  v8::Isolate* isolate = info.GetIsolate();
  const int level = info[2]->IsInt32() ? std::clamp(info[2].As<v8::Int32>()->Value(), Z_DEFAULT_COMPRESSION, Z_BEST_COMPRESSION) : kLevel;
  const bool compress = info[1]->BooleanValue(isolate);
  const size_t size = compress ? kDeflateStateBytes : kInflateStateBytes;
  uint8_t* data = nullptr;
  v8::Local<v8::Uint8Array> state;
  if (!NewBytes(isolate, size, &data).ToLocal(&state)) return;
  auto* codec = new (data) Codec{};
  codec->compress = compress;
  codec->used = Aligned(sizeof(Codec));
  codec->size = size;
  codec->stream.zalloc = Allocate;
  codec->stream.zfree = Free;
  codec->stream.opaque = codec;
  const int bits = WindowBits(info[0].As<v8::Int32>()->Value());
  const int made = compress ? deflateInit2(&codec->stream, level, Z_DEFLATED, bits, kMemoryLevel, Z_DEFAULT_STRATEGY)
                            : inflateInit2(&codec->stream, bits);
  if (made != Z_OK) return ThrowRangeError(isolate, "zlib could not be started");
  info.GetReturnValue().Set(state);
}

ZlibStatus StatusOf(int code, const Codec& codec, bool finish) {
  if (code == Z_STREAM_END) return kZlibEnd;
  // No progress for want of input is an error only where no more can come.
  if (code == Z_BUF_ERROR) return finish && !codec.compress && codec.stream.avail_out > 0 ? kZlibBroken : kZlibMore;
  return code == Z_OK ? kZlibMore : kZlibBroken;
}

void ZlibStep(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 5 || !info[2]->IsUint32()) return;
  const std::span<uint8_t> state = WritableBytes(info[0]);
  const std::span<uint8_t> input = WritableBytes(info[1]);
  const std::span<uint8_t> progress = WritableBytes(info[4]);
  const size_t at = std::min<size_t>(info[2].As<v8::Uint32>()->Value(), input.size());
  if (state.size() < sizeof(Codec) || progress.size() < 2 * sizeof(uint32_t)) return;
  const ZlibOperation operation = OperationOf(info.GetIsolate(), info[3]);
  const bool finish = operation == kZlibFinish;
  auto* codec = reinterpret_cast<Codec*>(state.data());
  std::array<uint8_t, kZlibChunkBytes> out;
  const auto available = static_cast<unsigned>(std::min<size_t>(input.size() - at, std::numeric_limits<unsigned>::max()));
  codec->stream.next_in = input.data() + at;
  codec->stream.avail_in = available;
  codec->stream.next_out = out.data();
  codec->stream.avail_out = out.size();
  const int code = codec->compress ? deflate(&codec->stream, finish ? Z_FINISH : operation == kZlibFlush ? Z_SYNC_FLUSH : Z_NO_FLUSH)
                                   : inflate(&codec->stream, Z_NO_FLUSH);
  const uint32_t left[2] = {available - codec->stream.avail_in, static_cast<uint32_t>(StatusOf(code, *codec, finish))};
  std::memcpy(progress.data(), left, sizeof(left));
  const size_t made = out.size() - codec->stream.avail_out;
  uint8_t* data = nullptr;
  v8::Local<v8::Uint8Array> bytes;
  if (!NewBytes(info.GetIsolate(), made, &data).ToLocal(&bytes)) return;
  if (made > 0) std::memcpy(data, out.data(), made);
  info.GetReturnValue().Set(bytes);
}

void ZlibCrc32(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 2 || !info[1]->IsUint32()) return;
  const std::span<uint8_t> bytes = WritableBytes(info[0]);
  info.GetReturnValue().Set(static_cast<uint32_t>(::crc32_z(info[1].As<v8::Uint32>()->Value(), bytes.data(), bytes.size())));
}

constexpr Op kOps[] = {
    {"zlibOpen", ZlibOpen},
    {"zlibStep", ZlibStep},
    {"zlibCrc32", ZlibCrc32},
};

}  // namespace

std::span<const Op> CompressionOps() { return kOps; }

ZlibOperation OperationOf(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  if (value->IsInt32()) return static_cast<ZlibOperation>(std::clamp(value.As<v8::Int32>()->Value(), 0, int{kZlibFlush}));
  return value->BooleanValue(isolate) ? kZlibFinish : kZlibRun;
}

}  // namespace zts::js
