// The verbs about versions that are there already: versions, rollback, promote, env, routes.
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "base/bytes.h"
#include "base/clock.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/function_name.h"
#include "cli/share.h"
#include "cli/text.h"

namespace zts::cli {
namespace {

constexpr size_t kShownDigestChars = 12;

struct Target {
  Client& client;
  const Endpoint& endpoint;
};

// Checks the name, finds the controller, and calls `use`; failures before that are reported here.
ExitCode WithTarget(Context& context, const std::string& function, const char* verb, const std::function<ExitCode(const Target&)>& use) {
  if (const Status checked = CheckFunctionName(function); !checked.ok()) {
    return context.console.Fail(UsageFailure(checked.error().message, verb));
  }
  const Result<Endpoint> endpoint = FindController(context.data_dir_flag, context.env);
  if (!endpoint.ok()) {
    return context.console.Fail(FailureOf(endpoint.error(), DataDirectory(context.data_dir_flag, context.env)));
  }
  Client client(*endpoint);
  return use({client, *endpoint});
}

std::string Title(const std::string& function, uint64_t version) { return function + " v" + std::to_string(version); }

ExitCode ReportLive(Console& console, const std::string& function, const DeployLive& live, Nanos took, const std::string& what) {
  const bool everywhere = live.workers_total > 0 && live.workers_live >= live.workers_total;
  const ExitCode exit = everywhere ? ExitCode::kOk : ExitCode::kNotLive;
  if (console.json()) {
    const auto ms = [](Nanos duration) { return static_cast<double>(duration) / static_cast<double>(kMillisecond); };
    console.PrintJson({{"name", function},
                       {"version", live.version},
                       {"live", everywhere},
                       {"url", live.urls.empty() ? "" : live.urls.front()},
                       {"urls", live.urls},
                       {"workers_live", live.workers_live},
                       {"workers_total", live.workers_total},
                       {"laggards", live.laggards},
                       {"ms", ms(took)},
                       {"controller_ms", ms(live.controller_took)}});
    return exit;
  }
  const std::string title = Title(function, live.version) + what;
  const std::string counts = std::to_string(live.workers_live) + "/" + std::to_string(live.workers_total) + " workers";
  if (!everywhere) {
    std::string message = title + " is stored and live on " + counts;
    for (const std::string& laggard : live.laggards) message += "\n  behind: " + laggard;
    const char* code = live.workers_total == 0 ? "no-worker" : "laggards";
    return console.Fail({exit, code, message, "'ztsctl workers' shows where each stands", {}});
  }
  console.out() << console.Paint(Style::kBold, title) << " " << console.Paint(Style::kGreen, "live on " + counts) << " in "
                << FormatMilliseconds(took) << " ms\n";
  for (size_t i = live.urls.size(); i > 0; --i) console.out() << live.urls[i - 1] << "\n";
  console.out() << std::flush;
  return exit;
}

ExitCode Report(Context& context, const Target& target, const std::string& function, const DeployResult& result, Nanos took,
                const std::string& what = "") {
  Console& console = context.console;
  if (const auto* live = std::get_if<DeployLive>(&result)) return ReportLive(console, function, *live, took, what);
  Failure failure;
  if (const auto* refused = std::get_if<DeployRefused>(&result)) {
    failure.code = refused->code;
    failure.message = refused->message;
    failure.exit = refused->previous_kept ? ExitCode::kFailed : ExitCode::kNotLive;
    failure.hint = "'ztsctl versions " + function + "' shows what serves";
    if (!refused->source.message.empty()) failure.sources.push_back(refused->source);
  } else {
    const Error& error = std::get<DeployBroken>(result).error;
    failure = FailureOf(error, target.endpoint.data_dir);
    if (failure.hint.empty() && error.code == ErrorCode::kNotFound) failure.hint = "'ztsctl list' shows the functions there are";
    if (failure.hint.empty()) failure.hint = "'ztsctl versions " + function + "' shows what serves";
  }
  return console.Fail(failure);
}

Result<ChangeSpec> SpecOf(Context& context, const ChangeOptions& options) {
  ChangeSpec change;
  change.function = options.function;
  change.message = options.message;
  change.author = AuthorOf(context.env);
  change.require_all = options.require_all;
  if (!options.wait.empty()) {
    const auto wait = ParseDurationNs(options.wait);
    if (!wait || *wait <= 0) return Invalid("--wait " + options.wait + ": write a duration such as 500ms, 20s or 2m");
    change.wait = *wait;
  }
  return change;
}

using Ask = std::function<DeployResult(Client&, const ChangeSpec&)>;
ExitCode Change(Context& context, const char* verb, const ChangeOptions& options, const Ask& ask, const std::string& what = "") {
  const Result<ChangeSpec> change = SpecOf(context, options);
  if (!change.ok()) return context.console.Fail(UsageFailure(change.error().message, verb));
  return WithTarget(context, options.function, verb, [&](const Target& target) {
    const SystemClock clock;
    const Nanos started = clock.Now();
    const DeployResult result = ask(target.client, *change);
    return Report(context, target, options.function, result, clock.Now() - started, what);
  });
}

nlohmann::json JsonOf(const FunctionVersion& version) {
  return {{"name", version.function},      {"version", version.number},
          {"active", version.active},      {"state", version.state},
          {"share", version.share / 100.0}, {"digest", version.digest},
          {"bytes", version.bundle_bytes}, {"code_cache_bytes", version.code_cache_bytes},
          {"routes", version.routes},      {"secrets", version.secrets}, {"created", FormatTimestamp(version.created)},
          {"start", StartName(version.snapshot_bytes, version.code_cache_bytes)},
          {"start_reason", version.start_reason}, {"snapshot_bytes", version.snapshot_bytes},
          {"jit", version.jit},            {"jit_threshold", version.jit_threshold},
          {"isolation", version.isolation},
          {"nursery_bytes", version.nursery_bytes}, {"request_garbage_bytes", version.request_garbage_bytes},
          {"author", version.author},      {"message", version.message},
          {"based_on", version.based_on}};
}

nlohmann::json JsonOf(const FunctionStory& story, const std::string& function) {
  auto versions = nlohmann::json::array(), history = nlohmann::json::array();
  for (const FunctionVersion& version : story.versions) versions.push_back(JsonOf(version));
  for (const HistoryEvent& event : story.history) {
    history.push_back({{"time", FormatTimestamp(event.at)}, {"what", event.what}, {"version", event.number},
                       {"share", event.share / 100.0}, {"by", event.by}, {"note", event.note}});
  }
  nlohmann::json object{{"name", function}, {"versions", versions}, {"history", history}, {"promotion", nullptr}};
  if (story.promotion) {
    auto steps = nlohmann::json::array();
    for (const uint32_t step : story.promotion->steps) steps.push_back(step / 100.0);
    object["promotion"] = {{"steps", steps}, {"step", story.promotion->step}, {"by", story.promotion->by}};
  }
  return object;
}

// In front of who deployed it, where some version is not run by the worker's default engine.
constexpr int kEngineColumn = 6;

std::string Since(Nanos wall) { return FormatAge(SystemClock().WallNow() - wall); }

void PrintStory(Console& console, const FunctionStory& story) {
  std::vector<std::vector<std::string>> rows = {{"VERSION", "STATE", "SHARE", "SIZE", "DEPLOYED", "DIGEST", "BY", "MESSAGE"}};
  const bool engines = std::any_of(story.versions.begin(), story.versions.end(), [](const auto& one) { return !EngineText(one).empty(); });
  if (engines) rows[0].insert(rows[0].begin() + kEngineColumn, "ENGINE");
  for (const FunctionVersion& version : story.versions) {
    // A canary without a share is there for those who ask for it by a header.
    const bool shares = version.share != 0 || version.state == "canary";
    rows.push_back({"v" + std::to_string(version.number), StateName(version), shares ? FormatShare(version.share) : "-",
                    FormatBytes(version.bundle_bytes), Since(version.created), version.digest.substr(0, kShownDigestChars),
                    version.author.empty() ? "-" : Printable(version.author), Printable(version.message)});
    if (!engines) continue;
    const std::string engine = EngineText(version);
    rows.back().insert(rows.back().begin() + kEngineColumn, engine.empty() ? "default" : Printable(engine));
  }
  console.out() << RenderTable(rows);
  if (story.promotion) {
    const PromotionSpec& promotion = *story.promotion;
    std::string steps;
    for (const uint32_t step : promotion.steps) steps += (steps.empty() ? "" : ", ") + FormatShare(step);
    console.out() << "\nThe canary is promoted by itself: step " << promotion.step + 1 << " of " << steps << "\n";
  }
  if (!story.history.empty()) {
    rows = {{"WHEN", "WHAT", "VERSION", "SHARE", "BY", "WHY"}};
    for (const HistoryEvent& event : story.history) {
      rows.push_back({Since(event.at), event.what, "v" + std::to_string(event.number), FormatShare(event.share),
                      event.by.empty() ? "-" : Printable(event.by), Printable(event.note)});
    }
    console.out() << "\n" << RenderTable(rows);
  }
  console.out() << std::flush;
}

}  // namespace

std::string AuthorOf(const GetEnv& env) {
  if (const auto named = env("ZTS_AUTHOR"); named && !named->empty()) return *named;
  const std::string user = env("USER").value_or("");
  char host[256] = {};
  if (user.empty() || ::gethostname(host, sizeof(host) - 1) != 0) return user;
  return user + "@" + host;
}

ExitCode Versions(Context& context, const std::string& function) {
  return WithTarget(context, function, "versions", [&](const Target& target) {
    Console& console = context.console;
    const auto story = target.client.Story(function);
    if (!story.ok()) return console.Fail(FailureOf(story.error(), target.endpoint.data_dir));
    if (story->versions.empty()) {
      return console.Fail(
          {ExitCode::kFailed, "not_found", "there is no function " + function, "'ztsctl list' shows those there are", {}});
    }
    if (console.json()) {
      console.PrintJson(JsonOf(*story, function));
    } else {
      PrintStory(console, *story);
    }
    return ExitCode::kOk;
  });
}

ExitCode Rollback(Context& context, const ChangeOptions& options, uint64_t to) {
  return Change(context, "rollback", options, [&](Client& client, const ChangeSpec& change) { return client.Rollback(change, to); });
}

namespace {

Result<PromotionSpec> PromotionOf(const PromoteOptions& options, const Share& sticky) {
  PromotionSpec promotion;
  promotion.sticky = sticky;
  promotion.factor = options.factor;
  promotion.samples_min = options.min_requests;
  if (!options.slo.empty()) ZTS_RETURN_IF_ERROR(ParseSlo(options.slo, promotion));
  ZTS_ASSIGN_OR_RETURN(promotion.steps, ParseSteps(options.steps));
  const auto time = ParseDurationNs(options.step_time);
  if (!time || *time <= 0) return Invalid("--step-time " + options.step_time + ": write a duration such as 30s or 5m");
  promotion.step_time = *time;
  return promotion;
}

}  // namespace

ExitCode Promote(Context& context, const PromoteOptions& options) {
  const auto fail = [&](const Error& error) { return context.console.Fail(UsageFailure(error.message, "promote")); };
  const int ways = (options.weight.empty() ? 0 : 1) + (options.automatic ? 1 : 0) + (options.stop ? 1 : 0);
  if (ways > 1) return fail(Invalid("--weight, --auto and --stop exclude one another"));
  Share share;
  if (const Status sticky = ParseSticky(options.sticky, share); !sticky.ok()) return fail(sticky.error());
  if (options.automatic) {
    const auto promotion = PromotionOf(options, share);
    if (!promotion.ok()) return fail(promotion.error());
    const std::string what = " at " + FormatShare(promotion->steps.front()) + ", promoted by itself from here on,";
    const Ask ask = [&](Client& client, const ChangeSpec& change) { return client.PromoteByItself(change, options.version, *promotion); };
    return Change(context, "promote", options.change, ask, what);
  }
  if (options.stop) {
    const Ask ask = [](Client& client, const ChangeSpec& change) { return client.StopPromotion(change); };
    return Change(context, "promote", options.change, ask, ", no longer promoted by itself,");
  }
  if (options.weight.empty()) {
    return Change(context, "promote", options.change,
                  [&](Client& client, const ChangeSpec& change) { return client.Promote(change, options.version); });
  }
  const auto weight = ParseShare(options.weight);
  if (!weight.ok()) return fail(weight.error());
  share.share = *weight;
  return Change(context, "promote", options.change,
                [&](Client& client, const ChangeSpec& change) { return client.SetShare(change, options.version, share); },
                " at " + FormatShare(*weight));
}

namespace {

// What serves and is configured.
using Show = std::function<void(const FunctionVersion&)>;
ExitCode ShowConfig(Context& context, const std::string& function, const char* verb, const Show& show) {
  return WithTarget(context, function, verb, [&](const Target& target) {
    const auto story = target.client.Story(function);
    if (!story.ok()) return context.console.Fail(FailureOf(story.error(), target.endpoint.data_dir));
    for (const FunctionVersion& version : story->versions) {
      if (version.active) show(version);
    }
    return ExitCode::kOk;
  });
}

ExitCode ListEnv(Context& context, const std::string& function) {
  return ShowConfig(context, function, "env", [&](const FunctionVersion& version) {
    Console& console = context.console;
    if (console.json()) return console.PrintJson({{"name", function}, {"version", version.number}, {"env", version.env}});
    for (const auto& [name, value] : version.env) console.out() << Printable(name) << "=" << Printable(value) << "\n";
    console.out() << std::flush;
  });
}

ExitCode ListRoutes(Context& context, const std::string& function) {
  return ShowConfig(context, function, "routes", [&](const FunctionVersion& version) {
    Console& console = context.console;
    std::vector<std::string> routes{"/" + function, function + ".localhost/"};
    routes.insert(routes.end(), version.routes.begin(), version.routes.end());
    if (console.json()) return console.PrintJson({{"name", function}, {"version", version.number}, {"routes", routes}});
    for (const std::string& route : routes) console.out() << Printable(route) << "\n";
    console.out() << std::flush;
  });
}

ExitCode Configure(Context& context, const char* verb, const ChangeOptions& options, const ConfigEdit& edit) {
  return Change(context, verb, options, [&](Client& client, const ChangeSpec& change) { return client.Configure(change, edit); });
}

}  // namespace

ExitCode Env(Context& context, const EditOptions& options) {
  const auto usage = [&](const std::string& message) { return context.console.Fail(UsageFailure(message, "env")); };
  if (options.action == "list") {
    return options.values.empty() ? ListEnv(context, options.change.function) : usage("'list' takes nothing further");
  }
  ConfigEdit edit;
  if (options.values.empty()) return usage("'" + options.action + "' needs what to " + options.action);
  for (const std::string& text : options.values) {
    if (options.action == "unset") {
      edit.unset_env.push_back(text);
      continue;
    }
    auto setting = ParseSetting(text);
    if (!setting.ok()) return usage(setting.error().message);
    edit.set_env.push_back(*std::move(setting));
  }
  return Configure(context, "env", options.change, edit);
}

ExitCode Routes(Context& context, const EditOptions& options) {
  const auto usage = [&](const std::string& message) { return context.console.Fail(UsageFailure(message, "routes")); };
  if (options.action == "list") {
    return options.values.empty() ? ListRoutes(context, options.change.function) : usage("'list' takes nothing further");
  }
  if (options.values.empty()) return usage("'" + options.action + "' needs a route as HOST/PATH");
  ConfigEdit edit;
  (options.action == "add" ? edit.add_routes : edit.remove_routes) = options.values;
  return Configure(context, "routes", options.change, edit);
}

}  // namespace zts::cli
