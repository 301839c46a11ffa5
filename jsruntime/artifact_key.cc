#include "jsruntime/artifact_key.h"

#include <v8.h>

#include <cstdio>

namespace zts::js {

std::string V8Version() { return v8::V8::GetVersion(); }

std::string ArtifactKey() {
  char tag[16];
  std::snprintf(tag, sizeof(tag), "%08x", v8::ScriptCompiler::CachedDataVersionTag());
  return V8Version() + "|x86-64|" + tag;
}

}  // namespace zts::js
