// A Script from its source, with default limits.
//
// Thread:   any.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "jsruntime/script.h"

namespace zts::js {

inline std::shared_ptr<Script> MakeScript(std::string function, std::string version, std::string source) {
  auto script = std::make_shared<Script>();
  auto text = std::make_shared<const std::string>(std::move(source));
  script->main_module = function + ".js";
  script->function = std::move(function);
  script->version = std::move(version);
  script->source = *text;
  script->storage = text;
  return script;
}

}  // namespace zts::js
