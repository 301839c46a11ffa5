// The whole of ztsctl but its main(): command lines in, text and exit codes out, against a controller in this process.
#include "cli/app.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/testing/fake_deploy_service.h"

namespace zts::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSource = "export default () => new Response('x');\n";

v1::DeployEvent Stored(uint64_t number) {
  v1::DeployEvent event;
  event.mutable_stored()->mutable_version()->set_number(number);
  return event;
}

v1::DeployEvent Live(uint64_t number, uint32_t live, uint32_t total) {
  v1::DeployEvent event;
  event.mutable_live()->mutable_version()->set_number(number);
  event.mutable_live()->set_workers_live(live);
  event.mutable_live()->set_workers_total(total);
  if (total > 0) event.mutable_live()->add_urls("http://127.0.0.1:8080/hello");
  return event;
}

v1::DeployEvent FailedWith(const std::string& code, const std::string& message) {
  v1::DeployEvent event;
  event.mutable_failed()->set_code(code);
  event.mutable_failed()->set_message(message);
  event.mutable_failed()->set_previous_kept(true);
  return event;
}

struct Ran {
  int exit = -1;
  std::string out;
  std::string err;
  nlohmann::json Json() const { return nlohmann::json::parse(out); }
};

class AppTest : public testing::Test {
 protected:
  AppTest() {
    std::string pattern = (fs::temp_directory_path() / "zts_app_XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    env_["ZTS_CONTROLLER"] = service_.address();
    env_["ZTS_TOKEN"] = "secret";
    Write("hello.js", kSource);
  }
  ~AppTest() override { fs::remove_all(root_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(root_ / name) << text;
    return Path(name);
  }
  std::string Path(const std::string& name) const { return (root_ / name).string(); }

  Ran Run(std::vector<std::string> arguments, Console::Terminals terminals = {}) {
    std::ostringstream out;
    std::ostringstream err;
    Console console(out, err, terminals);
    const ExitCode exit = RunApp(arguments, console, [this](const char* name) -> std::optional<std::string> {
      const auto found = env_.find(name);
      return found != env_.end() ? std::optional(found->second) : std::nullopt;
    });
    return {static_cast<int>(exit), out.str(), err.str()};
  }

  FakeDeployService service_;
  std::map<std::string, std::string> env_;
  fs::path root_;
};

// --- the command line ---------------------------------------------------------------------------

TEST_F(AppTest, HelpIsWhatTheGoldenFileSays) {
  std::string all;
  for (const std::vector<std::string>& line : std::vector<std::vector<std::string>>{{"--help"},
                                                                                    {"up", "--help"},
                                                                                    {"down", "--help"},
                                                                                    {"reload", "--help"},
                                                                                    {"deploy", "--help"},
                                                                                    {"list", "--help"},
                                                                                    {"versions", "--help"},
                                                                                    {"rollback", "--help"},
                                                                                    {"promote", "--help"},
                                                                                    {"env", "--help"},
                                                                                    {"routes", "--help"},
                                                                                    {"delete", "--help"},
                                                                                    {"logs", "--help"},
                                                                                    {"why", "--help"},
                                                                                    {"workers", "--help"},
                                                                                    {"top", "--help"},
                                                                                    {"inspect", "--help"},
                                                                                    {"token", "--help"},
                                                                                    {"token", "create", "--help"},
                                                                                    {"token", "list", "--help"},
                                                                                    {"token", "revoke", "--help"},
                                                                                    {"namespace", "--help"},
                                                                                    {"namespace", "create", "--help"},
                                                                                    {"secret", "--help"},
                                                                                    {"secret", "set", "--help"},
                                                                                    {"secret", "rotate", "--help"},
                                                                                    {"audit", "--help"},
                                                                                    {"backup", "--help"},
                                                                                    {"restore", "--help"}}) {
    const Ran ran = Run(line);
    EXPECT_EQ(ran.exit, 0);
    EXPECT_EQ(ran.err, "");
    all += "$ ztsctl";
    for (const std::string& word : line) all += " " + word;
    all += "\n" + ran.out + "\n";
  }
  if (const char* update = ::getenv("ZTS_UPDATE_GOLDEN")) {
    std::ofstream(update) << all;
    return;
  }
  std::ifstream golden("cli/testdata/help.txt");
  std::stringstream wanted;
  wanted << golden.rdbuf();
  EXPECT_EQ(all, wanted.str()) << "if this is meant: ZTS_UPDATE_GOLDEN=$PWD/cli/testdata/help.txt app_test";
}

TEST_F(AppTest, ReferenceInDocsIsWhatTheBinarySays) {
  const Ran ran = Run({"man", "--markdown"});
  EXPECT_EQ(ran.exit, 0);
  if (const char* update = ::getenv("ZTS_UPDATE_REFERENCE")) {
    std::ofstream(update) << ran.out;
    return;
  }
  std::ifstream kept("docs/cli_reference.md");
  std::stringstream wanted;
  wanted << kept.rdbuf();
  EXPECT_EQ(ran.out, wanted.str()) << "if this is meant: ZTS_UPDATE_REFERENCE=$PWD/docs/cli_reference.md app_test";
}

TEST_F(AppTest, TheManualAndCompletionsNameEveryVerb) {
  const std::string man = Run({"man"}).out;
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Ran ran = Run({"completion", shell});
    EXPECT_EQ(ran.exit, 0);
    for (const char* verb : {"up", "deploy", "token", "create", "rotate", "restore", "completion"}) {
      EXPECT_NE(ran.out.find(verb), std::string::npos) << shell << " " << verb;
      EXPECT_NE(man.find(verb), std::string::npos) << verb;
    }
  }
  EXPECT_EQ(Run({"completion", "tcsh"}).exit, 2);
  EXPECT_EQ(man.rfind(".TH ZTSCTL 1", 0), 0u);
}

TEST_F(AppTest, BashCompletesVerbsAndOptions) {
  Write("completion.bash", Run({"completion", "bash"}).out);
  const auto complete = [&](const std::string& words, int at) {
    const std::string command = "bash --norc -c '. " + Path("completion.bash") + "; COMP_WORDS=(" + words + "); COMP_CWORD=" +
                                std::to_string(at) + "; _ztsctl; echo ${COMPREPLY[@]}' > " + Path("answer");
    EXPECT_EQ(::system(command.c_str()), 0);
    std::ifstream file(Path("answer"));
    std::string line;
    std::getline(file, line);
    return line;
  };
  EXPECT_EQ(complete("ztsctl dep", 1), "deploy");
  EXPECT_EQ(complete("ztsctl token \"\"", 2), "create list revoke");
  EXPECT_EQ(complete("ztsctl token create --sc", 3), "--scope");
  EXPECT_EQ(complete("ztsctl deploy x.js --mem", 3), "--memory-limit");
}

TEST_F(AppTest, NewMakesAFolderThatDeploys) {
  service_.events = {Live(1, 1, 1)};
  EXPECT_EQ(Run({"new", Path("My_Shop")}).exit, 0);
  const Ran ran = Run({"deploy", Path("My_Shop"), "--name", "shop", "--json"});
  EXPECT_EQ(ran.exit, 0) << ran.out << ran.err;
  EXPECT_NE(service_.received().bundle.find("hello"), std::string::npos);
  const Ran again = Run({"new", Path("My_Shop")});
  EXPECT_EQ(again.exit, 1);
  EXPECT_NE(again.err.find("not empty"), std::string::npos);
  EXPECT_EQ(Run({"new", Path("typed"), "--ts"}).exit, 0);
  EXPECT_TRUE(fs::exists(Path("typed/main.ts")) && fs::exists(Path("typed/tsconfig.json")));
}

TEST_F(AppTest, NamesAreQualifiedByTheNamespace) {
  service_.events = {Live(1, 1, 1)};
  for (const std::vector<std::string>& options : std::vector<std::vector<std::string>>{{"--namespace", "shop"}, {}}) {
    std::vector<std::string> line = {"deploy", Path("hello.js")};
    line.insert(line.end(), options.begin(), options.end());
    EXPECT_EQ(Run(line).exit, 0);
    EXPECT_EQ(service_.received().start.function(), "hello.shop");
    env_["ZTS_NAMESPACE"] = "shop";
  }
  EXPECT_EQ(Run({"deploy", Path("hello.js"), "--name", "other.team"}).exit, 0);
  EXPECT_EQ(service_.received().start.function(), "other.team");
  EXPECT_EQ(Run({"deploy", Path("hello.js"), "--namespace", "default"}).exit, 0);
  EXPECT_EQ(service_.received().start.function(), "hello");
  EXPECT_EQ(Run({"delete", "cart"}).exit, 0);
  EXPECT_EQ(service_.received().function, "cart.shop");
}

TEST_F(AppTest, PlainTextToAnotherMachineMustBeSaid) {
  env_["ZTS_CONTROLLER"] = "192.0.2.1:7070";
  const Ran ran = Run({"list"});
  EXPECT_NE(ran.exit, 0);
  EXPECT_NE(ran.err.find("ZTS_CA"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("ZTS_INSECURE"), std::string::npos) << ran.err;
}

TEST_F(AppTest, WrongCommandLinesAreUsageErrors) {
  for (const std::vector<std::string>& line :
       std::vector<std::vector<std::string>>{{"depoly"},
                                             {"deploy"},
                                             {"--nonsense"},
                                             {"list", "extra"},
                                             {"up", "--threads", "0"},
                                             {"up", "--io", "carrier-pigeon"},
                                             {"versions"},
                                             {"versions", "Not_A_Name"},
                                             {"delete", "a/b"},
                                             {"logs", "A"},
                                             {"logs", "-n", "-1"},
                                             {"why"},
                                             {""},
                                             {"deploy", Path("hello.js"), "--name", "Hello"},
                                             {"deploy", Path("hello.js"), "--env", "X"},
                                             {"deploy", Path("hello.js"), "--cpu-limit", "20"},
                                             {"deploy", Path("hello.js"), "--wall-limit", "-1s"},
                                             {"deploy", Path("hello.js"), "--memory-limit", "lots"},
                                             {"deploy", Path("hello.js"), "--wait", "0s"}}) {
    const Ran ran = Run(line);
    EXPECT_EQ(ran.exit, 2) << (line.empty() ? "" : line[0]) << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find("next: see 'ztsctl"), std::string::npos) << ran.err;
  }
  EXPECT_EQ(Run({}).exit, 2);
}

TEST_F(AppTest, ColoursOnlyOnATerminal) {
  service_.events = {Live(1, 1, 1)};
  EXPECT_EQ(Run({"deploy", Path("hello.js")}).out.find('\x1b'), std::string::npos);
  EXPECT_NE(Run({"deploy", Path("hello.js")}, {true, true}).out.find('\x1b'), std::string::npos);
  EXPECT_NE(Run({"deploy", Path("hello.js"), "--color", "always"}).out.find('\x1b'), std::string::npos);
  env_["NO_COLOR"] = "1";
  EXPECT_EQ(Run({"deploy", Path("hello.js")}, {true, false}).out.find('\x1b'), std::string::npos);
}

// --- finding the controller -----------------------------------------------------------------------

TEST_F(AppTest, DataDirectoryOnTheCommandLineComesFirst) {
  fs::create_directory(root_ / "data");
  Write("data/token", "secret\n");
  Write("data/client.json", nlohmann::json{{"controller", service_.address()}, {"token_file", "token"}}.dump());
  env_["ZTS_CONTROLLER"] = "127.0.0.1:1";
  EXPECT_EQ(Run({"list", "--data-dir", Path("data")}).exit, 0);
  EXPECT_EQ(Run({"list"}).exit, 4);
  env_.erase("ZTS_CONTROLLER");
  env_["ZTS_DATA_DIR"] = Path("data");
  EXPECT_EQ(Run({"list"}).exit, 0);
}

TEST_F(AppTest, NoControllerIsToldWithTheNextStep) {
  const Ran nothing = Run({"list", "--data-dir", Path("never")});
  EXPECT_EQ(nothing.exit, 4);
  EXPECT_NE(nothing.err.find("ztsctl up"), std::string::npos);
  service_.Stop();
  const Ran gone = Run({"list"});
  EXPECT_EQ(gone.exit, 4);
  EXPECT_NE(gone.err.find("does not answer"), std::string::npos);
}

TEST_F(AppTest, WrongTokenIsDenied) {
  env_["ZTS_TOKEN"] = "guess";
  for (const std::vector<std::string>& line : std::vector<std::vector<std::string>>{{"list"},
                                                                                    {"workers"},
                                                                                    {"versions", "a"},
                                                                                    {"delete", "a"},
                                                                                    {"logs"},
                                                                                    {"logs", "-f"},
                                                                                    {"deploy", Path("hello.js")}}) {
    const Ran ran = Run(line);
    EXPECT_EQ(ran.exit, 5) << line[0];
    EXPECT_NE(ran.err.find("token"), std::string::npos);
  }
  env_.erase("ZTS_TOKEN");
  EXPECT_EQ(Run({"list"}).exit, 5);
}

TEST_F(AppTest, BrokenClientFileSaysSo) {
  fs::create_directory(root_ / "data");
  for (const char* text : {"", "{", "[]", "{}", R"({"controller": 1, "token_file": "x"})"}) {
    Write("data/client.json", text);
    const Ran ran = Run({"list", "--data-dir", Path("data")});
    EXPECT_EQ(ran.exit, 1);
    EXPECT_NE(ran.err.find("client.json"), std::string::npos);
  }
}

// --- deploy -----------------------------------------------------------------------------------------

TEST_F(AppTest, DeploySendsTheBundleAndItsSettings) {
  service_.events = {Stored(3), Live(3, 2, 2)};
  const Ran ran =
      Run({"deploy",      Path("hello.js"),    "--name",      "shop", "--env",        "A=1", "--env",          "B=x=y",
           "--route",     "shop.example.com/", "--cpu-limit", "20s",  "--wall-limit", "60s", "--memory-limit", "256MiB",
           "--nursery", "4MiB", "--request-garbage", "400KiB", "--jit", "lazy", "--jit-threshold", "500", "--isolation", "process",
           "--allow-net", "127.0.0.1",         "--wait",      "5s",  "--secret", "KEY"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  const auto received = service_.received();
  EXPECT_EQ(received.bundle, kSource);
  EXPECT_EQ(received.start.function(), "shop");
  EXPECT_EQ(received.start.main_module(), "hello.js");
  EXPECT_EQ(received.start.bundle_bytes(), received.bundle.size());
  EXPECT_EQ(received.start.bundle_digest().size(), 64u);
  EXPECT_EQ(received.start.wait_ms(), 5000u);
  const v1::VersionConfig& config = received.start.config();
  EXPECT_EQ(config.env().at("B"), "x=y");
  EXPECT_EQ(config.env().size(), 2u);
  EXPECT_EQ(config.routes(0), "shop.example.com/");
  EXPECT_EQ(config.allow_net(0), "127.0.0.1");
  EXPECT_EQ(config.secrets(0), "KEY");
  EXPECT_EQ(config.limits().cpu_per_request_ns(), 20'000'000'000);
  EXPECT_EQ(config.limits().wall_per_request_ns(), 60'000'000'000);
  EXPECT_EQ(config.limits().memory_bytes_max(), uint64_t{256} << 20);
  EXPECT_EQ(config.limits().nursery_bytes(), uint64_t{4} << 20);
  EXPECT_EQ(config.limits().request_garbage_bytes(), uint64_t{400} << 10);
  EXPECT_EQ(config.limits().startup_cpu_ns(), 0);
  EXPECT_EQ(config.jit(), "lazy");
  EXPECT_EQ(config.jit_threshold(), 500u);
  EXPECT_EQ(config.isolation(), "process");
}

TEST_F(AppTest, DeployRefusesAnEngineThatThereIsNot) {
  for (const std::vector<std::string>& options : std::vector<std::vector<std::string>>{
           {"--jit", "fast"}, {"--jit-threshold", "5"}, {"--jit", "disabled", "--jit-threshold", "5"},
           {"--jit", "lazy", "--jit-threshold", "0"},
           {"--isolation", "thread"}}) {
    std::vector<std::string> arguments{"deploy", Path("hello.js")};
    arguments.insert(arguments.end(), options.begin(), options.end());
    EXPECT_EQ(Run(arguments).exit, 2) << options[0] << " " << options[1];
  }
}

TEST_F(AppTest, DeployEndsWithTheUrl) {
  service_.events = {Stored(3), Live(3, 2, 2)};
  const Ran ran = Run({"deploy", Path("hello.js")});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_NE(ran.out.find("hello v3"), std::string::npos);
  EXPECT_NE(ran.out.find("live on 2/2 workers in "), std::string::npos);
  EXPECT_TRUE(ran.out.ends_with("\nhttp://127.0.0.1:8080/hello\n")) << ran.out;
  EXPECT_EQ(ran.err, "");
}

TEST_F(AppTest, DeployAsJsonIsOneObject) {
  service_.events = {Stored(3), Live(3, 2, 2)};
  const Ran ran = Run({"deploy", Path("hello.js"), "--json"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 1);
  const auto json = ran.Json();
  EXPECT_EQ(json["name"], "hello");
  EXPECT_EQ(json["version"], 3);
  EXPECT_EQ(json["url"], "http://127.0.0.1:8080/hello");
  EXPECT_EQ(json["workers_live"], 2);
  EXPECT_EQ(json["live"], true);
  EXPECT_GT(json["ms"], 0);
}

TEST_F(AppTest, LargeBundlesGoInChunks) {
  service_.events = {Live(1, 1, 1)};
  std::string source = "export default () => 1;\n";
  while (source.size() < 3'000'000) source += "// " + std::to_string(source.size()) + "\n";
  EXPECT_EQ(Run({"deploy", Write("big.js", source)}).exit, 0);
  EXPECT_EQ(service_.received().bundle, source);
  EXPECT_LE(service_.received().largest_chunk, 1024u * 1024u);
  EXPECT_GT(service_.received().chunks, 3u);
  const Ran on_terminal = Run({"deploy", Path("big.js")}, {true, true});
  EXPECT_NE(on_terminal.err.find("uploading"), std::string::npos);
}

TEST_F(AppTest, RefusalWhileUploadingIsHeard) {
  service_.refuse_after_bytes = 1;
  service_.events = {FailedWith("exhausted", "the bundle has 5000000 bytes, more than 4 MiB")};
  const Ran ran = Run({"deploy", Write("big.js", std::string(5'000'000, ' ') + kSource)});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_NE(ran.err.find("more than 4 MiB"), std::string::npos);
}

TEST_F(AppTest, SourceErrorsShowPlaceLineAndCaret) {
  v1::DeployEvent failed = FailedWith("source", "hello.js:2:5: no");
  v1::SourceError& source = *failed.mutable_failed()->mutable_source();
  source.set_kind("syntax-error");
  source.set_message("Unexpected token '}'");
  source.set_file("hello.js");
  source.set_line(2);
  source.set_column(3);
  source.set_source_line("  }");
  service_.events = {failed};
  const Ran ran = Run({"deploy", Path("hello.js")});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find("hello.js:2:3: syntax-error: Unexpected token '}'\n    }\n    ^\n"), std::string::npos)
      << ran.err;
  EXPECT_NE(ran.err.find("goes on serving"), std::string::npos);
  const auto json = Run({"deploy", Path("hello.js"), "--json"}).Json();
  EXPECT_EQ(json["error"]["code"], "source");
  EXPECT_EQ(json["error"]["exit_code"], 3);
  EXPECT_EQ(json["error"]["source"]["line"], 2);
}

TEST_F(AppTest, BundlerErrorsAreSourceErrorsToo) {
  const Ran ran = Run({"deploy", Write("bad.ts", "let y y\n")});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_NE(ran.err.find("bad.ts:1:7: "), std::string::npos) << ran.err;
  EXPECT_EQ(service_.received().start.function(), "");
  EXPECT_EQ(Run({"deploy", Path("missing.js")}).exit, 3);
}

TEST_F(AppTest, NoWorkerMeansStoredButNotLive) {
  service_.events = {Stored(1), Live(1, 0, 0)};
  const Ran ran = Run({"deploy", Path("hello.js")});
  EXPECT_EQ(ran.exit, 6);
  EXPECT_NE(ran.err.find("stored, but no worker is connected"), std::string::npos);
  const Ran json = Run({"deploy", Path("hello.js"), "--json"});
  EXPECT_EQ(json.exit, 6);
  EXPECT_EQ(json.Json()["live"], false);
}

TEST_F(AppTest, LaggardsAreNamed) {
  v1::DeployEvent live = Live(2, 1, 2);
  live.mutable_live()->add_laggards("worker-b: still at catalog 7");
  service_.events = {Stored(2), live};
  const Ran ran = Run({"deploy", Path("hello.js")});
  EXPECT_EQ(ran.exit, 6);
  EXPECT_NE(ran.err.find("behind: worker-b: still at catalog 7"), std::string::npos);
}

TEST_F(AppTest, ExitCodesFollowTheRefusal) {
  const std::pair<const char*, int> cases[] = {
      {"source", 3},   {"invalid", 3}, {"exhausted", 3}, {"rejected-by-worker", 3},
      {"internal", 1}, {"timeout", 1}, {"aborted", 1}};
  for (const auto& [code, exit] : cases) {
    service_.events = {FailedWith(code, "no")};
    EXPECT_EQ(Run({"deploy", Path("hello.js")}).exit, exit) << code;
  }
  service_.events = {Stored(1), FailedWith("aborted", "on its way")};
  service_.events[1].mutable_failed()->set_previous_kept(false);
  EXPECT_EQ(Run({"deploy", Path("hello.js")}).exit, 6);
}

TEST_F(AppTest, BrokenDeploysSayHowFarTheyCame) {
  service_.deploy_status = {grpc::StatusCode::UNAVAILABLE, "gone"};
  service_.events = {Stored(4)};
  const Ran stored = Run({"deploy", Path("hello.js")});
  EXPECT_EQ(stored.exit, 4);
  EXPECT_NE(stored.err.find("hello v4 is stored"), std::string::npos);
  service_.events = {};
  const Ran unknown = Run({"deploy", Path("hello.js")});
  EXPECT_EQ(unknown.exit, 4);
  EXPECT_NE(unknown.err.find("not known"), std::string::npos);
  service_.deploy_status = grpc::Status::OK;
  EXPECT_EQ(Run({"deploy", Path("hello.js")}).exit, 1);
}

TEST_F(AppTest, NamesThatCannotBeGetAProposal) {
  const Ran ran = Run({"deploy", Write("My_Fn.js", kSource)});
  EXPECT_EQ(ran.exit, 2);
  EXPECT_NE(ran.err.find("--name my-fn"), std::string::npos);
}

// --- reading ------------------------------------------------------------------------------------------

TEST_F(AppTest, ListShowsFunctionsAndWhereTheyAnswer) {
  EXPECT_NE(Run({"list"}).err.find("no functions yet"), std::string::npos);
  v1::FunctionVersion& version = *service_.functions.add_active();
  version.set_function("hello");
  version.set_number(7);
  version.set_bundle_bytes(2048);
  service_.workers.add_workers()->set_http_address("127.0.0.1:8080");
  const Ran ran = Run({"list"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_NE(ran.out.find("hello  v7       2.0 KiB"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("http://127.0.0.1:8080/hello"), std::string::npos);
  const auto json = Run({"list", "--json"}).Json();
  EXPECT_EQ(json["functions"][0]["version"], 7);
  EXPECT_EQ(json["functions"][0]["url"], "http://127.0.0.1:8080/hello");
}

TEST_F(AppTest, VersionsShowWhichIsActive) {
  EXPECT_EQ(Run({"versions", "nothing"}).exit, 1);
  for (int number : {2, 1}) {
    auto& item = *service_.versions.add_versions();
    item.mutable_version()->set_number(static_cast<uint64_t>(number));
    item.mutable_version()->set_bundle_digest(std::string(64, 'd'));
    item.set_active(number == 2);
  }
  const Ran ran = Run({"versions", "hello"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_NE(ran.out.find("v2       active"), std::string::npos) << ran.out;
  EXPECT_EQ(Run({"versions", "hello", "--json"}).Json()["versions"].size(), 2u);
  EXPECT_EQ(service_.received().function, "hello");
}

TEST_F(AppTest, DeleteTellsWhoHasStopped) {
  service_.deleted.set_workers_done(2);
  service_.deleted.set_workers_total(2);
  EXPECT_EQ(Run({"delete", "hello"}).out, "hello deleted; 2/2 workers have stopped serving it\n");
  service_.deleted.set_workers_done(1);
  EXPECT_EQ(Run({"delete", "hello"}).exit, 6);
}

TEST_F(AppTest, WorkersAreShown) {
  EXPECT_NE(Run({"workers"}).err.find("no worker is connected"), std::string::npos);
  auto& worker = *service_.workers.add_workers();
  worker.set_name("local\x1b[2J");
  worker.set_io_backend("uring");
  worker.set_shards(2);
  const Ran ran = Run({"workers"});
  EXPECT_NE(ran.out.find("uring"), std::string::npos);
  EXPECT_EQ(ran.out.find('\x1b'), std::string::npos);
  EXPECT_EQ(Run({"workers", "--json"}).Json()["workers"][0]["shards"], 2);
}

TEST_F(AppTest, DeployBringsTheSourceMapAndSpeaksOfTheOriginalFile) {
  service_.events = {FailedWith("source", "nope is not defined")};
  auto& source = *service_.events[0].mutable_failed()->mutable_source();
  const std::string path = Write("typed.ts", "type T = number;\nconst x: T = nope;\nexport default () => new Response(String(x));\n");
  Run({"deploy", path});
  const auto received = service_.received();
  ASSERT_EQ(received.bundle.size(), received.start.bundle_bytes() + received.start.source_map_bytes());
  const std::string code = received.bundle.substr(0, received.start.bundle_bytes());
  EXPECT_GT(received.start.source_map_bytes(), 0u);
  const size_t at = code.find("nope");
  source.set_kind("exception");
  source.set_message("ReferenceError: nope is not defined");
  source.set_file("typed.js");
  source.set_line(1 + static_cast<int>(std::count(code.begin(), code.begin() + static_cast<ptrdiff_t>(at), '\n')));
  source.set_column(1 + static_cast<int>(at - (code.rfind('\n', at) + 1)));
  const Ran ran = Run({"deploy", path});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_NE(ran.err.find("typed.ts:2:14: exception: ReferenceError: nope is not defined\n  const x: T = nope;\n               ^\n"),
            std::string::npos)
      << ran.err;
}

// --- logs -----------------------------------------------------------------------------------------------

v1::TailLogsEvent LogOf(int64_t time_ns, const std::string& message, const std::string& severity = "log") {
  v1::TailLogsEvent event;
  event.mutable_record()->set_time_ns(time_ns);
  event.mutable_record()->set_function("hello");
  event.mutable_record()->set_version_number(2);
  event.mutable_record()->set_request_id("r1");
  event.mutable_record()->set_severity(severity);
  event.mutable_record()->set_message(message);
  return event;
}

TEST_F(AppTest, LogsWithoutFollowEndAfterTheBacklog) {
  service_.logs = {LogOf(1, "one"), LogOf(2, "Error: two\n    at a.js:1:1", "exception")};
  service_.logs[1].set_dropped(5);
  const Ran ran = Run({"logs", "hello", "-n", "50"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_NE(ran.out.find("hello@v2 r1 log one\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("exception Error: two\n    at a.js:1:1\n"), std::string::npos);
  EXPECT_NE(ran.err.find("5 records"), std::string::npos);
  EXPECT_EQ(service_.received().tail.function(), "hello");
  EXPECT_EQ(service_.received().tail.backlog(), 50u);
  EXPECT_EQ(Run({"logs", "-n", "0"}).exit, 0);
}

TEST_F(AppTest, LogsAreFilteredByTheController) {
  EXPECT_EQ(Run({"logs", "hello", "--level", "warn", "--version", "3", "--request-id", "r9"}).exit, 0);
  const v1::TailLogsRequest asked = service_.received().tail;
  EXPECT_EQ(asked.level_min(), "warn");
  EXPECT_EQ(asked.version_number(), 3u);
  EXPECT_EQ(asked.request_id(), "r9");
  EXPECT_FALSE(asked.heartbeats()) << "the end of the backlog is a silence";
  EXPECT_EQ(Run({"logs", "--level", "loud"}).exit, 2);
  EXPECT_EQ(Run({"logs", "--version", "0"}).exit, 2);
}

TEST_F(AppTest, WhyShowsWhatIsKnownOfOneRequest) {
  service_.logs = {LogOf(1, "slow: 153.0 ms, usually 2.0 ms: cold-start 120.0 ms, function 33.0 ms", "info")};
  const Ran ran = Run({"why", "r9"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_NE(ran.out.find("info slow: 153.0 ms, usually 2.0 ms: cold-start 120.0 ms"), std::string::npos) << ran.out;
  EXPECT_EQ(service_.received().tail.request_id(), "r9");
  EXPECT_EQ(service_.received().tail.function(), "") << "the id alone is enough";
}

TEST_F(AppTest, WhySaysThatNothingIsKnown) {
  const Ran ran = Run({"why", "r9"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_NE(ran.err.find("nothing is known of request r9"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("x-zts-request-id"), std::string::npos) << "the hint says where ids come from";
}

v1::TailLogsEvent BeatOf(const std::string& source, uint64_t sequence, uint64_t dropped = 0, bool gap = false) {
  v1::TailLogsEvent event;
  event.set_heartbeat(true);
  event.set_source(source);
  event.set_sequence(sequence);
  event.set_dropped(dropped);
  event.set_gap(gap);
  return event;
}

v1::TailLogsEvent Numbered(v1::TailLogsEvent event, uint64_t sequence) {
  event.set_sequence(sequence);
  return event;
}

TEST_F(AppTest, FollowedLogsGoOnWhereTheStreamBroke) {
  auto first = std::make_unique<FakeDeployService>();
  // Times do not matter where the controller numbers: two shards of a worker may be out of order.
  first->logs = {BeatOf("hub", 4), Numbered(LogOf(9, "one"), 5), BeatOf("hub", 6, 7)};
  const int port = first->port();
  env_["ZTS_CONTROLLER"] = first->address();
  auto followed = std::async(std::launch::async, [&] { return Run({"logs", "-f", "hello"}); });
  first->WaitForTails(1);
  EXPECT_TRUE(first->received().tail.heartbeats());
  first.reset();
  FakeDeployService second("secret", port);
  second.logs = {BeatOf("hub", 6, 0, true), Numbered(LogOf(3, "two"), 8)};
  second.logs_stay_open = false;
  second.status = {grpc::StatusCode::NOT_FOUND, "the function is gone"};
  const Ran ran = followed.get();
  EXPECT_NE(ran.out.find("one"), std::string::npos);
  EXPECT_NE(ran.out.find("two"), std::string::npos);
  EXPECT_NE(ran.err.find("7 records were lost here"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("not held any more"), std::string::npos);
  EXPECT_EQ(second.received().tail.source(), "hub");
  EXPECT_EQ(second.received().tail.after(), 6u);
}

constexpr const char* kMap = R"({"version":3,"sources":["src/a.ts"],"sourcesContent":["one\ntwo();\n"],"mappings":"AACA"})";

v1::SourceChunk MapOf(const std::string& data) {
  v1::SourceChunk chunk;
  chunk.set_main_module("a.js");
  chunk.set_is_map(true);
  chunk.set_data(data);
  return chunk;
}

TEST_F(AppTest, StacksNameTheFilesThatPeopleHaveWritten) {
  service_.logs = {LogOf(1, "Error: two\n    at f (a.js:1:1)\n    at dispatch (zts:dispatch.js:7:7)", "exception"), LogOf(2, "three")};
  service_.source = {MapOf(std::string(kMap).substr(0, 40)), MapOf(std::string(kMap).substr(40))};
  const Ran ran = Run({"logs", "hello"});
  EXPECT_NE(ran.out.find("exception Error: two\n    at f (src/a.ts:2:1)\n      two();\n      ^\n"), std::string::npos) << ran.out;
  EXPECT_EQ(ran.out.find("dispatch"), std::string::npos);
  const Ran json = Run({"logs", "hello", "--json"});
  const auto record = nlohmann::json::parse(json.out.substr(0, json.out.find('\n')));
  EXPECT_EQ(record["message"], "Error: two\n    at f (src/a.ts:2:1)");
  EXPECT_EQ(record["source"], (nlohmann::json{{"file", "src/a.ts"}, {"line", 2}, {"column", 1}, {"text", "two();"}}));
}

TEST_F(AppTest, LogsWithoutStacksAskForNoSources) {
  service_.logs = {LogOf(1, "one"), LogOf(2, "two")};
  EXPECT_EQ(Run({"logs", "hello"}).exit, 0);
  EXPECT_EQ(service_.received().source_calls, 0);
}

TEST_F(AppTest, LogsAsJsonAreOneObjectALine) {
  service_.logs = {LogOf(1'700'000'000'000'000'000, "bad \x1b text \n", "warn")};
  const auto json = Run({"logs", "--json"}).Json();
  EXPECT_EQ(json["level"], "warn");
  EXPECT_EQ(json["time"], "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(json["message"], "bad \x1b text \n");
  EXPECT_EQ(json["name"], "hello");
}

TEST_F(AppTest, FollowedLogsComeBackWithTheController) {
  auto first = std::make_unique<FakeDeployService>();
  first->logs = {LogOf(1, "one"), LogOf(2, "two")};
  const int port = first->port();
  env_["ZTS_CONTROLLER"] = first->address();
  auto followed = std::async(std::launch::async, [&] { return Run({"logs", "-f", "hello"}); });
  first->WaitForTails(1);
  first.reset();
  FakeDeployService second("secret", port);
  // What has been shown is not shown again; the second stream then ends for good.
  second.logs = {LogOf(2, "two"), LogOf(3, "three")};
  second.logs_stay_open = false;
  second.status = {grpc::StatusCode::NOT_FOUND, "the function is gone"};
  const Ran ran = followed.get();
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 3) << ran.out;
  EXPECT_NE(ran.out.find("three"), std::string::npos);
  EXPECT_NE(ran.err.find("the controller is gone"), std::string::npos);
  EXPECT_NE(ran.err.find("connected again"), std::string::npos);
}

TEST_F(AppTest, FollowWithNobodyThereFailsAtOnce) {
  service_.Stop();
  EXPECT_EQ(Run({"logs", "-f"}).exit, 4);
}

// --- down ------------------------------------------------------------------------------------------------

TEST_F(AppTest, DownWithNothingUpIsFine) {
  const Ran ran = Run({"down", "--data-dir", Path("data")});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_NE(ran.out.find("nothing is up"), std::string::npos);
}

}  // namespace
}  // namespace zts::cli
