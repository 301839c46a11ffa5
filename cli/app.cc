#include "cli/app.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <sstream>

#include "cli/admin_verbs.h"
#include "cli/commands.h"
#include "cli/function_name.h"
#include "cli/local/up.h"
#include "cli/tool_verbs.h"

namespace zts::cli {
namespace {

constexpr const char* kOverview = R"(Deploys JavaScript and TypeScript functions to zts and looks after them.

Start here:
  ztsctl up                      start zts on this machine
  ztsctl deploy hello.js         make hello.js answer over HTTP
  ztsctl logs -f hello           see what it prints)";

constexpr const char* kOverviewFooter = R"(Finding the controller, first match wins:
  --data-dir DIR                 the directory 'ztsctl up' uses
  ZTS_CONTROLLER, ZTS_TOKEN      address and token, from the environment
  ZTS_CA                         what its certificate is signed by (PEM), where it speaks TLS
  ZTS_DATA_DIR                   as --data-dir
  ./.zts                         the default data directory

Exit codes:
  0 done   1 failed   2 wrong command line   3 the bundle or its settings were refused
  4 no controller answers   5 the token was refused   6 stored, but not served by every worker

'ztsctl VERB --help' explains a verb, with examples.)";

constexpr const char* kUpHelp =
    R"(Starts controller and worker on this machine, waits until functions can be served, and keeps both running
until Ctrl-C: one that dies is started again on the same ports.)";
constexpr const char* kUpFooter = R"(Addresses are remembered in the data directory: a later 'up' uses them again.
Port 0 picks a free port, once.

--jit is for all functions of the worker: 'disabled' interprets all but WebAssembly (no machine code is made of JavaScript
while it runs), 'lazy' compiles what is called often, 'eager' compiles at once and optimises sooner. Other than with
'lazy' the code caches of a deploy are of no use, so that cold starts compile. 'ztsctl inspect NAME --jit' shows the effect.

Examples:
  ztsctl up
  ztsctl up --http 0.0.0.0:80 --threads 8
  ztsctl up --data-dir /var/lib/zts --detach)";

constexpr const char* kDownHelp =
    R"(Ends what 'ztsctl up' started in this data directory: requests in flight are finished first. Data stays.
With nothing running it does nothing, and that is no error.)";
constexpr const char* kDownFooter = R"(Example:
  ztsctl down --data-dir /var/lib/zts)";

constexpr const char* kDeployHelp =
    R"(Makes a file answer over HTTP: checks it, stores it as a new version, and returns when every worker serves it.

FILE is JavaScript or TypeScript whose default export handles requests:
  export default { fetch(request, env, ctx) { return new Response("hi"); } }
TypeScript, JSX and files with imports are bundled with esbuild; a folder stands for its package.json
main or its index. The version before goes on serving until the new one is warm everywhere.)";
constexpr const char* kDeployFooter =
    R"(A function NAME answers at /NAME on every host, at every path of NAME.localhost, and at its --route.
Exit code 6 means stored but not served everywhere: no worker connected, or some too slow.

--jit and --isolation process are parts of the version, as its limits are. A worker runs functions of another policy than
its own, and those of a namespace that are to share memory with no others, in engine processes of their own: at most 8,
each with a part of the memory budget. A request takes one hop more.

Examples:
  ztsctl deploy hello.js
  ztsctl deploy api.ts --name shop --env REGION=eu --route shop.example.com/
  ztsctl deploy heavy.js --cpu-limit 20s --wall-limit 60s --memory-limit 256MiB
  ztsctl deploy parser.js --jit disabled --isolation process
  ztsctl deploy hello.js --canary 10% --sticky cookie:session
  curl $(ztsctl deploy hello.js | tail -n 1))";

constexpr const char* kReloadHelp =
    R"(Starts the worker that 'ztsctl up' runs anew, from the program as it is on the disk now, with no request lost:
the new worker takes the sockets of the old one, which answers what it has and ends.)";
constexpr const char* kReloadFooter =
    R"(After an upgrade of the binaries, for example. When the new worker does not come up, the old one goes on.

Example:
  ztsctl reload)";

constexpr const char* kListHelp =
    R"(Shows the functions that are deployed, with their active version and where they answer.)";
constexpr const char* kListFooter = R"(Examples:
  ztsctl list
  ztsctl list --json | jq -r '.functions[].url')";

