// ztsctl new: a folder with a function that deploys as it is.
#include <filesystem>

#include "base/file.h"
#include "cli/admin_commands.h"
#include "cli/function_name.h"

namespace zts::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kJavaScript = R"(export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    console.log(request.method, pathname);
    return Response.json({ hello: "world", path: pathname });
  },
};
)";

constexpr const char* kTypeScript = R"(interface Env {
  // What --env and 'ztsctl secret set' give this function.
  [name: string]: string;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname } = new URL(request.url);
    console.log(request.method, pathname);
    return Response.json({ hello: "world", path: pathname });
  },
};
)";

constexpr const char* kCompilerOptions = R"({
  "compilerOptions": {
    "target": "es2023",
    "module": "esnext",
    "moduleResolution": "bundler",
    "lib": ["es2023", "webworker"],
    "strict": true,
    "noEmit": true
  }
}
)";

Status CheckNew(const std::string& folder) {
  std::error_code error;
  if (!fs::exists(folder, error)) return {};
  if (!fs::is_directory(folder, error)) return Error{ErrorCode::kExists, folder + " is there already, and is no folder"};
  if (!fs::is_empty(folder, error)) return Error{ErrorCode::kExists, folder + " is not empty; nothing is overwritten"};
  return {};
}

Status WriteProject(const NewOptions& options, const std::string& name) {
  const std::string file = options.typescript ? "main.ts" : "main.js";
  const nlohmann::ordered_json package = {{"name", name}, {"private", true}, {"type", "module"}, {"main", file}};
  ZTS_RETURN_IF_ERROR(MakeDirectories(options.folder));
  ZTS_RETURN_IF_ERROR(WriteFileAtomically(options.folder + "/" + file, options.typescript ? kTypeScript : kJavaScript));
  ZTS_RETURN_IF_ERROR(WriteFileAtomically(options.folder + "/package.json", package.dump(2) + "\n"));
  ZTS_RETURN_IF_ERROR(WriteFileAtomically(options.folder + "/.gitignore", "node_modules/\n.zts/\n"));
  if (!options.typescript) return {};
  return WriteFileAtomically(options.folder + "/tsconfig.json", kCompilerOptions);
}

}  // namespace

ExitCode New(Context& context, const NewOptions& options) {
  Console& console = context.console;
  const auto fail = [&](const Error& error) {
    return console.Fail({ExitCode::kFailed, std::string(ErrorCodeName(error.code)), error.message,
        "name a folder that is not there yet", {}});
  };
  const std::string name = NearestFunctionName(fs::absolute(options.folder).lexically_normal().filename().string());
  if (const Status empty = CheckNew(options.folder); !empty.ok()) return fail(empty.error());
  if (const Status written = WriteProject(options, name); !written.ok()) return fail(written.error());
  if (console.json()) {
    console.PrintJson({{"folder", options.folder}, {"name", name}});
  } else {
    console.out() << options.folder << " is ready. Next:\n  ztsctl up --detach\n  ztsctl deploy " << options.folder << " --name " << name
                  << std::endl;
  }
  return ExitCode::kOk;
}

}  // namespace zts::cli
