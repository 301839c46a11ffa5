#include "jsruntime/builtin_modules.h"

#include <utility>
#include <vector>

#include "jsruntime/errors.h"
#include "jsruntime/realm.h"

namespace zts::js {
namespace {

// What import names of it. Functions and objects have both: module.exports may be either.
v8::MaybeLocal<v8::Array> NamesOf(v8::Local<v8::Context> context, v8::Local<v8::Value> exports) {
  if (!exports->IsObject()) return v8::Array::New(v8::Isolate::GetCurrent());
  return exports.As<v8::Object>()->GetOwnPropertyNames(
      context, static_cast<v8::PropertyFilter>(v8::ONLY_ENUMERABLE | v8::SKIP_SYMBOLS), v8::KeyConversionMode::kConvertToString);
}

// The exports are there before: nothing is left to run.
v8::MaybeLocal<v8::Value> Evaluated(v8::Local<v8::Context> context, v8::Local<v8::Module>) {
  v8::Local<v8::Promise::Resolver> resolver;
  if (!v8::Promise::Resolver::New(context).ToLocal(&resolver)) return {};
  if (resolver->Resolve(context, v8::Undefined(v8::Isolate::GetCurrent())).IsNothing()) return {};
  return resolver->GetPromise();
}

v8::MaybeLocal<v8::Module> NoImport(v8::Local<v8::Context>, v8::Local<v8::String>, v8::Local<v8::FixedArray>,
                                    v8::Local<v8::Module>) {
  return {};
}

bool Export(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Module> module, v8::Local<v8::Value> exports,
            const std::vector<v8::Local<v8::String>>& names) {
  for (const v8::Local<v8::String> name : names) {
    v8::Local<v8::Value> value;
    if (!exports.As<v8::Object>()->Get(context, name).ToLocal(&value) ||
        module->SetSyntheticModuleExport(isolate, name, value).IsNothing()) {
      return false;
    }
  }
  return true;
}

v8::MaybeLocal<v8::Module> Make(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::String> specifier,
                                v8::Local<v8::Value> exports) {
  const v8::Local<v8::String> kDefault = v8::String::NewFromUtf8Literal(isolate, "default");
  v8::Local<v8::Array> listed;
  if (!NamesOf(context, exports).ToLocal(&listed)) return {};
  std::vector<v8::Local<v8::String>> names;
  for (uint32_t i = 0; i < listed->Length(); ++i) {
    v8::Local<v8::Value> name;
    if (!listed->Get(context, i).ToLocal(&name)) return {};
    if (name->IsString() && !name->StrictEquals(kDefault)) names.push_back(name.As<v8::String>());
  }
  std::vector<v8::Local<v8::String>> all = names;
  all.push_back(kDefault);
  const v8::Local<v8::Module> module = v8::Module::CreateSyntheticModule(isolate, specifier, {all.data(), all.size()}, Evaluated);
  v8::Local<v8::Value> ignored;
  if (module->InstantiateModule(context, NoImport).IsNothing() || !Export(isolate, context, module, exports, names) ||
      module->SetSyntheticModuleExport(isolate, kDefault, exports).IsNothing() || !module->Evaluate(context).ToLocal(&ignored)) {
    return {};
  }
  return module;
}

}  // namespace

v8::MaybeLocal<v8::Module> BuiltinModule(v8::Isolate* isolate, v8::Local<v8::Context> context,
                                         v8::Local<v8::String> specifier) {
  Realm* realm = Realm::From(isolate);
  const std::string name = ToUtf8(isolate, specifier, 200);
  if (const auto known = realm->builtin_modules.find(name); known != realm->builtin_modules.end()) {
    return known->second.Get(isolate);
  }
  v8::Local<v8::Value> argument = specifier;
  v8::Local<v8::Value> exports;
  if (!realm->require_builtin.Get(isolate)->Call(context, v8::Undefined(isolate), 1, &argument).ToLocal(&exports) ||
      exports->IsUndefined()) {
    return {};
  }
  v8::Local<v8::Module> module;
  if (!Make(isolate, context, specifier, exports).ToLocal(&module)) return {};
  realm->builtin_modules.emplace(name, v8::Global<v8::Module>(isolate, module));
  return module;
}

}  // namespace zts::js