constexpr const char* kVersionsHelp =
    R"(Shows the versions of a function, newest first, which of them serve and with what share of the requests,
and what has changed: deploys, shares, promotions, rollbacks, with who and why.)";
constexpr const char* kVersionsFooter = R"(Warm versions have served before and are ready on every worker: a rollback to one is a switch.

Examples:
  ztsctl versions hello
  ztsctl versions hello --json | jq '.versions[] | select(.active).version')";

constexpr const char* kRollbackHelp =
    R"(Goes back to a version that served before, with its code and its configuration. Without --to it is the one before
the active version; while a canary runs, the canary loses its share and the active version goes on.)";
constexpr const char* kRollbackFooter = R"(Examples:
  ztsctl rollback hello
  ztsctl rollback hello --to 3 --message "checkout is broken")";

constexpr const char* kPromoteHelp =
    R"(Gives a canary more of the requests: all of them, a share (--weight), or step by step by itself (--auto).

With --auto the controller goes on alone: each step has to keep to the objectives, and to within a factor of
the active version's figures; a canary that does not is rolled back.)";
constexpr const char* kPromoteFooter = R"(A request that names a version in x-zts-version gets it, canaries at 0% included.

Examples:
  ztsctl deploy hello.js --canary 10%
  ztsctl promote hello --weight 25
  ztsctl promote hello --auto --slo 'p99<50ms,errors<1%,cold<5%' --steps 1,5,25,50,100 --step-time 30s
  ztsctl promote hello)";

constexpr const char* kEnvHelp =
    R"(Shows or changes the variables of a function. A change is a new version with the same code; nothing is compiled.)";
constexpr const char* kEnvFooter = R"(Examples:
  ztsctl env hello
  ztsctl env hello set REGION=eu LEVEL=debug
  ztsctl env hello unset LEVEL)";

constexpr const char* kRoutesHelp =
    R"(Shows or changes where a function answers besides /NAME and NAME.localhost. A change is a new version with the same
code.)";
constexpr const char* kRoutesFooter = R"(Examples:
  ztsctl routes hello
  ztsctl routes hello add shop.example.com/ /shop
  ztsctl routes hello remove /shop)";

constexpr const char* kDeleteHelp =
    R"(Takes a function out of service, with all its versions. Returns when every worker has stopped serving it.)";
constexpr const char* kDeleteFooter = R"(Example:
  ztsctl delete hello)";

constexpr const char* kLogsHelp = R"(Shows what functions print with console.* and the exceptions they do not catch:
time, function@version, request id, level, message.)";
constexpr const char* kLogsFooter = R"(The request id is the x-zts-request-id header of the response.

Examples:
  ztsctl logs                    the last records of all functions
  ztsctl logs -f hello           follow one function, also across restarts of the controller
  ztsctl logs --level warn --version 3 hello
  ztsctl logs --request-id 2f6d1c0a8b3e4d57
  ztsctl logs -f --json | jq 'select(.level == "exception")')";

constexpr const char* kWhyHelp =
    R"(Says why a request was slow, what its function logged meanwhile, and how it failed.

A request is slow when it took 10 ms or more and four times what is usual for its function. The parts of its time are
named, the largest first:
  cold-start  it waited for an isolate          queue      other work of its core came first
  function    its own JavaScript                jit        the same, before V8 has optimised it
  gc          collections of garbage            upstream   its outgoing requests
  wait        its timers, its client's body     offload    it ran on a thread for heavy functions
  cpu-steal   the kernel gave the core to something else)";
constexpr const char* kWhyFooter =
    R"(The request id is the x-zts-request-id header of the response. How often each cause occurs is the metric
zts_slow_requests_total.

Example:
  ztsctl why 2f6d1c0a8b3e4d57)";

constexpr const char* kWorkersHelp =
    R"(Shows the workers that are connected: where they serve, how many shards, and the catalog version they have.)";
constexpr const char* kWorkersFooter = R"(Example:
  ztsctl workers)";

constexpr const char* kTopHelp =
    R"(Shows what functions do at the moment, the busiest first: requests and errors a second, how long answers take,
cold starts, and the memory of their isolates, over the last ten seconds and all workers.)";
constexpr const char* kTopFooter = R"(Renews itself on a terminal until Ctrl-C. Workers report every two seconds.

