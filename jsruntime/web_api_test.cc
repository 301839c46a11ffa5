// Runs web/*.test.js in the product's own isolates: each file is one module, one test.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "jsruntime/testing/make_script.h"
#include "jsruntime/testing/recording_client.h"
#include "jsruntime/testing/test_host.h"

namespace zts::js {
namespace {

std::string Read(const std::string& path, const std::string& folder = "jsruntime/web/") {
  auto text = ReadFile(folder + path);
  EXPECT_TRUE(text.ok()) << path;
  return text.ok() ? *text : "";
}

// Every *.test.js but format's, whose output only a client can see.
std::vector<std::string> TestFiles(const std::string& folder = "jsruntime/web") {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    constexpr std::string_view kSuffix = ".test.js";
    if (!name.ends_with(kSuffix) || name == "format.test.js") continue;
    names.push_back(name.substr(0, name.size() - kSuffix.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

class WebApiTest : public testing::TestWithParam<std::string> {};

TEST_P(WebApiTest, Passes) {
  const std::string name = GetParam();
  const auto isolate = TestHost().NewIsolate();
  const std::string end = "\nawait run();\nexport default () => new Response();\n";
  const LoadReport report = isolate->Load(MakeScript(name, "v1", Read("testing/prelude.js") + Read(name + ".test.js") + end));
  EXPECT_TRUE(report.outcome.ok()) << report.outcome.message << "\n" << report.outcome.stack;
}

class BuiltinsTest : public testing::TestWithParam<std::string> {};

TEST_P(BuiltinsTest, Passes) {
  const std::string name = GetParam();
  const auto isolate = TestHost().NewIsolate();
  const std::string source = Read("testing/prelude.js") + Read(name + ".test.js", "jsruntime/builtins/tests/");
  auto script = *MakeScript(name, "v1", source + "\nawait run();\nexport default () => new Response();\n");
  script.env = {{"GREETING", "hello"}};
  const LoadReport report = isolate->Load(std::make_shared<Script>(script));
  EXPECT_TRUE(report.outcome.ok()) << report.outcome.message << "\n" << report.outcome.stack;
}

INSTANTIATE_TEST_SUITE_P(Builtins, BuiltinsTest, testing::ValuesIn(TestFiles("jsruntime/builtins/tests")),
                         [](const auto& info) { return info.param; });

INSTANTIATE_TEST_SUITE_P(Web, WebApiTest, testing::ValuesIn(TestFiles()), [](const auto& info) { return info.param; });

// A function that is asked one thing after another.
class Function {
 public:
  explicit Function(const std::string& source) : isolate_(TestHost().NewIsolate()) {
    const LoadReport report = isolate_->Load(MakeScript("app", "v1", source));
    EXPECT_TRUE(report.outcome.ok()) << report.outcome.message << "\n" << report.outcome.stack;
    if (report.outcome.ok()) isolate_->Attach(&client_);
  }
  RecordingClient::Response Ask(std::string_view method, std::string_view target, std::string_view body = "",
                                std::string_view content_type = "application/json") {
    RequestView request;
    const HeaderField headers[] = {{"Host", "app.localhost"}, {"Content-Type", content_type}};
    request.method = method;
    request.authority = "app.localhost";
    request.target = target;
    request.headers = headers;
    request.body = body;
    request.request_id = "r";
    isolate_->Dispatch(++id_, &request);
    EXPECT_EQ(client_.failures.count(id_), 0u) << target << ": " << client_.failures[id_].message;
    EXPECT_EQ(client_.responses.count(id_), 1u) << target;
    return client_.responses[id_];
  }
  std::string Get(std::string_view target) { return Ask("GET", target).body; }
  const RecordingClient& client() const { return client_; }

 private:
  RecordingClient client_;
  std::unique_ptr<Isolate> isolate_;
  InvocationId id_ = 0;
};

// The strings of a JSON array of strings; the little that format.test.js answers with.
std::vector<std::string> JsonStrings(const std::string& json) {
  std::vector<std::string> all;
  for (size_t i = 0; i < json.size(); ++i) {
    if (json[i] != '"') continue;
    std::string text;
    for (++i; json[i] != '"'; ++i) {
      if (json[i] != '\\') {
        text += json[i];
        continue;
      }
      const char escaped = json[++i];
      text += escaped == 'n' ? '\n' : escaped;
    }
    all.push_back(text);
  }
  return all;
}

TEST(FormatTest, ConsoleRecordsReadAsExpected) {
  Function function(Read("format.test.js"));
  const std::vector<std::string> expected = JsonStrings(function.Get("/"));
  const auto& records = function.client().console;
  ASSERT_GT(expected.size(), 50u);
  ASSERT_EQ(records.size(), expected.size() + 4);
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(records[i].message, expected[i]) << "case " << i;
  for (size_t i = expected.size(); i < records.size(); ++i) EXPECT_LT(records[i].message.size(), 17000u);
}

TEST(AppTest, Router) {
  Function app(Read("apps/router.js"));
  EXPECT_EQ(app.Get("/"), "home");
  EXPECT_EQ(app.Get("/users/a%20b"), R"({"user":"a b"})");
  EXPECT_EQ(app.Get("/users/1/posts/2?page=3"), R"({"id":"1","post":"2","page":3})");
  EXPECT_EQ(app.Get("/files/x/y.txt"), "x/y.txt");
  EXPECT_EQ(app.Ask("GET", "/nothing").status, 404);
  const auto wrong_method = app.Ask("DELETE", "/users/1");
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_EQ(wrong_method.Header("allow"), "GET");
  const auto moved = app.Ask("GET", "/old");
  EXPECT_EQ(moved.status, 301);
  EXPECT_EQ(moved.Header("location"), "http://app.localhost/new");
  const auto created = app.Ask("POST", "/users", R"({"name":"Zoë"})");
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.body, R"({"created":{"name":"Zoë"}})");
}

TEST(AppTest, JsonApi) {
  Function app(Read("apps/json_api.js"));
  const auto created = app.Ask("POST", "/items", R"({"title":" Milk ","tags":["b","a","b"],"due":"2026-01-02"})");
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.Header("location"), "/items/1");
  EXPECT_EQ(created.body, R"({"id":1,"title":"Milk","tags":["a","b"],"due":"2026-01-02T00:00:00.000Z"})");
  EXPECT_EQ(app.Ask("POST", "/items", R"({"title":"Bread"})").status, 201);
  EXPECT_EQ(app.Get("/items?tag=a"), R"({"count":1,"items":[)" + created.body + "]}");
  EXPECT_EQ(app.Ask("GET", "/items/1").Header("cache-control"), "max-age=0");
  EXPECT_EQ(app.Ask("DELETE", "/items/1").status, 204);
  EXPECT_EQ(app.Ask("GET", "/items/1").status, 404);
  EXPECT_EQ(app.Ask("POST", "/items", "{").status, 400);
  EXPECT_EQ(app.Ask("POST", "/items", "{}").status, 422);
  EXPECT_EQ(app.Ask("POST", "/items", "{}", "text/plain").status, 415);
  EXPECT_EQ(app.Ask("PUT", "/items", "{}").status, 405);
}

TEST(AppTest, Pages) {
  Function app(Read("apps/pages.js"));
  const auto page = app.Ask("GET", "/?title=A%26B&x=%3Cscript%3E&y=%22q%22");
  EXPECT_EQ(page.Header("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.body,
            "<!doctype html><html><head><title>A&amp;B</title></head><body><ul><li data-name=\"title\">A&amp;B</li>"
            "<li data-name=\"x\">&lt;script&gt;</li><li data-name=\"y\">&quot;q&quot;</li></ul></body></html>");
  const auto posted = app.Ask("POST", "/", "name=J%C3%BCrgen+K&x=1", "application/x-www-form-urlencoded");
  EXPECT_NE(posted.body.find("<li data-name=\"name\">Jürgen K</li>"), std::string::npos) << posted.body;
  const auto upload = app.Ask("POST", "/",
                              "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\n12345\r\n--b--\r\n",
                              "multipart/form-data; boundary=b");
  EXPECT_NE(upload.body.find("a.txt: 5 bytes"), std::string::npos) << upload.body;
}

TEST(AppTest, Tokens) {
  Function app(Read("apps/tokens.js"));
  EXPECT_EQ(app.Get("/hmac"), "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
  const std::string token = app.Get("/sign?sub=m%C3%A9");
  EXPECT_NE(token, app.Get("/sign?sub=m%C3%A9"));
  EXPECT_EQ(app.Ask("POST", "/verify", token).body, R"({"sub":"mé"})");
  std::string forged = token;
  forged[3] = forged[3] == 'A' ? 'B' : 'A';
  EXPECT_EQ(app.Ask("POST", "/verify", forged).status, 401);
  EXPECT_EQ(app.Ask("POST", "/verify", "").status, 401);
}

}  // namespace
}  // namespace zts::js
