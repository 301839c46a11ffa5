#include "jsruntime/ops/encoding.h"

#include <cstring>
#include <memory>

#include "jsruntime/ops/simdutf.h"
#include "jsruntime/ops/text.h"

namespace zts::js {
namespace {

constexpr int kReplace = v8::String::WriteFlags::kReplaceInvalidUtf8;

// The bytes a string needs. A one-byte string is looked at in place; V8 may not collect while it is.
size_t Utf8Size(v8::Isolate* isolate, v8::Local<v8::String> string) {
  {
    const v8::String::ValueView view(isolate, string);
    if (view.is_one_byte()) {
      return simdutf::utf8_length_from_latin1(reinterpret_cast<const char*>(view.data8()), view.length());
    }
  }
  return string->Utf8LengthV2(isolate);
}

void WriteUtf8(v8::Isolate* isolate, v8::Local<v8::String> string, std::span<uint8_t> out) {
  char* const target = reinterpret_cast<char*>(out.data());
  {
    const v8::String::ValueView view(isolate, string);
    if (view.is_one_byte()) {
      simdutf::convert_latin1_to_utf8(reinterpret_cast<const char*>(view.data8()), view.length(), target);
      return;
    }
  }
  string->WriteUtf8V2(isolate, target, out.size(), kReplace);
}

void Utf8Encode(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 1 || !info[0]->IsString()) return;
  v8::Isolate* isolate = info.GetIsolate();
  const auto string = info[0].As<v8::String>();
  const size_t size = Utf8Size(isolate, string);
  uint8_t* data = nullptr;
  v8::Local<v8::Uint8Array> bytes;
  if (!NewBytes(isolate, size, &data).ToLocal(&bytes)) return;
  if (size > 0) WriteUtf8(isolate, string, {data, size});
  info.GetReturnValue().Set(bytes);
}

void Utf8EncodeInto(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 3 || !info[0]->IsString()) return;
  const std::span<uint8_t> target = WritableBytes(info[1]);
  const std::span<uint8_t> progress = WritableBytes(info[2]);
  size_t read = 0;
  size_t written = 0;
  if (!target.empty()) {
    written = info[0].As<v8::String>()->WriteUtf8V2(info.GetIsolate(), reinterpret_cast<char*>(target.data()),
                                                    target.size(), kReplace, &read);
  }
  const auto units = static_cast<uint32_t>(read);
  if (progress.size() >= sizeof(units)) std::memcpy(progress.data(), &units, sizeof(units));
  info.GetReturnValue().Set(static_cast<uint32_t>(written));
}

int FlagsOf(const v8::FunctionCallbackInfo<v8::Value>& info) {
  return info.Length() > 1 && info[1]->IsInt32() ? info[1].As<v8::Int32>()->Value() : 0;
}

// The string of valid UTF-8, one byte a unit where that is enough; empty with nothing thrown where the text is not valid.
v8::MaybeLocal<v8::String> DecodeValidUtf8(v8::Isolate* isolate, std::string_view text) {
  if (simdutf::validate_ascii(text.data(), text.size())) return Latin1String(isolate, text);
  if (text.size() > v8::String::kMaxLength) return Utf8String(isolate, text);
  const auto narrow = std::make_unique_for_overwrite<char[]>(text.size());
  if (const size_t units = simdutf::convert_utf8_to_latin1(text.data(), text.size(), narrow.get()); units > 0) {
    return Latin1String(isolate, {narrow.get(), units});
  }
  const auto wide = std::make_unique_for_overwrite<char16_t[]>(text.size());  // never more units than bytes
  const size_t units = simdutf::convert_utf8_to_utf16le(text.data(), text.size(), wide.get());
  if (units == 0) return {};
  return Utf16String(isolate, {reinterpret_cast<const uint16_t*>(wide.get()), units});
}

void Utf8Decode(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() < 1) return;
  v8::Isolate* isolate = info.GetIsolate();
  const BufferBytes source(info[0]);
  const int flags = FlagsOf(info);
  std::string_view text(source.chars(), source.size());
  if ((flags & kDecodeKeepBom) == 0 && text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  if (text.empty()) return info.GetReturnValue().SetEmptyString();
  v8::Local<v8::String> made;
  if (DecodeValidUtf8(isolate, text).ToLocal(&made)) return info.GetReturnValue().Set(made);
  if ((flags & kDecodeFatal) != 0 || text.size() > v8::String::kMaxLength) return;
  if (Utf8String(isolate, text).ToLocal(&made)) info.GetReturnValue().Set(made);
}

void Utf16Decode(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() < 1) return;
  const BufferBytes source(info[0]);
  const int flags = FlagsOf(info);
  const bool odd = source.size() % 2 != 0;
  const size_t count = source.size() / 2;
  // Bytes stand at any address; char16_t does not.
  const auto units = std::make_unique_for_overwrite<char16_t[]>(count + 1);
  if (count > 0) std::memcpy(units.get(), source.chars(), count * 2);
  if ((flags & kDecodeBigEndian) != 0) simdutf::change_endianness_utf16(units.get(), count, units.get());
  const size_t bom = (flags & kDecodeKeepBom) == 0 && count > 0 && units[0] == 0xfeff ? 1 : 0;
  if ((flags & kDecodeFatal) != 0) {
    if (odd || !simdutf::validate_utf16le(units.get(), count)) return;
  } else {
    simdutf::to_well_formed_utf16le(units.get(), count, units.get());
  }
  if (odd) units[count] = 0xfffd;
  v8::Local<v8::String> made;
  const std::span<const uint16_t> whole(reinterpret_cast<const uint16_t*>(units.get()), count + (odd ? 1 : 0));
  if (Utf16String(info.GetIsolate(), whole.subspan(bom)).ToLocal(&made)) info.GetReturnValue().Set(made);
}

void Latin1Decode(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() < 1) return;
  const BufferBytes source(info[0]);
  v8::Local<v8::String> made;
  if (Latin1String(info.GetIsolate(), {source.chars(), source.size()}).ToLocal(&made)) info.GetReturnValue().Set(made);
}

// What windows-1252 has where Latin-1 has C1 controls (Encoding standard, index windows-1252); 0x81, 0x8d, 0x8f, 0x90 and 0x9d
// stay as they are.
constexpr char16_t kWindows1252[32] = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008d, 0x017d, 0x008f,
    0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

void Windows1252Decode(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() < 1) return;
  const BufferBytes source(info[0]);
  bool has_c1 = false;
  for (const uint8_t byte : source.bytes()) has_c1 |= byte >= 0x80 && byte < 0xa0;
  if (!has_c1) return Latin1Decode(info);
  const auto units = std::make_unique_for_overwrite<uint16_t[]>(source.size());
  size_t i = 0;
  for (const uint8_t byte : source.bytes()) {
    units[i++] = byte >= 0x80 && byte < 0xa0 ? kWindows1252[byte - 0x80] : byte;
  }
  v8::Local<v8::String> made;
  if (Utf16String(info.GetIsolate(), {units.get(), source.size()}).ToLocal(&made)) info.GetReturnValue().Set(made);
}

constexpr Op kOps[] = {
    {"utf8Encode", Utf8Encode},     {"utf8EncodeInto", Utf8EncodeInto}, {"utf8Decode", Utf8Decode},
    {"utf16Decode", Utf16Decode},   {"latin1Decode", Latin1Decode},     {"windows1252Decode", Windows1252Decode},
};

}  // namespace

std::span<const Op> EncodingOps() { return kOps; }

}  // namespace zts::js
