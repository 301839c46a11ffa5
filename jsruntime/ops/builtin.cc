#include "jsruntime/ops/builtin.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jsruntime/builtins/sources.h"
#include "jsruntime/lazy_files.h"
#include "jsruntime/ops/text.h"
#include "jsruntime/realm.h"

namespace zts::js {
namespace {

// In the order of BuiltinSources(); they live as long as the program.
const std::vector<std::unique_ptr<LazyText>>& Texts() {
  static const auto& texts = *[] {
    auto* made = new std::vector<std::unique_ptr<LazyText>>();
    for (const BuiltinSource& builtin : BuiltinSources()) made->push_back(std::make_unique<LazyText>(builtin.text));
    return made;
  }();
  return texts;
}

// The code cache that web.snapshot has of it; null where there is none.
v8::ScriptCompiler::CachedData* CodeCacheOf(const std::string& name, LazyFiles files) {
  const LazyFile* file = FindLazyFile(files, name);
  if (file == nullptr || file->code_cache.empty()) return nullptr;
  return new v8::ScriptCompiler::CachedData(reinterpret_cast<const uint8_t*>(file->code_cache.data()),
                                            static_cast<int>(file->code_cache.size()), v8::ScriptCompiler::CachedData::BufferNotOwned);
}

v8::MaybeLocal<v8::Function> Compile(v8::Isolate* isolate, const BuiltinSource& builtin, LazyText* shared, LazyFiles files) {
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::String> text;
  v8::Local<v8::String> name;
  const std::string cached_as = BuiltinFileName(builtin.name);
  if (!v8::String::NewExternalOneByte(isolate, shared).ToLocal(&text) || !Latin1String(isolate, cached_as).ToLocal(&name)) return {};
  v8::ScriptCompiler::CachedData* cache = CodeCacheOf(cached_as, files);
  v8::ScriptCompiler::Source source(text, v8::ScriptOrigin(name), cache);  // takes over `cache`
  v8::Local<v8::String> parameters[] = {
      v8::String::NewFromUtf8Literal(isolate, "native"), v8::String::NewFromUtf8Literal(isolate, "internal"),
      v8::String::NewFromUtf8Literal(isolate, "module"), v8::String::NewFromUtf8Literal(isolate, "exports"),
      v8::String::NewFromUtf8Literal(isolate, "require")};
  return v8::ScriptCompiler::CompileFunction(context, &source, std::size(parameters), parameters, 0, nullptr,
                                             cache != nullptr ? v8::ScriptCompiler::kConsumeCodeCache
                                                              : v8::ScriptCompiler::kNoCompileOptions);
}

void Builtin(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 1 || !info[0]->IsString()) return;
  v8::Isolate* isolate = info.GetIsolate();
  const Utf8Text name(isolate, info[0].As<v8::String>());
  size_t at = 0;
  for (const BuiltinSource& builtin : BuiltinSources()) {
    LazyText* shared = Texts()[at++].get();
    if (builtin.name != name.view()) continue;
    v8::Local<v8::Function> body;
    const Realm* realm = Realm::From(isolate);
    if (!Compile(isolate, builtin, shared, realm != nullptr ? realm->lazy_files : LazyFiles()).ToLocal(&body)) return;
    if (realm != nullptr && realm->builtin_compiled) realm->builtin_compiled(builtin.name, body);
    info.GetReturnValue().Set(body);
    return;
  }
}

void BuiltinNames(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  std::vector<v8::Local<v8::Value>> names;
  for (const BuiltinSource& builtin : BuiltinSources()) {
    v8::Local<v8::String> name;
    if (builtin.name.starts_with("zts:")) continue;
    if (!Latin1String(isolate, builtin.name).ToLocal(&name)) return;
    names.push_back(name);
  }
  info.GetReturnValue().Set(v8::Array::New(isolate, names.data(), names.size()));
}

void Environment(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  Realm* realm = Realm::From(isolate);
  const auto made = v8::Object::New(isolate);
  if (realm != nullptr) realm->has_read_environment = true;
  if (realm == nullptr || realm->script == nullptr) return info.GetReturnValue().Set(made);
  for (const auto& [name, value] : realm->script->env) {
    v8::Local<v8::String> key;
    v8::Local<v8::String> text;
    if (!Utf8String(isolate, name).ToLocal(&key) || !Utf8String(isolate, value).ToLocal(&text) ||
        made->CreateDataProperty(context, key, text).IsNothing()) {
      return;
    }
  }
  info.GetReturnValue().Set(made);
}

constexpr Op kOps[] = {
    {"builtin", Builtin},
    {"builtinNames", BuiltinNames},
    {"environment", Environment},
};

}  // namespace

std::span<const Op> BuiltinOps() { return kOps; }

std::string BuiltinFileName(std::string_view name) { return "node:" + std::string(name); }

std::vector<intptr_t> BuiltinTextReferences() {
  std::vector<intptr_t> references;
  for (const auto& text : Texts()) references.push_back(reinterpret_cast<intptr_t>(text.get()));
  return references;
}

}  // namespace zts::js
