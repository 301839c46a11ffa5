// The addon's entry: what the host binary calls when it loads one of our programs.
#include <node.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "base/check.h"
#include "jsruntime/host.h"
#include "jsruntime/host_platform.h"

namespace zts::js {
namespace {

node::MultiIsolatePlatform* g_platform = nullptr;

// process.argv without the host binary itself: the addon's path and what follows it.
std::vector<std::string> Arguments(v8::Isolate* isolate, v8::Local<v8::Context> context) {
  std::vector<std::string> arguments;
  v8::Local<v8::Value> process, argv;
  const auto get = [&](v8::Local<v8::Object> from, const char* name) {
    return from->Get(context, v8::String::NewFromUtf8(isolate, name).ToLocalChecked());
  };
  ZTS_CHECK(get(context->Global(), "process").ToLocal(&process) && process->IsObject());
  ZTS_CHECK(get(process.As<v8::Object>(), "argv").ToLocal(&argv) && argv->IsArray());
  const auto list = argv.As<v8::Array>();
  for (uint32_t i = 1; i < list->Length(); ++i) {
    arguments.push_back(*v8::String::Utf8Value(isolate, list->Get(context, i).ToLocalChecked()));
  }
  return arguments;
}

void Run(v8::Local<v8::Object>, v8::Local<v8::Value>, v8::Local<v8::Context> context, void*) {
  g_platform = node::GetMultiIsolatePlatform(node::GetCurrentEnvironment(context));
  std::vector<std::string> arguments = Arguments(v8::Isolate::GetCurrent(), context);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const int code = HostMain(static_cast<int>(arguments.size()), argv.data());
  // The host's own shutdown has nothing of ours to do, and its threads must not see our statics go.
  std::fflush(nullptr);
  _exit(code);
}

}  // namespace

node::MultiIsolatePlatform* HostPlatform() {
  ZTS_CHECK(g_platform != nullptr);
  return g_platform;
}

}  // namespace zts::js

NODE_MODULE_CONTEXT_AWARE(zts, zts::js::Run)
