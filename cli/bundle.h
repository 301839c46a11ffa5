// What the user names on the command line, as what the controller wants: one ES module and its digest.
//
// A plain .js or .mjs file that imports nothing is taken as it is; everything else goes through esbuild. A folder
// stands for the file its package.json names, or its index.
//
// Thread:   blocks on the disk and on esbuild.
// Limits:   kSourceBytesMax. What a bundle may hold is for the controller to say.
// Errors:   MakeBundle fails when there is no such file or tool; errors in the sources are Bundle::errors.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/source_error.h"

namespace zts::cli {

// Nothing that large could be deployed; reading stops there so that a wrong path costs no memory.
inline constexpr size_t kSourceBytesMax = size_t{64} << 20;
// A larger bundle goes without its blanks and comments, which are a third of what packages have: the controller takes 10 MiB.
inline constexpr size_t kReadableBytesMax = size_t{8} << 20;
// With the sources in it, a map is two to three times its bundle. What is larger goes without them, and then not at all. The controller
// takes no larger one (kSourceMapBytesMax of controller/limits.h).
inline constexpr size_t kSourceMapBytesMax = size_t{24} << 20;

struct Bundle {
  std::string default_name;  // the file's stem or the folder's name, as it is: may not be an allowed name
  std::string main_module;   // "hello.js": what stack traces name
  std::string code;
  std::string digest;        // SHA-256 of code, hex
  bool bundled = false;      // by esbuild
  std::string source_map;    // of a bundle; JSON, may be empty
  std::vector<SourceError> errors;  // when not empty, there is no code
  std::vector<SourceError> warnings;
};

Result<Bundle> MakeBundle(const std::string& path);

}  // namespace zts::cli