Examples:
  ztsctl top
  ztsctl top --once --json | jq '.functions[] | select(.errors_per_second > 0).name')";

constexpr const char* kInspectHelp =
    R"(Shows all there is to know of one function: its versions, routes and limits, what each worker does with it, and its
last errors.

With --jit, what V8 has made of its JavaScript instead: for each function that has run, the tier of its fastest code
(interpreter, baseline, maglev, turbofan), the bytes of that code, the time spent in it, and the deoptimisations with
their reasons. Time and deoptimisations are counted while the command watches, and only then: V8's profiler takes a
few percent of a core for each thread that has the function. --watch 0 asks for the tiers alone.)";
constexpr const char* kInspectFooter = R"(Examples:
  ztsctl inspect hello
  ztsctl inspect hello --json | jq .workers
  ztsctl inspect hello --jit --watch 10s)";

struct Verb {
  const char* name;
  const char* summary;
};
constexpr std::array kVerbs = {
    Verb{"up", "Start zts on this machine and keep it running"},
    Verb{"down", "End what 'up' started"},
    Verb{"reload", "Start the worker anew, with no request lost"},
    Verb{"deploy", "Make a file answer over HTTP"},
    Verb{"list", "Show the functions that are deployed"},
    Verb{"versions", "Show the versions of a function, and what has changed"},
    Verb{"rollback", "Go back to a version that served before"},
    Verb{"promote", "Give a canary more of the requests"},
    Verb{"env", "Show or change the variables of a function"},
    Verb{"routes", "Show or change where a function answers"},
    Verb{"delete", "Take a function out of service"},
    Verb{"logs", "Show what functions print and throw"},
    Verb{"why", "Say why a request was slow or failed"},
    Verb{"workers", "Show the workers that are connected"},
    Verb{"top", "Show what functions do at the moment"},
    Verb{"inspect", "Show all there is to know of a function"},
    Verb{"new", "Make a folder with a function that deploys"},
    Verb{"token", "Make, show and take back tokens"},
    Verb{"namespace", "Make and bound namespaces"},
    Verb{"secret", "Set the secrets of functions"},
    Verb{"audit", "Show who changed what"},
    Verb{"backup", "Write all that the controller knows to a file"},
    Verb{"restore", "Put a backup into an empty data directory"},
    Verb{"completion", "Print the completion script of a shell"},
    Verb{"man", "Print the manual page"},
};

const Verb* FindVerb(const std::string& name) {
  const auto verb =
      std::find_if(kVerbs.begin(), kVerbs.end(), [&](const Verb& candidate) { return name == candidate.name; });
  return verb != kVerbs.end() ? &*verb : nullptr;
}

// Help that reads as text: a paragraph before the usage, one line a verb in the overview.
class HelpFormatter final : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(34); }
  std::string make_usage(const CLI::App* app, std::string name) const override {
    return "\n" + CLI::Formatter::make_usage(app, name);
  }
  std::string make_footer(const CLI::App* app) const override {
    return app->get_footer().empty() ? "" : app->get_footer() + "\n";
  }
  std::string make_subcommand(const CLI::App* verb) const override {
    std::ostringstream out;
    // Of a verb below another one: the first sentence of its help.
    const Verb* known = verb->get_parent()->get_parent() == nullptr ? FindVerb(verb->get_name()) : nullptr;
    const std::string help = verb->get_description();
    const std::string summary = known != nullptr ? known->summary : help.substr(0, help.find_first_of(".;:"));
    CLI::detail::format_help(out, verb->get_name(), summary, get_column_width());
    return out.str();
  }
};

struct Common {
  std::string data_dir;
  std::string name_space;
  std::string color = "auto";
  bool json = false;
};

class App {
 public:
  App(Console& console, const GetEnv& env) : console_(console), env_(env) {
    app_.require_subcommand(1);
    app_.footer(kOverviewFooter);
    app_.formatter(std::make_shared<HelpFormatter>());
    app_.set_version_flag("--version", "ztsctl 0.1");
    AddUp();
    AddDown();
    AddDeploy();
    AddReaders();
    const AdminVerbs::Host host{[this](const char* name, const char* help, const char* footer) { return AddVerb(name, help, footer); },
                [this](CLI::App* parent, const char* name, const char* help, const char* footer) {
                  return AddBelow(parent, name, help, footer);
                },
                [this](CLI::App* verb, Action action) {
                  verb->callback([this, action = std::move(action)] { action_ = action; });
                },
                [this](const std::string& name) { return Qualified(name); }};
    admin_.Add(host);
    tools_.Add(host, app_);
  }

