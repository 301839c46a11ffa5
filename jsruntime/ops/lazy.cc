#include "jsruntime/ops/lazy.h"

#include "jsruntime/lazy_files.h"
#include "jsruntime/ops/text.h"
#include "jsruntime/realm.h"

namespace zts::js {
namespace {

void LazyFunction(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const Realm* realm = Realm::From(isolate);
  if (realm == nullptr || info.Length() != 1 || !info[0]->IsString()) return;
  const Utf8Text name(isolate, info[0].As<v8::String>());
  const LazyFile* file = FindLazyFile(realm->lazy_files, name.view());
  v8::Local<v8::Function> function;
  if (file != nullptr && CompileLazyFile(isolate, isolate->GetCurrentContext(), *file).ToLocal(&function)) {
    info.GetReturnValue().Set(function);
  }
}

// Where an object keeps the function that makes its lazy properties. It cannot be the accessor's own data: V8 puts accessors into that part
// of the snapshot that belongs to no context.
v8::Local<v8::Private> MakerKey(v8::Isolate* isolate) {
  return v8::Private::ForApi(isolate, v8::String::NewFromUtf8Literal(isolate, "zts:lazy"));
}

void LazyGetter(v8::Local<v8::Name> name, const v8::PropertyCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  v8::Local<v8::Value> make;
  if (!info.HolderV2()->GetPrivate(context, MakerKey(isolate)).ToLocal(&make) || !make->IsFunction()) return;
  v8::Local<v8::Value> arguments[] = {name};
  v8::Local<v8::Value> value;
  if (make.As<v8::Function>()->Call(context, v8::Undefined(isolate), 1, arguments).ToLocal(&value)) info.GetReturnValue().Set(value);
}

void DefineLazy(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 3 || !info[0]->IsObject() || !info[1]->IsName() || !info[2]->IsFunction()) return;
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  const auto object = info[0].As<v8::Object>();
  if (object->SetPrivate(context, MakerKey(isolate), info[2]).IsNothing()) return;
  const v8::Maybe<bool> set = object->SetLazyDataProperty(context, info[1].As<v8::Name>(), LazyGetter, {}, v8::DontEnum);
  if (set.IsJust()) info.GetReturnValue().Set(set.FromJust());
}

// By way of a template: an object's own Set() takes no private name.
void PrivateNames(const v8::FunctionCallbackInfo<v8::Value>& info) {
  if (info.Length() != 1 || !info[0]->IsArray()) return;
  v8::Isolate* isolate = info.GetIsolate();
  const v8::Local<v8::Context> context = isolate->GetCurrentContext();
  const auto names = info[0].As<v8::Array>();
  const v8::Local<v8::ObjectTemplate> made = v8::ObjectTemplate::New(isolate);
  for (uint32_t i = 0; i < names->Length(); ++i) {
    v8::Local<v8::Value> name;
    if (!names->Get(context, i).ToLocal(&name) || !name->IsString()) return;
    made->Set(name.As<v8::String>(), v8::Private::New(isolate, name.As<v8::String>()));
  }
  v8::Local<v8::Object> object;
  if (made->NewInstance(context).ToLocal(&object)) info.GetReturnValue().Set(object);
}

constexpr Op kOps[] = {
    {"privateNames", PrivateNames},
    {"lazyFunction", LazyFunction},
    {"defineLazy", DefineLazy},
};

}  // namespace

std::span<const Op> LazyOps() { return kOps; }
bool MakeLazy(v8::Local<v8::Context> context, v8::Local<v8::String> global) {
  return context->Global()->SetLazyDataProperty(context, global, LazyGetter, {}, v8::DontEnum).FromMaybe(false);
}
intptr_t LazyGetterReference() { return reinterpret_cast<intptr_t>(LazyGetter); }

}  // namespace zts::js
