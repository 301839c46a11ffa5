#include "jsruntime/ops/legacy_text.h"

#include <memory>
#include <string>
#include <utility>

#include "jsruntime/ops/text.h"

// ICU 78, which is inside the host binary; its headers do not come with it. The names carry its version, so a host with another one does
// not load.
extern "C" {
struct UConverter;
struct UConverterToUnicodeArgs;
using UErrorCode = int;
using UConverterToUCallback = void (*)(const void* context, UConverterToUnicodeArgs* args, const char* units, int32_t length,
                                       int reason, UErrorCode* error);
UConverter* ucnv_open_78(const char* name, UErrorCode* error);
void ucnv_close_78(UConverter* converter);
void ucnv_resetToUnicode_78(UConverter* converter);
void ucnv_setToUCallBack_78(UConverter* converter, UConverterToUCallback action, const void* context, UConverterToUCallback* old_action,
                            const void** old_context, UErrorCode* error);
void ucnv_toUnicode_78(UConverter* converter, char16_t** target, const char16_t* target_limit, const char** source,
                       const char* source_limit, int32_t* offsets, int8_t flush, UErrorCode* error);
void ucnv_cbToUWriteUChars_78(UConverterToUnicodeArgs* args, const char16_t* source, int32_t length, int32_t offset, UErrorCode* error);
}

namespace zts::js {
namespace {

// utypes.h and ucnv_err.h.
constexpr int kZero = 0;
constexpr int kIrregular = 2;  // reasons up to this one are about bytes; the others about the converter

void Replace(const void*, UConverterToUnicodeArgs* args, const char*, int32_t, int reason, UErrorCode* error) {
  if (reason > kIrregular) return;
  *error = kZero;
  ucnv_cbToUWriteUChars_78(args, u"\ufffd", 1, 0, error);
}
// Leaves the error as it is, which ends the conversion.
void Stop(const void*, UConverterToUnicodeArgs*, const char*, int32_t, int, UErrorCode*) {}

void LegacyOpen(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 2 || !info[0]->IsString()) return;
  v8::Isolate* isolate = info.GetIsolate();
  const Utf8Text name(isolate, info[0].As<v8::String>());
  UErrorCode error = kZero;
  UConverter* converter = ucnv_open_78(std::string(name.view()).c_str(), &error);
  if (converter == nullptr) return;
  const bool fatal = info[1]->BooleanValue(isolate);
  ucnv_setToUCallBack_78(converter, fatal ? Stop : Replace, nullptr, nullptr, nullptr, &error);
  const auto close = [](void* data, size_t, void*) { ucnv_close_78(static_cast<UConverter*>(data)); };
  std::unique_ptr<v8::BackingStore> memory = v8::ArrayBuffer::NewBackingStore(converter, 1, close, nullptr);
  info.GetReturnValue().Set(v8::ArrayBuffer::New(isolate, std::move(memory)));
}

void LegacyDecode(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 3 || !info[0]->IsArrayBuffer()) return;
  v8::Isolate* isolate = info.GetIsolate();
  auto* converter = static_cast<UConverter*>(info[0].As<v8::ArrayBuffer>()->Data());
  const BufferBytes bytes(info[1]);
  const bool more = info[2]->BooleanValue(isolate);
  if (bytes.size() > v8::String::kMaxLength / 2) return ThrowRangeError(isolate, "the text is too long for one string");
  // A byte becomes at most two units, and those of the chunk before are few.
  const size_t capacity = bytes.size() * 2 + 64;
  const auto units = std::make_unique_for_overwrite<char16_t[]>(capacity);
  char16_t* at = units.get();
  const char* source = bytes.chars();
  UErrorCode error = kZero;
  ucnv_toUnicode_78(converter, &at, units.get() + capacity, &source, source + bytes.size(), nullptr, more ? 0 : 1, &error);
  if (!more || error > kZero) ucnv_resetToUnicode_78(converter);
  if (error > kZero) return;
  v8::Local<v8::String> text;
  const std::span<const uint16_t> made(reinterpret_cast<const uint16_t*>(units.get()), static_cast<size_t>(at - units.get()));
  if (Utf16String(isolate, made).ToLocal(&text)) info.GetReturnValue().Set(text);
}

constexpr Op kOps[] = {
    {"legacyOpen", LegacyOpen},
    {"legacyDecode", LegacyDecode},
};

}  // namespace

std::span<const Op> LegacyTextOps() { return kOps; }

}  // namespace zts::js
