#include "jsruntime/hints.h"

#include <algorithm>

namespace zts::js {
namespace {

struct Hint {
  std::string_view name;
  std::string_view text;
};

constexpr std::string_view kCommonJs = "zts runs ES modules, not CommonJS: use import, and let ztsctl bundle the package";
constexpr std::string_view kPages = "it belongs to browsers' pages; a function has the request and what it imports";
constexpr std::string_view kOneThread = "it is not available: a function has one thread";

constexpr Hint kMissingNames[] = {
    {"require", kCommonJs},
    {"module", kCommonJs},
    {"exports", kCommonJs},
    {"__dirname", kCommonJs},
    {"__filename", kCommonJs},
    {"process", "settings of the function arrive as the second argument, env; for Node's way: import process from \"node:process\""},
    {"Buffer", "it is Node's: import { Buffer } from \"node:buffer\", or use Uint8Array, TextEncoder and TextDecoder"},
    {"global", "the global object is globalThis"},
    {"window", "the global object is globalThis"},
    {"document", kPages},
    {"localStorage", kPages},
    {"sessionStorage", kPages},
    {"location", kPages},
    {"XMLHttpRequest", "it is not available: use fetch()"},
    {"setImmediate", "use setTimeout(f, 0) or queueMicrotask(f), or import { setImmediate } from \"node:timers\""},
    {"SharedArrayBuffer", kOneThread},
    {"Atomics", kOneThread},
    {"Worker", kOneThread},
    {"caches", "there is no Cache API: keep small things in a Map at module level"},
};

constexpr std::string_view kAwaitResponse = "is an await missing? fetch() gives a promise of the Response";
constexpr std::string_view kAwaitBody = "is an await missing? json() and text() give promises";

bool IsWord(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
  });
}

// "x" of "HEADxTAIL"; empty where the text is not of this form.
std::string_view Between(std::string_view text, std::string_view head, std::string_view tail) {
  if (!text.starts_with(head) || !text.ends_with(tail) || text.size() < head.size() + tail.size()) return "";
  return text.substr(head.size(), text.size() - head.size() - tail.size());
}

std::string_view OfMissingName(std::string_view name) {
  const auto is_it = [name](const Hint& hint) { return hint.name == name; };
  const auto found = std::find_if(std::begin(kMissingNames), std::end(kMissingNames), is_it);
  return found == std::end(kMissingNames) ? "" : found->text;
}

// "response.json", "fetch(...).text", "(intermediate value).forEach".
std::string_view OfNoFunction(std::string_view what) {
  const size_t dot = what.rfind('.');
  if (dot == std::string_view::npos) return "";
  const std::string_view object = what.substr(0, dot), method = what.substr(dot + 1);
  if (object.ends_with(".json(...)") || object.ends_with(".text(...)")) return kAwaitBody;
  for (const std::string_view of_response : {"json", "text", "arrayBuffer", "bytes", "blob", "formData", "clone"}) {
    if (method == of_response) return kAwaitResponse;
  }
  return "";
}

}  // namespace

std::string_view HintFor(std::string_view message) {
  if (const auto name = Between(message, "ReferenceError: ", " is not defined"); IsWord(name)) return OfMissingName(name);
  if (const auto what = Between(message, "TypeError: ", " is not a function"); !what.empty()) return OfNoFunction(what);
  if (const auto name = Between(message, "TypeError: ", " is not a constructor"); IsWord(name)) return OfMissingName(name);
  return "";
}

}  // namespace zts::js
