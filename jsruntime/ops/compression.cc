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

// zlib's way to say which header there is (zlib.h, deflateInit2 and inflateInit2).
int WindowBits(int format, int bits) { return format == 0 ? bits + 16 : format == 1 ? bits : format == 2 ? -bits : bits + 32; }

// Of the argument, or of what is usual.
int NumberOr(v8::Local<v8::Value> value, int otherwise) { return value->IsInt32() ? value.As<v8::Int32>()->Value() : otherwise; }

Codec* CodecOf(v8::Local<v8::Value> state) {
  const std::span<uint8_t> bytes = WritableBytes(state);
  return bytes.size() < sizeof(Codec) ? nullptr : reinterpret_cast<Codec*>(bytes.data());
}

void ZlibOpen(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() < 2 || !info[0]->IsInt32()) return;
  v8::Isolate* isolate = info.GetIsolate();
  const int level = std::clamp(NumberOr(info[2], kLevel), Z_DEFAULT_COMPRESSION, Z_BEST_COMPRESSION);
  const int memory_level = std::clamp(NumberOr(info[4], kMemoryLevel), 1, MAX_MEM_LEVEL);
  const bool compress = info[1]->BooleanValue(isolate);
  const size_t size = !compress ? kInflateStateBytes : memory_level > kMemoryLevel ? kLargestDeflateStateBytes : kDeflateStateBytes;
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
  const int bits = WindowBits(info[0].As<v8::Int32>()->Value(), std::clamp(NumberOr(info[3], MAX_WBITS), 0, MAX_WBITS));
  const int made = compress ? deflateInit2(&codec->stream, level, Z_DEFLATED, bits, memory_level, NumberOr(info[5], Z_DEFAULT_STRATEGY))
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
  const bool finish = info[3]->BooleanValue(info.GetIsolate());
  auto* codec = reinterpret_cast<Codec*>(state.data());
  std::array<uint8_t, kZlibChunkBytes> out;
  const auto available = static_cast<unsigned>(std::min<size_t>(input.size() - at, std::numeric_limits<unsigned>::max()));
  codec->stream.next_in = input.data() + at;
  codec->stream.avail_in = available;
  codec->stream.next_out = out.data();
  codec->stream.avail_out = out.size();
  const int code = codec->compress ? deflate(&codec->stream, finish ? Z_FINISH : Z_NO_FLUSH) : inflate(&codec->stream, Z_NO_FLUSH);
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

void ZlibWrite(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 5 || !info[1]->IsInt32()) return;
  Codec* const codec = CodecOf(info[0]);
  const std::span<uint8_t> input = WritableBytes(info[2]);
  const std::span<uint8_t> output = WritableBytes(info[3]);
  const std::span<uint8_t> left = WritableBytes(info[4]);
  constexpr size_t kMost = std::numeric_limits<unsigned>::max();
  if (codec == nullptr || left.size() < 2 * sizeof(uint32_t) || input.size() > kMost || output.size() > kMost) return;
  codec->stream.next_in = input.data();
  codec->stream.avail_in = static_cast<unsigned>(input.size());
  codec->stream.next_out = output.data();
  codec->stream.avail_out = static_cast<unsigned>(output.size());
  const int flush = info[1].As<v8::Int32>()->Value();
  const int code = codec->compress ? deflate(&codec->stream, flush) : inflate(&codec->stream, flush);
  const uint32_t told[2] = {codec->stream.avail_out, codec->stream.avail_in};
  std::memcpy(left.data(), told, sizeof(told));
  info.GetReturnValue().Set(code);
}

void ZlibReset(const v8::FunctionCallbackInfo<v8::Value>& info) {
  Codec* const codec = info.Length() == 1 ? CodecOf(info[0]) : nullptr;
  if (codec != nullptr) info.GetReturnValue().Set(codec->compress ? deflateReset(&codec->stream) : inflateReset(&codec->stream));
}

void ZlibParams(const v8::FunctionCallbackInfo<v8::Value>& info) {
  Codec* const codec = info.Length() == 3 ? CodecOf(info[0]) : nullptr;
  if (codec == nullptr || !codec->compress) return;
  // Nothing is to be written: what went before has been flushed.
  Bytef none = 0;
  codec->stream.next_in = &none;
  codec->stream.avail_in = 0;
  codec->stream.next_out = &none;
  codec->stream.avail_out = 0;
  info.GetReturnValue().Set(deflateParams(&codec->stream, NumberOr(info[1], kLevel), NumberOr(info[2], Z_DEFAULT_STRATEGY)));
}

void ZlibDictionary(const v8::FunctionCallbackInfo<v8::Value>& info) {
  Codec* const codec = info.Length() == 2 ? CodecOf(info[0]) : nullptr;
  const std::span<uint8_t> bytes = info.Length() == 2 ? WritableBytes(info[1]) : std::span<uint8_t>();
  if (codec == nullptr || bytes.size() > std::numeric_limits<unsigned>::max()) return;
  const auto size = static_cast<unsigned>(bytes.size());
  info.GetReturnValue().Set(codec->compress ? deflateSetDictionary(&codec->stream, bytes.data(), size)
                                            : inflateSetDictionary(&codec->stream, bytes.data(), size));
}

void ZlibMessage(const v8::FunctionCallbackInfo<v8::Value>& info) {
  const Codec* const codec = info.Length() == 1 ? CodecOf(info[0]) : nullptr;
  if (codec == nullptr || codec->stream.msg == nullptr) return;
  v8::Local<v8::String> message;
  if (v8::String::NewFromUtf8(info.GetIsolate(), codec->stream.msg).ToLocal(&message)) info.GetReturnValue().Set(message);
}

constexpr Op kOps[] = {
    {"zlibCrc32", ZlibCrc32},
    {"zlibDictionary", ZlibDictionary},
    {"zlibMessage", ZlibMessage},
    {"zlibOpen", ZlibOpen},
    {"zlibParams", ZlibParams},
    {"zlibReset", ZlibReset},
    {"zlibStep", ZlibStep},
    {"zlibWrite", ZlibWrite},
};

}  // namespace

std::span<const Op> CompressionOps() { return kOps; }

}  // namespace zts::js
