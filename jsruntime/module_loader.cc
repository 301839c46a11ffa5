#include "jsruntime/module_loader.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "jsruntime/builtin_modules.h"
#include "jsruntime/errors.h"
#include "jsruntime/ops/simdutf.h"

namespace zts::js {
namespace {

// The bytes of a Script as a string's storage; keeps the Script.
class SharedSource final : public v8::String::ExternalOneByteStringResource {
 public:
  explicit SharedSource(ScriptPtr script) : script_(std::move(script)) {}
  const char* data() const override { return script_->source.data(); }
  size_t length() const override { return script_->source.size(); }

 private:
  ScriptPtr script_;
};

v8::MaybeLocal<v8::String> SourceString(v8::Isolate* isolate, const ScriptPtr& script) {
  const std::string_view source = script->source;
  if (source.size() > static_cast<size_t>(v8::String::kMaxLength)) return {};
  if (!source.empty() && simdutf::validate_ascii(source.data(), source.size())) {
    return v8::String::NewExternalOneByte(isolate, new SharedSource(script));
  }
  return v8::String::NewFromUtf8(isolate, source.data(), v8::NewStringType::kNormal, static_cast<int>(source.size()));
}

v8::Local<v8::String> Text(v8::Isolate* isolate, std::string_view text) {
  v8::Local<v8::String> string;
  if (v8::String::NewFromUtf8(isolate, text.data(), v8::NewStringType::kNormal, static_cast<int>(text.size()))
          .ToLocal(&string)) {
    return string;
  }
  return v8::String::Empty(isolate);
}

std::string ImportAdvice(std::string_view specifier) {
  return "Cannot import \"" + std::string(specifier) +
         "\": a deployed function is one module; ztsctl deploy bundles imports into it";
}

// The import as a syntax error with its place.
void RefuseImport(v8::Local<v8::Module> module, v8::Local<v8::ModuleRequest> request, const ScriptPtr& script,
                  const std::string& message, LoadReport* report) {
  v8::Location place = module->SourceOffsetToLocation(request->GetSourceOffset());
  Outcome& outcome = report->outcome;
  outcome.kind = OutcomeKind::kSyntax;
  outcome.message = message;
  outcome.file = script->main_module;
  outcome.line = place.GetLineNumber() + 1;
  outcome.column = place.GetColumnNumber() + 1;
  std::string_view rest = script->source;
  for (int line = 0; line < place.GetLineNumber() && !rest.empty(); ++line) {
    rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
  }
  outcome.source_line = std::string(rest.substr(0, std::min<size_t>(rest.find('\n'), kSourceLineCharactersMax)));
}

// Makes the runtime's modules that the bundle imports. Any other import that is left in it has nowhere to come from: says so for the first
// one.
bool LoadImports(v8::Isolate* isolate, v8::Local<v8::Context> context, v8::Local<v8::Module> module, const ScriptPtr& script,
                 LoadReport* report) {
  const v8::Local<v8::FixedArray> requests = module->GetModuleRequests();
  for (int i = 0; i < requests->Length(); ++i) {
    const auto request = requests->Get(i).As<v8::ModuleRequest>();
    v8::TryCatch caught(isolate);
    if (!BuiltinModule(isolate, context, request->GetSpecifier()).IsEmpty()) continue;
    if (caught.HasTerminated()) return false;
    const std::string message = caught.HasCaught() ? OutcomeOf(isolate, context, caught, OutcomeKind::kSyntax).message
                                                   : "SyntaxError: " + ImportAdvice(ToUtf8(isolate, request->GetSpecifier(), 200));
    RefuseImport(module, request, script, message, report);
    return false;
  }
  return true;
}

v8::MaybeLocal<v8::Module> ResolveImport(v8::Local<v8::Context> context, v8::Local<v8::String> specifier,
                                         v8::Local<v8::FixedArray>, v8::Local<v8::Module>) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  v8::Local<v8::Module> module;
  if (BuiltinModule(isolate, context, specifier).ToLocal(&module)) return module;
  isolate->ThrowError(Text(isolate, ImportAdvice(ToUtf8(isolate, specifier, 200))));
  return {};
}

v8::MaybeLocal<v8::Promise> DynamicImport(v8::Local<v8::Context> context, v8::Local<v8::Data>, v8::Local<v8::Value>,
                                          v8::Local<v8::String> specifier, v8::Local<v8::FixedArray>) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  v8::Local<v8::Promise::Resolver> resolver;
  if (!v8::Promise::Resolver::New(context).ToLocal(&resolver)) return {};
  v8::TryCatch caught(isolate);
  v8::Local<v8::Module> module;
  if (BuiltinModule(isolate, context, specifier).ToLocal(&module)) {
    if (resolver->Resolve(context, module->GetModuleNamespace()).IsNothing()) return {};
    return resolver->GetPromise();
  }
  if (caught.HasTerminated()) return {};
  const v8::Local<v8::Value> error =
      caught.HasCaught() ? caught.Exception()
                         : v8::Exception::TypeError(Text(isolate, ImportAdvice(ToUtf8(isolate, specifier, 200))));
  if (resolver->Reject(context, error).IsNothing()) return {};
  return resolver->GetPromise();
}