  ExitCode Run(std::vector<std::string> arguments) {
    if (arguments.empty()) {
      console_.out() << app_.help() << std::flush;
      return ExitCode::kUsage;
    }
    if (!IsVerbOrOption(arguments.front())) {
      return console_.Fail(UsageFailure("there is no verb '" + arguments.front() + "'; there are" + VerbList(), ""));
    }
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
    try {
      app_.parse(arguments);
    } catch (const CLI::CallForHelp&) {
      console_.out() << HelpText() << std::flush;
      return ExitCode::kOk;
    } catch (const CLI::CallForVersion& version) {
      console_.out() << version.what() << std::endl;
      return ExitCode::kOk;
    } catch (const CLI::ParseError& error) {
      console_.set_format(common_.json ? Format::kJson : Format::kText);
      return console_.Fail(UsageFailure(error.what(), CurrentVerb()));
    }
    console_.set_format(common_.json ? Format::kJson : Format::kText);
    console_.set_color(env_("NO_COLOR").value_or("").empty() || common_.color != "auto" ? common_.color : "never");
    if (common_.name_space.empty()) common_.name_space = env_("ZTS_NAMESPACE").value_or("");
    for (std::string* name : {&function_, &logs_.function, &deploy_.name, &change_.function, &promote_.change.function,
                              &edit_.change.function}) {
      *name = Qualified(*name);
    }
    Context context{console_, env_, common_.data_dir, common_.name_space};
    return action_(context);
  }

 private:
  CLI::App* AddVerb(const char* name, const char* help, const char* footer) { return AddBelow(&app_, name, help, footer); }

  CLI::App* AddBelow(CLI::App* parent, const char* name, const char* help, const char* footer) {
    CLI::App* verb = parent->add_subcommand(name, help);
    verb->footer(footer);
    // Options of "token create" are its own; "token" alone only leads to it.
    if (parent != &app_) parent->fallthrough(false);
    verb->add_option("--data-dir", common_.data_dir, "The directory that 'ztsctl up' uses [./.zts]")->type_name("DIR");
    verb->add_option("--namespace", common_.name_space,
                     "Functions are in this namespace [ZTS_NAMESPACE, or default; 'list' and 'top': all]")
        ->type_name("NS");
    verb->add_flag("--json", common_.json, "Print one JSON object a line, for programs");
    verb->add_option("--color", common_.color, "Colours: auto, always or never")
        ->check(CLI::IsMember({"auto", "always", "never"}).description(""))
        ->type_name("WHEN");
    return verb;
  }

  void AddUp() {
    CLI::App* up = AddVerb("up", kUpHelp, kUpFooter);
    up->add_option("--http", up_.http, "Where functions answer [127.0.0.1:8080]")->type_name("ADDRESS:PORT");
    up->add_option("--threads", up_.threads, "Serving threads [one a core]")
        ->check(CLI::Range(1, 1024).description(""))
        ->type_name("N");
    up->add_option("--memory-budget", up_.memory_budget, "Memory of all functions [three fifths of what there is]")
        ->type_name("SIZE");
    up->add_option("--jit", up_.jit, "When JavaScript is compiled: disabled, lazy or eager [ZTS_JIT_POLICY, or lazy]")
        ->check(CLI::IsMember({"disabled", "lazy", "eager"}).description(""))
        ->type_name("POLICY");
    up->add_option("--jit-threshold", up_.jit_threshold, "Calls before a function is optimised [ZTS_JIT_THRESHOLD, or 3000; eager: 300]")
        ->check(CLI::Range(1, 1'000'000).description(""))
        ->type_name("N");
    up->add_option("--io", up_.io, "How sockets are served: auto, uring or epoll")
        ->check(CLI::IsMember({"auto", "uring", "epoll"}).description(""))
        ->type_name("MODE");
    up->add_option("--admin", up_.admin, "The worker's /metrics, /healthz, /readyz [127.0.0.1:0]")
        ->type_name("ADDRESS:PORT");
    up->add_option("--controller-admin", up_.controller_admin, "The controller's [127.0.0.1:0]")
        ->type_name("ADDRESS:PORT");
    up->add_option("--controller-listen", up_.controller_listen, "Where the controller takes deploys [127.0.0.1:0]")
        ->type_name("ADDRESS:PORT");
    up->add_option("--name", up_.name, "The worker's name")->type_name("NAME");
    up->add_flag("--insecure", up_.insecure, "The controller may listen where others can reach it, without TLS");
    up->add_flag("--detach", up_.detach, "Return once it is up, and leave it running");
    up->callback([this] { action_ = [this](Context& context) { return Up(context, up_); }; });
  }

