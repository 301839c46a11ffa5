#include "cli/bundle.h"

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "base/file.h"
#include "base/sha256.h"
#include "cli/esbuild.h"
#include "cli/module_scan.h"
#include "cli/node_imports.h"

namespace zts::cli {
namespace {

namespace fs = std::filesystem;

enum class Kind { kPlain, kNeedsBundler, kUnknown };

Kind KindOf(const fs::path& file) {
  const std::string extension = file.extension().string();
  if (extension == ".js" || extension == ".mjs") return Kind::kPlain;
  for (const char* known : {".ts", ".mts", ".cts", ".tsx", ".jsx", ".cjs"}) {
    if (extension == known) return Kind::kNeedsBundler;
  }
  return Kind::kUnknown;
}

// The file that "module" or "main" of package.json names, as far as there is one.
Result<std::optional<fs::path>> EntryOfPackage(const fs::path& folder) {
  const fs::path manifest = folder / "package.json";
  std::error_code ignored;
  if (!fs::exists(manifest, ignored)) return std::optional<fs::path>();
  ZTS_ASSIGN_OR_RETURN(const std::string text, ReadFile(manifest.string(), size_t{1} << 20));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return Invalid(manifest.string() + " is not a JSON object");
  for (const char* field : {"module", "main"}) {
    const auto value = json.find(field);
    if (value == json.end() || !value->is_string()) continue;
    const fs::path entry = folder / value->get<std::string>();
    if (!fs::is_regular_file(entry, ignored)) {
      return NotFound(manifest.string() + " names " + entry.string() + " as \"" + field +
                      "\", and there is no such file");
    }
    return std::optional(entry);
  }
  return std::optional<fs::path>();
}

Result<fs::path> EntryOfFolder(const fs::path& folder) {
  ZTS_ASSIGN_OR_RETURN(const std::optional<fs::path> named, EntryOfPackage(folder));
  if (named) return *named;
  std::error_code ignored;
  for (const char* index : {"index.ts", "index.tsx", "index.js", "index.mjs", "index.jsx"}) {
    if (fs::is_regular_file(folder / index, ignored)) return folder / index;
  }
  return NotFound(folder.string() +
                  " is a folder without an entry: add index.ts or index.js, or \"main\" in package.json");
}

Result<fs::path> FindEntry(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return NotFound("there is no file " + path);
  if (fs::is_directory(status)) return EntryOfFolder(path);
  if (!fs::is_regular_file(status)) return Invalid(path + " is neither a file nor a folder");
  return fs::path(path);
}

std::string DefaultName(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::weakly_canonical(path, error);
  return fs::is_directory(absolute, error) ? absolute.filename().string() : fs::path(path).stem().string();
}

// The map as it may travel.
std::string BoundedMap(std::string map, std::vector<SourceError>& warnings) {
  if (map.size() <= kSourceMapBytesMax) return map;
  auto json = nlohmann::json::parse(map, nullptr, false);
  if (json.is_object()) json.erase("sourcesContent");
  map = json.is_object() ? json.dump() : "";
  const bool fits = map.size() <= kSourceMapBytesMax;
  warnings.push_back({.message = fits ? "the sources are too large to go along: stack traces will name places, without the lines"
                                      : "the source map is too large to go along: stack traces will name places in the bundle"});
  return fits ? map : "";
}

}  // namespace

Result<Bundle> MakeBundle(const std::string& path) {
  ZTS_ASSIGN_OR_RETURN(const fs::path entry, FindEntry(path));
  const Kind kind = KindOf(entry);
  if (kind == Kind::kUnknown) {
    return Invalid(entry.string() +
                   " does not look like a module: its name ends in none of .js .mjs .ts .mts .tsx .jsx .cjs .cts");
  }
  Bundle bundle;
  bundle.default_name = DefaultName(path);
  bundle.main_module = entry.stem().string() + ".js";
  ZTS_ASSIGN_OR_RETURN(bundle.code, ReadFile(entry.string(), kSourceBytesMax));
  bundle.bundled = kind == Kind::kNeedsBundler || ImportsModules(bundle.code);
  if (bundle.bundled) {
    ZTS_ASSIGN_OR_RETURN(EsbuildResult built, RunEsbuild(entry.string()));
    if (built.code.size() > kReadableBytesMax) {
      ZTS_ASSIGN_OR_RETURN(built, RunEsbuild(entry.string(), Layout::kCompact));
    }
    bundle.code = std::move(built.code);
    bundle.errors = std::move(built.errors);
    bundle.warnings = std::move(built.warnings);
    for (SourceError& warning : WarnOfNodeImports(built.source_map)) bundle.warnings.push_back(std::move(warning));
    bundle.source_map = BoundedMap(std::move(built.source_map), bundle.warnings);
  }
  bundle.digest = ToHex(Sha256Of(bundle.code));
  return bundle;
}

}  // namespace zts::cli