void FillImportMeta(v8::Local<v8::Context> context, v8::Local<v8::Module> module, v8::Local<v8::Object> meta) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  const v8::Local<v8::Value> name = module->GetResourceName();
  const std::string file = name->IsString() ? ToUtf8(isolate, name.As<v8::String>(), 4096) : "main.js";
  // Fails only where memory does; then there is no url.
  if (meta->CreateDataProperty(context, Text(isolate, "url"), Text(isolate, "file:///" + file)).IsNothing()) return;
}

}  // namespace

v8::MaybeLocal<v8::Module> CompileModule(v8::Isolate* isolate, v8::Local<v8::Context> context, const ScriptPtr& script,
                                         Bytes code_cache, LoadReport* report) {
  v8::TryCatch caught(isolate);
  const Nanos begin = SystemClock().Now();
  v8::Local<v8::String> text;
  if (!SourceString(isolate, script).ToLocal(&text)) {
    report->outcome.kind = OutcomeKind::kSyntax;
    report->outcome.message = "SyntaxError: the module is too large for one string";
    return {};
  }
  const v8::ScriptOrigin origin(Text(isolate, script->main_module), 0, 0, false, -1, {}, false, false, true);
  const bool cached = !code_cache.empty();
  report->artifact = SystemClock().Now() - begin;
  v8::ScriptCompiler::CachedData* data = nullptr;
  if (cached) {
    data = new v8::ScriptCompiler::CachedData(reinterpret_cast<const uint8_t*>(code_cache.data()),
                                              static_cast<int>(code_cache.size()),
                                              v8::ScriptCompiler::CachedData::BufferNotOwned);
  }
  v8::ScriptCompiler::Source source(text, origin, data);  // takes over `data`
  v8::Local<v8::Module> module;
  const bool compiled = v8::ScriptCompiler::CompileModule(isolate, &source,
                                                          cached ? v8::ScriptCompiler::kConsumeCodeCache
                                                                 : v8::ScriptCompiler::kNoCompileOptions)
                            .ToLocal(&module);
  if (cached) {
    report->cache = source.GetCachedData()->rejected ? LoadReport::Cache::kRejected : LoadReport::Cache::kAccepted;
  }
  if (!compiled) {
    if (!caught.HasTerminated()) report->outcome = OutcomeOf(isolate, context, caught, OutcomeKind::kSyntax);
    return {};
  }
  const Nanos imports_begin = SystemClock().Now();
  if (!LoadImports(isolate, context, module, script, report)) return {};
  report->imports = SystemClock().Now() - imports_begin;
  if (module->InstantiateModule(context, ResolveImport).IsNothing()) {
    if (!caught.HasTerminated()) report->outcome = OutcomeOf(isolate, context, caught, OutcomeKind::kSyntax);
    return {};
  }
  return module;
}

v8::MaybeLocal<v8::Promise> EvaluateModule(v8::Isolate* isolate, v8::Local<v8::Context> context,
                                           v8::Local<v8::Module> module, LoadReport* report) {
  v8::TryCatch caught(isolate);
  v8::Local<v8::Value> result;
  if (module->Evaluate(context).ToLocal(&result)) return result.As<v8::Promise>();
  if (!caught.HasTerminated() && caught.HasCaught()) {
    report->outcome = OutcomeOf(isolate, context, caught, OutcomeKind::kThrew);
  }
  return {};
}

void InstallModuleCallbacks(v8::Isolate* isolate) {
  isolate->SetHostImportModuleDynamicallyCallback(DynamicImport);
  isolate->SetHostInitializeImportMetaObjectCallback(FillImportMeta);
}

}  // namespace zts::js