  void AddDown() {
    AddVerb("down", kDownHelp, kDownFooter)->callback([this] { action_ = Down; });
    AddVerb("reload", kReloadHelp, kReloadFooter)->callback([this] { action_ = Reload; });
  }

  void AddDeploy() {
    CLI::App* verb = AddVerb("deploy", kDeployHelp, kDeployFooter);
    verb->add_option("FILE", deploy_.file, "The file or folder to deploy")->required()->type_name("");
    verb->add_option("--name", deploy_.name, "The function's name [FILE without its extension]")->type_name("NAME");
    Repeated(verb->add_option("--env", deploy_.env, "A variable the function sees in env; repeatable"), "NAME=VALUE");
    Repeated(verb->add_option("--route", deploy_.routes, "Another host and path it answers at; repeatable"),
             "HOST/PATH");
    Repeated(
        verb->add_option("--allow-net", deploy_.allow_net, "A host or network it may reach besides public ones; repeatable"),
        "HOST[:PORT]");
    Repeated(verb->add_option("--secret", deploy_.secrets, "A secret it cannot do without; it sees only those named; repeatable"),
             "KEY");
    verb->add_option("--cpu-limit", deploy_.cpu_limit, "CPU time a request, as 500ms or 20s")->type_name("TIME");
    verb->add_option("--wall-limit", deploy_.wall_limit, "Time from request to response")->type_name("TIME");
    verb->add_option("--startup-limit", deploy_.startup_limit, "CPU time for loading the module")->type_name("TIME");
    verb->add_option("--memory-limit", deploy_.memory_limit, "Memory, as 64MiB or 1GiB")->type_name("SIZE");
    verb->add_option("--nursery", deploy_.nursery, "Half of V8's young generation, kept at that [up to 2MiB, as V8 likes]")
        ->type_name("SIZE");
    verb->add_option("--request-garbage", deploy_.request_garbage, "What a request allocates: collect between requests, not in them")
        ->type_name("SIZE");
    verb->add_option("--snapshot", deploy_.snapshot, "Start from the evaluated module: auto (where it pays), always, never [auto]")
        ->type_name("WHEN");
    verb->add_option("--jit", deploy_.jit, "When its JavaScript is compiled: disabled, lazy or eager [as the worker does]")
        ->type_name("POLICY");
    verb->add_option("--jit-threshold", deploy_.jit_threshold, "With --jit: calls before a function is optimised")->type_name("N");
    verb->add_option("--isolation", deploy_.isolation, "process: share an engine process with no other namespace's functions [shared]")
        ->type_name("KIND");
    verb->add_option("--canary", deploy_.canary, "Only this share of the requests, beside the active version")->type_name("SHARE");
    verb->add_option("--sticky", deploy_.sticky, "Keep clients with one version, by header:NAME, cookie:NAME or ip")->type_name("BY");
    verb->add_option("-m,--message", deploy_.message, "Why, for 'ztsctl versions'")->type_name("TEXT");
    verb->add_option("--wait", deploy_.wait, "How long to wait for workers at most [60s]")->type_name("TIME");
    verb->add_flag("--require-all", deploy_.require_all, "Take it back unless every worker serves it");
    verb->callback([this] { action_ = [this](Context& context) { return Deploy(context, deploy_); }; });
  }

  static void Repeated(CLI::Option* option, const char* type) {
    option->type_name(type)->take_all()->allow_extra_args(false);
  }

