// esbuild, the tool that turns TypeScript, JSX and imported packages into one ES module.
//
// Of a package's builds the one for workers is preferred, then Node's. Modules of Node.js stay imports: the runtime has them all, and those
// for files, sockets and processes say when they are called what there is instead (node_imports.h warns of them). What a package takes for
// a global of Node's (Buffer, process, global, setImmediate) becomes an import where it is used, and require() of such a module works too.
//
// Thread:   blocks the calling one for as long as esbuild runs.
// Limits:   kBundlerTimeMax, kBundlerOutputBytesMax.
// Errors:   a missing esbuild or one that crashes is a Result; errors in the sources are a value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cli/source_error.h"

namespace zts::cli {

// Bundling thousands of modules takes esbuild seconds; a minute means a dead disk or a loop.
inline constexpr Nanos kBundlerTimeMax = 60 * kSecond;
inline constexpr size_t kBundlerOutputBytesMax = size_t{64} << 20;

struct EsbuildResult {
  std::string code;                  // when errors is empty
  std::string source_map;            // of the code, with the sources in it
  std::vector<SourceError> errors;
  std::vector<SourceError> warnings;
};

// kCompact: without what is for readers alone; names stay.
enum class Layout : uint8_t { kReadable, kCompact };

// Sources are named from the working directory; from the entry's folder when that is elsewhere.
Result<EsbuildResult> RunEsbuild(const std::string& entry, Layout layout = Layout::kReadable);

struct Diagnostics {
  std::vector<SourceError> errors;
  std::vector<SourceError> warnings;
};
// What esbuild wrote for people, as values. Text in another form than expected becomes one error that holds all of it.
Diagnostics ParseEsbuildOutput(std::string_view text);

}  // namespace zts::cli
