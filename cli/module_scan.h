// Whether a JavaScript module needs other modules, told from its tokens alone: decides if a bundler has to run.
//
// A false "yes" costs one run of the bundler; a false "no" would be refused by the compiler with its place. The scan
// therefore leans to "yes": every `import` that is not `import.meta` or a property, and every `from "..."`, counts.
//
// Thread:   pure function.
#pragma once

#include <string_view>

namespace zts::cli {

bool ImportsModules(std::string_view source);

}  // namespace zts::cli