  void AddReaders() {
    AddVerb("list", kListHelp, kListFooter)->callback([this] { action_ = List; });
    CLI::App* versions = AddVerb("versions", kVersionsHelp, kVersionsFooter);
    versions->add_option("NAME", function_, "The function")->required()->type_name("");
    versions->callback([this] { action_ = [this](Context& context) { return Versions(context, function_); }; });
    AddRollback();
    AddPromote();
    AddEdit("env", kEnvHelp, kEnvFooter, {"list", "set", "unset"}, "set: NAME=VALUE; unset: NAME", Env);
    AddEdit("routes", kRoutesHelp, kRoutesFooter, {"list", "add", "remove"}, "HOST/PATH", Routes);
    CLI::App* remove = AddVerb("delete", kDeleteHelp, kDeleteFooter);
    remove->add_option("NAME", function_, "The function")->required()->type_name("");
    remove->callback([this] { action_ = [this](Context& context) { return Delete(context, function_); }; });
    AddLogs();
    AddWhy();
    AddVerb("workers", kWorkersHelp, kWorkersFooter)->callback([this] { action_ = Workers; });
    AddTop();
    CLI::App* inspect = AddVerb("inspect", kInspectHelp, kInspectFooter);
    inspect->add_option("NAME", inspect_.function, "The function")->required()->type_name("");
    inspect->add_flag("--jit", inspect_.jit, "What V8 has made of its code: tiers, time, deoptimisations");
    inspect->add_option("--watch", inspect_.watch, "With --jit: for how long to count, 0 to 30s [2s]")->type_name("TIME");
    inspect->callback([this] { action_ = [this](Context& context) { return Inspect(context, inspect_); }; });
  }

  void AddTop() {
    CLI::App* verb = AddVerb("top", kTopHelp, kTopFooter);
    verb->add_flag("--once", top_.once, "Print one table and end; so does output that is no terminal");
    verb->add_option("--interval", top_.interval, "Time between two tables [2s]")->type_name("TIME");
    verb->callback([this] { action_ = [this](Context& context) { return Top(context, top_); }; });
  }

  void AddChange(CLI::App* verb, ChangeOptions& change) {
    verb->add_option("NAME", change.function, "The function")->required()->type_name("");
    verb->add_option("-m,--message", change.message, "Why, for 'ztsctl versions'")->type_name("TEXT");
    verb->add_option("--wait", change.wait, "How long to wait for workers at most [60s]")->type_name("TIME");
    verb->add_flag("--require-all", change.require_all, "Take it back unless every worker serves it");
  }

  void AddRollback() {
    CLI::App* verb = AddVerb("rollback", kRollbackHelp, kRollbackFooter);
    AddChange(verb, change_);
    verb->add_option("--to", version_, "The version to go back to [the one before]")
        ->check(CLI::Range(uint64_t{1}, uint64_t{UINT32_MAX}).description(""))
        ->type_name("N");
    verb->callback([this] { action_ = [this](Context& context) { return Rollback(context, change_, version_); }; });
  }

  void AddPromote() {
    CLI::App* verb = AddVerb("promote", kPromoteHelp, kPromoteFooter);
    AddChange(verb, promote_.change);
    verb->add_option("--version", promote_.version, "Which version [the canary]")
        ->check(CLI::Range(uint64_t{1}, uint64_t{UINT32_MAX}).description(""))
        ->type_name("N");
    verb->add_option("--weight", promote_.weight, "A share of the requests instead of all")->type_name("SHARE");
    verb->add_option("--sticky", promote_.sticky, "Keep clients with one version, by header:NAME, cookie:NAME or ip")->type_name("BY");
    verb->add_flag("--auto", promote_.automatic, "Step by step, by itself");
    verb->add_option("--slo", promote_.slo, "Objectives, as p99<50ms,errors<1%,cold<5%")->type_name("LIST");
    verb->add_option("--steps", promote_.steps, "Shares [1,5,25,50,100]")->type_name("LIST");
    verb->add_option("--step-time", promote_.step_time, "How long each step lasts at least [30s]")->type_name("TIME");
    verb->add_option("--factor", promote_.factor, "How many times as slow or wrong it may be as the active version [1.5]")
        ->check(CLI::Range(1.0, 100.0).description(""))
        ->type_name("X");
    verb->add_option("--min-requests", promote_.min_requests, "Requests of the canary that a step needs [100]")
        ->check(CLI::Range(uint64_t{1}, uint64_t{10'000'000}).description(""))
        ->type_name("N");
    verb->add_flag("--stop", promote_.stop, "End --auto; the share stays");
    verb->callback([this] { action_ = [this](Context& context) { return Promote(context, promote_); }; });
  }

