// ztsctl deploy: bundle, upload, wait until every worker serves it, say so.
#include <optional>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/sha256.h"
#include "cli/bundle.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/function_name.h"
#include "cli/share.h"
#include "cli/stack_trace.h"
#include "cli/text.h"

namespace zts::cli {
namespace {

// Below this an upload is over before a progress line could be read.
constexpr uint64_t kProgressFromBytes = 1024 * 1024;

Status ReadDuration(const char* flag, const std::string& text, Nanos& into) {
  if (text.empty()) return {};
  const std::optional<int64_t> value = ParseDurationNs(text);
  if (!value || *value <= 0)
    return Invalid(std::string(flag) + " " + text + ": write a duration such as 500ms, 20s or 2m");
  into = *value;
  return {};
}

Status ReadSize(const char* flag, const std::string& text, uint64_t& into) {
  if (text.empty()) return {};
  const std::optional<uint64_t> value = ParseByteSize(text);
  if (!value || *value == 0) return Invalid(std::string(flag) + " " + text + ": write a size such as 64MiB or 1GiB");
  into = *value;
  return {};
}

Status ReadEngine(const DeployOptions& options, DeploySpec& spec) {
  if (!options.jit.empty() && options.jit != "disabled" && options.jit != "lazy" && options.jit != "eager") {
    return Invalid("--jit " + options.jit + ": write disabled, lazy or eager");
  }
  spec.jit = options.jit;
  if (!options.jit_threshold.empty()) {
    const auto calls = ParseInteger<uint32_t>(options.jit_threshold);
    if (!calls || *calls == 0) return Invalid("--jit-threshold " + options.jit_threshold + ": write a number of calls such as 1000");
    if (options.jit.empty() || options.jit == "disabled") return Invalid("--jit-threshold goes with --jit lazy or --jit eager");
    spec.jit_threshold = *calls;
  }
  if (!options.isolation.empty() && options.isolation != "process" && options.isolation != "shared") {
    return Invalid("--isolation " + options.isolation + ": write process or shared");
  }
  if (options.isolation == "process") spec.isolation = options.isolation;
  return {};
}

Result<DeploySpec> SpecOf(const DeployOptions& options) {
  DeploySpec spec;
  if (!options.name.empty()) ZTS_RETURN_IF_ERROR(CheckFunctionName(options.name));
  spec.function = options.name;
  spec.routes = options.routes;
  spec.allow_net = options.allow_net;
  spec.secrets = options.secrets;
  for (const std::string& text : options.env) {
    ZTS_ASSIGN_OR_RETURN(auto setting, ParseSetting(text));
    spec.env.push_back(std::move(setting));
  }
  ZTS_RETURN_IF_ERROR(ReadDuration("--cpu-limit", options.cpu_limit, spec.cpu_per_request));
  ZTS_RETURN_IF_ERROR(ReadDuration("--wall-limit", options.wall_limit, spec.wall_per_request));
  ZTS_RETURN_IF_ERROR(ReadDuration("--startup-limit", options.startup_limit, spec.startup_cpu));
  ZTS_RETURN_IF_ERROR(ReadSize("--memory-limit", options.memory_limit, spec.memory_bytes_max));
  ZTS_RETURN_IF_ERROR(ReadSize("--nursery", options.nursery, spec.nursery_bytes));
  ZTS_RETURN_IF_ERROR(ReadSize("--request-garbage", options.request_garbage, spec.request_garbage_bytes));
  ZTS_RETURN_IF_ERROR(ReadEngine(options, spec));
  ZTS_RETURN_IF_ERROR(ReadDuration("--wait", options.wait, spec.wait));
  spec.message = options.message;
  spec.require_all = options.require_all;
  spec.snapshot = options.snapshot;
  if (options.canary.empty() && !options.sticky.empty()) return Invalid("--sticky goes with --canary");
  if (options.snapshot != "auto" && options.snapshot != "always" && options.snapshot != "never") {
    return Invalid("--snapshot " + options.snapshot + ": write auto, always or never");
  }
  if (!options.canary.empty()) {
    spec.canary.emplace();
    ZTS_ASSIGN_OR_RETURN(spec.canary->share, ParseShare(options.canary));
    ZTS_RETURN_IF_ERROR(ParseSticky(options.sticky, *spec.canary));
  }
  return spec;
}

// Shows how a deploy goes on, and remembers how far it came.
class Watcher final : public DeployObserver {
 public:
  explicit Watcher(Console& console) : console_(console) {}

