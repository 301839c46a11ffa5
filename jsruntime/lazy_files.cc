#include "jsruntime/lazy_files.h"

#include <algorithm>

namespace zts::js {
namespace {

v8::Local<v8::String> Name(v8::Isolate* isolate, std::string_view text) {
  v8::Local<v8::String> string;
  const auto type = v8::NewStringType::kInternalized;
  if (v8::String::NewFromUtf8(isolate, text.data(), type, static_cast<int>(text.size())).ToLocal(&string)) return string;
  return v8::String::Empty(isolate);
}

}  // namespace

const LazyFile* FindLazyFile(LazyFiles files, std::string_view name) {
  const auto found = std::find_if(files.begin(), files.end(), [name](const LazyFile& file) { return file.name == name; });
  return found == files.end() ? nullptr : &*found;
}

v8::MaybeLocal<v8::Function> CompileLazyFile(v8::Isolate* isolate, v8::Local<v8::Context> context, const LazyFile& file) {
  v8::Local<v8::String> text;
  const auto made = file.text != nullptr ? v8::String::NewExternalOneByte(isolate, file.text)
                                         : v8::String::NewFromOneByte(isolate, reinterpret_cast<const uint8_t*>(file.source.data()),
                                                                      v8::NewStringType::kNormal, static_cast<int>(file.source.size()));
  if (!made.ToLocal(&text)) return {};
  v8::ScriptCompiler::CachedData* cache = nullptr;
  if (!file.code_cache.empty()) {
    cache = new v8::ScriptCompiler::CachedData(reinterpret_cast<const uint8_t*>(file.code_cache.data()),
                                               static_cast<int>(file.code_cache.size()),
                                               v8::ScriptCompiler::CachedData::BufferNotOwned);
  }
  const v8::ScriptOrigin origin(Name(isolate, "zts:" + file.name));
  v8::ScriptCompiler::Source source(text, origin, cache);  // takes over `cache`
  const auto options = cache != nullptr ? v8::ScriptCompiler::kConsumeCodeCache : v8::ScriptCompiler::kNoCompileOptions;
  if (file.name.starts_with("npm/")) {
    v8::Local<v8::String> parameters[] = {Name(isolate, "exports"), Name(isolate, "module")};
    return v8::ScriptCompiler::CompileFunction(context, &source, 2, parameters, 0, nullptr, options);
  }
  v8::Local<v8::String> parameters[] = {Name(isolate, "native"), Name(isolate, "internal"), Name(isolate, "globalThis")};
  return v8::ScriptCompiler::CompileFunction(context, &source, 3, parameters, 0, nullptr, options);
}

}  // namespace zts::js