  using EditAction = ExitCode (*)(Context&, const EditOptions&);
  void AddEdit(const char* name, const char* help, const char* footer, std::vector<std::string> actions, const char* values,
               EditAction run) {
    CLI::App* verb = AddVerb(name, help, footer);
    AddChange(verb, edit_.change);
    std::string list;
    for (const std::string& action : actions) list += (list.empty() ? "" : ", ") + action;
    verb->add_option("ACTION", edit_.action, "One of " + list + " [list]")->type_name("");
    verb->add_option("VALUES", edit_.values, values)->type_name("");
    verb->callback([this, run, actions, list] {
      const auto known = [&](const std::string& word) { return std::find(actions.begin(), actions.end(), word) != actions.end(); };
      if (!edit_.action.empty() && !known(edit_.action)) {
        // The action first, as `secret` and `token` have it.
        if (known(edit_.change.function)) std::swap(edit_.action, edit_.change.function);
        if (!known(edit_.action)) throw CLI::ValidationError("ACTION", "'" + edit_.action + "' is none of " + list);
      }
      action_ = [this, run](Context& context) { return run(context, edit_); };
    });
  }

  void AddLogs() {
    CLI::App* verb = AddVerb("logs", kLogsHelp, kLogsFooter);
    verb->add_option("NAME", logs_.function, "Only this function")->type_name("");
    verb->add_flag("-f,--follow", logs_.follow, "Go on until Ctrl-C");
    verb->add_option("-n,--lines", logs_.lines, "Begin with at most this many past records [100]")
        ->check(CLI::Range(0, 100000).description(""))
        ->type_name("N");
    verb->add_option("-l,--level", logs_.level_min, "Only this level and above: debug, info, warn, error or exception")
        ->check(CLI::IsMember({"debug", "info", "warn", "error", "exception"}).description(""))
        ->type_name("LEVEL");
    verb->add_option("--version", logs_.version, "Only what this version said")
        ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 32).description(""))
        ->type_name("N");
    verb->add_option("--request-id", logs_.request_id, "Only what belongs to this request")->type_name("ID");
    verb->callback([this] { action_ = [this](Context& context) { return Logs(context, logs_); }; });
  }

  void AddWhy() {
    CLI::App* verb = AddVerb("why", kWhyHelp, kWhyFooter);
    verb->add_option("REQUEST", request_id_, "The request's id")->required()->type_name("");
    verb->callback([this] { action_ = [this](Context& context) { return Why(context, request_id_); }; });
  }

  // "cart" of namespace shop is "cart.shop"; a name with a dot says its namespace itself.
  std::string Qualified(const std::string& name) const { return QualifiedName(name, common_.name_space); }

  static bool IsVerbOrOption(const std::string& text) {
    return (!text.empty() && text.front() == '-') || FindVerb(text) != nullptr;
  }

  static std::string VerbList() {
    std::string list;
    for (const Verb& verb : kVerbs) list += std::string(list.empty() ? " " : ", ") + verb.name;
    return list;
  }

  std::string CurrentVerb() const {
    std::string line;
    for (auto verbs = app_.get_subcommands(); !verbs.empty(); verbs = verbs.front()->get_subcommands()) {
      line += (line.empty() ? "" : " ") + verbs.front()->get_name();
    }
    return line;
  }

  std::string HelpText() const {
    const auto verbs = app_.get_subcommands();
    return verbs.empty() ? app_.help() : verbs.front()->help("ztsctl");
  }

  Console& console_;
  const GetEnv& env_;
  CLI::App app_{kOverview, "ztsctl"};
  Common common_;
  UpOptions up_;
  DeployOptions deploy_;
  LogsOptions logs_;
  std::string request_id_;
  TopOptions top_;
  InspectOptions inspect_;
  AdminVerbs admin_;
  ToolVerbs tools_;
  std::string function_;
  ChangeOptions change_;
  uint64_t version_ = 0;
  PromoteOptions promote_;
  EditOptions edit_;
  Action action_;
};

}  // namespace

ExitCode RunApp(const std::vector<std::string>& arguments, Console& console, const GetEnv& env) {
  return App(console, env).Run(arguments);
}

}  // namespace zts::cli