  void OnUploaded(uint64_t sent, uint64_t total) override {
    sent_any = true;
    if (total < kProgressFromBytes) return;
    console_.Progress("uploading " + FormatBytes(sent) + " of " + FormatBytes(total) + " (" +
                      std::to_string(sent * 100 / total) + "%)");
  }
  void OnCompiled(Nanos took) override {
    compile_took = took;
    console_.Progress("compiled in " + FormatMilliseconds(took) + " ms, storing");
  }
  void OnStored(uint64_t version) override {
    stored_version = version;
    console_.Progress("stored as v" + std::to_string(version) + ", warming it on the workers");
  }
  void OnProgress(uint32_t ready, uint32_t total) override {
    console_.Progress("warm on " + std::to_string(ready) + "/" + std::to_string(total) + " workers");
  }

  bool sent_any = false;
  Nanos compile_took = 0;
  std::optional<uint64_t> stored_version;

 private:
  Console& console_;
};

struct Deployment {
  const DeploySpec& spec;
  const Bundle& bundle;
  const Watcher& watcher;
  Nanos bundle_took;
  Nanos took;
};

Failure BundleFailure(const Error& error) {
  const ExitCode exit = ExitCode::kBundle;
  return {exit, std::string(ErrorCodeName(error.code)), error.message, "", {}};
}

Failure SourceFailure(const Bundle& bundle) {
  const size_t count = bundle.errors.size();
  return {ExitCode::kBundle, "source",
          count == 1 ? "the bundle has an error" : "the bundle has " + std::to_string(count) + " errors",
          "nothing was sent; correct it and deploy again", bundle.errors};
}

ExitCode ReportNotLive(Console& console, const Deployment& deployment, const DeployLive& live) {
  const std::string version = deployment.spec.function + " v" + std::to_string(live.version);
  if (live.workers_total == 0) {
    return console.Fail({ExitCode::kNotLive, "no-worker", version + " is stored, but no worker is connected",
                         "start a worker ('ztsctl up' starts one): it serves the function as soon as it connects", {}});
  }
  std::string message = version + " is stored and live on " + std::to_string(live.workers_live) + "/" +
                        std::to_string(live.workers_total) + " workers";
  for (const std::string& laggard : live.laggards) message += "\n  behind: " + laggard;
  return console.Fail({ExitCode::kNotLive, "laggards", message,
                       "the others take it as soon as they can; 'ztsctl workers' shows where each stands", {}});
}

ExitCode ReportLive(Console& console, const Deployment& deployment, const DeployLive& live) {
  console.ClearProgress();
  const std::string url = live.urls.empty() ? "" : live.urls.front();
  const bool everywhere = live.workers_total > 0 && live.workers_live >= live.workers_total;
  if (console.json()) {
    const auto ms = [](Nanos duration) { return static_cast<double>(duration) / static_cast<double>(kMillisecond); };
    console.PrintJson({{"name", deployment.spec.function},
                       {"version", live.version},
                       {"live", everywhere},
                       {"url", url},
                       {"urls", live.urls},
                       {"workers_live", live.workers_live},
                       {"workers_total", live.workers_total},
                       {"laggards", live.laggards},
                       {"digest", deployment.bundle.digest},
                       {"bytes", deployment.bundle.code.size()},
                       {"bundled", deployment.bundle.bundled},
                       {"start", StartName(live.snapshot_bytes, live.code_cache_bytes)},
                       {"start_reason", live.start_reason},
                       {"ms", ms(deployment.took)},
                       {"bundle_ms", ms(deployment.bundle_took)},
                       {"compile_ms", ms(deployment.watcher.compile_took)},
                       {"controller_ms", ms(live.controller_took)}});
    return everywhere ? ExitCode::kOk : ExitCode::kNotLive;
  }
  if (!everywhere) return ReportNotLive(console, deployment, live);
  console.out() << console.Paint(Style::kBold, deployment.spec.function + " v" + std::to_string(live.version)) << " ("
                << FormatBytes(deployment.bundle.code.size()) << (deployment.bundle.bundled ? ", bundled" : "") << ") "
                << (deployment.spec.canary ? "as a canary at " + FormatShare(deployment.spec.canary->share) + " " : "")
                << console.Paint(Style::kGreen, "live on " + std::to_string(live.workers_live) + "/" +
                                                    std::to_string(live.workers_total) + " workers")
                << " in " << FormatMilliseconds(deployment.took) << " ms\n";
  // Worth a line where the snapshot is, or where it would have been.
  if (live.snapshot_bytes > 0 || live.start_reason.find(", but ") != std::string::npos) {
    console.out() << "starts from its " << StartName(live.snapshot_bytes, live.code_cache_bytes)
                  << (live.snapshot_bytes > 0 ? " (" + FormatBytes(live.snapshot_bytes) + ")" : "")
                  << ": " << Printable(live.start_reason) << "\n";
  }
  for (size_t i = live.urls.size(); i > 0; --i) console.out() << live.urls[i - 1] << "\n";
  console.out() << std::flush;
  return ExitCode::kOk;
}

// What the source or the settings are to blame for; the rest is the platform's.
bool BlamesBundle(const std::string& code) {
  return code == "source" || code == "invalid" || code == "exhausted" || code == "rejected-by-worker";
}

// The controller speaks of the bundle; people have written other files.
SourceError InOriginalFiles(const Bundle& bundle, const SourceError& error) {
  if (bundle.source_map.empty()) return error;
  const Result<OriginalSources> sources = OriginalSources::OfMap(bundle.main_module, bundle.source_map);
  return sources.ok() ? ExplainError(error, *sources) : error;
}

ExitCode ReportRefused(Console& console, const Deployment& deployment, const DeployRefused& refused) {
  const std::string& name = deployment.spec.function;
  Failure failure;
  failure.code = refused.code;
  failure.message = refused.message.empty() ? "the controller refused the bundle" : refused.message;
  if (!refused.source.message.empty()) {
    failure.sources.push_back(InOriginalFiles(deployment.bundle, refused.source));
    // The place, the kind and the message follow in the source error: they need not be said twice.
    if (refused.code == "source") failure.message = name + " was not deployed";
  }
  if (refused.previous_kept) {
    failure.exit = BlamesBundle(refused.code) ? ExitCode::kBundle : ExitCode::kFailed;
    failure.hint = "the version that served before, if any, goes on serving";
  } else {
    failure.exit = ExitCode::kNotLive;
    failure.hint = "'ztsctl versions " + name + "' shows which version is active";
  }
  return console.Fail(failure);
}

ExitCode ReportBroken(Context& context, const Endpoint& endpoint, const Deployment& deployment, const Error& error) {
  Failure failure = FailureOf(error, endpoint.data_dir);
  const std::string& name = deployment.spec.function;
  if (const auto version = deployment.watcher.stored_version) {
    failure.message +=
        "\n" + name + " v" + std::to_string(*version) + " is stored and goes live when the controller is back";
    failure.hint = "see 'ztsctl versions " + name + "'";
  } else if (error.code != ErrorCode::kDenied && deployment.watcher.sent_any) {
    failure.message += "\nwhether " + name + " was stored is not known";
    failure.hint =
        failure.hint.empty() ? "see 'ztsctl versions " + name + "', or deploy again: it does no harm" : failure.hint;
  }
  return context.console.Fail(failure);
}

// The name is the user's to choose; a file's name that cannot be one is a matter of the command line.
Status Name(DeploySpec& spec, const Bundle& bundle, const std::string& name_space) {
  if (!spec.function.empty()) return {};
  const std::string& name = bundle.default_name;
  Status checked = CheckFunctionName(name);
  // A dot in a file's name is no wish for a namespace.
  if (checked.ok() && name.find('.') != std::string::npos) checked = Invalid("'" + name + "' cannot be a function's name");
  if (!checked.ok()) return Invalid(checked.error().message + ": --name " + NearestFunctionName(name));
  spec.function = QualifiedName(name, name_space);
  return CheckFunctionName(spec.function);
}

}  // namespace

ExitCode Deploy(Context& context, const DeployOptions& options) {
  Console& console = context.console;
  const SystemClock clock;
  const Nanos started = clock.Now();
  Result<DeploySpec> spec = SpecOf(options);
  if (!spec.ok()) return console.Fail(UsageFailure(spec.error().message, "deploy"));
  Result<Endpoint> endpoint = FindController(context.data_dir_flag, context.env);
  if (!endpoint.ok())
    return console.Fail(FailureOf(endpoint.error(), DataDirectory(context.data_dir_flag, context.env)));

  const Result<Bundle> bundle = MakeBundle(options.file);
  if (!bundle.ok()) return console.Fail(BundleFailure(bundle.error()));
  for (const SourceError& warning : bundle->warnings) console.Warn(RenderSourceError(warning));
  if (!bundle->errors.empty()) return console.Fail(SourceFailure(*bundle));
  const Status named = Name(*spec, *bundle, context.name_space);
  if (!named.ok()) return console.Fail(UsageFailure(named.error().message, "deploy"));
  spec->author = AuthorOf(context.env);
  spec->main_module = bundle->main_module;
  spec->digest = bundle->digest;
  spec->source_map_digest = ToHex(Sha256Of(bundle->source_map));
  const Nanos bundled = clock.Now();

  Watcher watcher(console);
  Client client(*endpoint);
  const DeployResult result = client.Deploy(*spec, bundle->code, bundle->source_map, watcher);
  const Deployment deployment{*spec, *bundle, watcher, bundled - started, clock.Now() - started};
  if (const auto* live = std::get_if<DeployLive>(&result)) return ReportLive(console, deployment, *live);
  if (const auto* refused = std::get_if<DeployRefused>(&result)) return ReportRefused(console, deployment, *refused);
  return ReportBroken(context, *endpoint, deployment, std::get<DeployBroken>(result).error);
}

}  // namespace zts::cli
