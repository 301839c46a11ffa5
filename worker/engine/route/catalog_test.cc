#include "worker/engine/route/catalog.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "worker/engine/limits.h"

namespace {
int allocations = 0;
}  // namespace

void* operator new(size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace zts::route {
namespace {

FunctionSpec Function(std::string name, std::vector<std::string> routes = {}) {
  auto script = std::make_shared<js::Script>();
  script->function = std::move(name);
  FunctionSpec spec{.script = std::move(script)};
  for (const std::string& text : routes) {
    auto route = ParseRoute(text);
    EXPECT_TRUE(route.ok()) << text;
    spec.routes.push_back(*route);
  }
  return spec;
}

CatalogPtr Build(std::vector<FunctionSpec> functions) {
  auto catalog = Catalog::Build(7, std::move(functions));
  EXPECT_TRUE(catalog.ok()) << catalog.error().message;
  return *catalog;
}

// The name of the function found, or "-".
std::string Find(const CatalogPtr& catalog, std::string_view authority, std::string_view target) {
  const Entry* entry = catalog->Find(authority, target);
  return entry == nullptr ? "-" : entry->script->function;
}

TEST(CatalogTest, FindsByPathOnAnyHost) {
  const auto catalog = Build({Function("hello"), Function("hell")});
  EXPECT_EQ(catalog->version(), 7u);
  for (const char* host : {"", "localhost", "127.0.0.1:8080", "www.example.com", "[::1]:80"}) {
    EXPECT_EQ(Find(catalog, host, "/hello"), "hello");
    EXPECT_EQ(Find(catalog, host, "/hello/"), "hello");
    EXPECT_EQ(Find(catalog, host, "/hello/a/b"), "hello");
    EXPECT_EQ(Find(catalog, host, "/hello?q=/x"), "hello");
    EXPECT_EQ(Find(catalog, host, "/hello/?q"), "hello");
    EXPECT_EQ(Find(catalog, host, "/hell"), "hell");
    EXPECT_EQ(Find(catalog, host, "/hello2"), "-");
    EXPECT_EQ(Find(catalog, host, "/hel"), "-");
    EXPECT_EQ(Find(catalog, host, "/"), "-");
    EXPECT_EQ(Find(catalog, host, "/?hello"), "-");
  }
}

TEST(CatalogTest, FindsByNameDotLocalhost) {
  const auto catalog = Build({Function("hello"), Function("Upper")});
  for (const char* host :
       {"hello.localhost", "hello.localhost:8080", "HELLO.LocalHost", "hello.localhost.", "hello.localhost.:80"}) {
    EXPECT_EQ(Find(catalog, host, "/"), "hello") << host;
    EXPECT_EQ(Find(catalog, host, "/any/path?q"), "hello") << host;
  }
  EXPECT_EQ(Find(catalog, "upper.localhost", "/"), "Upper");
  EXPECT_EQ(Find(catalog, "x", "/Upper"), "Upper");
  EXPECT_EQ(Find(catalog, "x", "/upper"), "-");  // paths are case-sensitive (RFC 9110 4.2.3)
  EXPECT_EQ(Find(catalog, "other.localhost", "/"), "-");
  EXPECT_EQ(Find(catalog, "hello.localhosts", "/"), "-");
  EXPECT_EQ(Find(catalog, "a.hello.localhost", "/"), "-");
  EXPECT_EQ(Find(catalog, ".localhost", "/"), "-");
}

TEST(CatalogTest, FindsFunctionsOfANamespaceByBothNames) {
  const auto catalog = Build({Function("cart"), Function("cart.shop"), Function("shop")});
  EXPECT_EQ(Find(catalog, "x", "/cart.shop/below"), "cart.shop");
  EXPECT_EQ(Find(catalog, "x", "/cart"), "cart");
  EXPECT_EQ(Find(catalog, "cart.shop.localhost:80", "/any"), "cart.shop");
  EXPECT_EQ(Find(catalog, "cart.localhost", "/any"), "cart");
  EXPECT_EQ(Find(catalog, "shop.localhost", "/any"), "shop");
  EXPECT_EQ(Find(catalog, "other.shop.localhost", "/any"), "-");
}

TEST(CatalogTest, TheHostGoesBeforeThePath) {
  const auto catalog = Build({Function("a"), Function("b")});
  EXPECT_EQ(Find(catalog, "a.localhost", "/b"), "a");
  EXPECT_EQ(Find(catalog, "c.localhost", "/b"), "b");
}

TEST(CatalogTest, TheLongestPathWinsAtSegments) {
  const auto catalog = Build({Function("root", {"www.example.com"}), Function("api", {"www.example.com/api"}),
                              Function("v2", {"www.example.com/api/v2/"}), Function("deep", {"/x/y/z"}), Function("x")});
  EXPECT_EQ(Find(catalog, "www.example.com", "/"), "root");
  EXPECT_EQ(Find(catalog, "WWW.example.com:443", "/apis"), "root");
  EXPECT_EQ(Find(catalog, "www.example.com", "/api"), "api");
  EXPECT_EQ(Find(catalog, "www.example.com", "/api/"), "api");
  EXPECT_EQ(Find(catalog, "www.example.com", "/api/v1/v2"), "api");
  EXPECT_EQ(Find(catalog, "www.example.com", "/api/v2"), "v2");
  EXPECT_EQ(Find(catalog, "www.example.com", "/api/v2/a/b/c/d"), "v2");
  EXPECT_EQ(Find(catalog, "www.example.com", "/api/v2x"), "api");
  EXPECT_EQ(Find(catalog, "other", "/x/y/z?"), "deep");
  EXPECT_EQ(Find(catalog, "other", "/x/y"), "x");
  EXPECT_EQ(Find(catalog, "other", "/x/y/zz"), "x");
}

TEST(CatalogTest, ACatchAllLeavesTheOthersAlone) {
  const auto catalog = Build({Function("all", {"/"}), Function("hello")});
  EXPECT_EQ(Find(catalog, "h", "/hello"), "hello");
  EXPECT_EQ(Find(catalog, "h", "/"), "all");
  EXPECT_EQ(Find(catalog, "h", "/else/where"), "all");
  EXPECT_EQ(Find(catalog, "hello.localhost", "/else"), "hello");
}

TEST(CatalogTest, AWrittenRouteGoesBeforeAName) {
  for (const bool written_first : {true, false}) {
    std::vector<FunctionSpec> functions;
    functions.push_back(written_first ? Function("new", {"/old", "old.localhost"}) : Function("old"));
    functions.push_back(written_first ? Function("old") : Function("new", {"/old", "old.localhost"}));
    const auto catalog = Build(std::move(functions));
    EXPECT_EQ(Find(catalog, "h", "/old"), "new");
    EXPECT_EQ(Find(catalog, "old.localhost", "/"), "new");
  }
}

TEST(CatalogTest, BindsIpv6LiteralsAndAddresses) {
  const auto catalog = Build({Function("six", {"[2001:DB8::1]/p"}), Function("four", {"10.0.0.1"})});
  EXPECT_EQ(Find(catalog, "[2001:db8::1]:8080", "/p/q"), "six");
  EXPECT_EQ(Find(catalog, "[2001:db8::1]", "/p"), "six");
  EXPECT_EQ(Find(catalog, "[2001:db8::2]", "/p"), "-");
  EXPECT_EQ(Find(catalog, "[2001:db8::1", "/p"), "-");
  EXPECT_EQ(Find(catalog, "10.0.0.1:80", "/"), "four");
}

TEST(CatalogTest, LeavesEncodingAndDotsAlone) {
  const auto catalog = Build({Function("hello"), Function("odd", {"/%68ello/..;x"})});
  EXPECT_EQ(Find(catalog, "h", "/%68ello"), "-");
  EXPECT_EQ(Find(catalog, "h", "/%68ello/..;x/y"), "odd");
  EXPECT_EQ(Find(catalog, "h", "//hello"), "-");
  EXPECT_EQ(Find(catalog, "h", "/./hello"), "-");
  EXPECT_EQ(Find(catalog, "h", "/hello/../other"), "hello");
}

TEST(CatalogTest, FindsNothingInOddTargets) {
  const auto catalog = Build({Function("hello"), Function("all", {"host.example"})});
  EXPECT_EQ(Find(catalog, "host.example", "*"), "-");
  EXPECT_EQ(Find(catalog, "host.example", ""), "-");
  EXPECT_EQ(Find(catalog, "host.example", "hello"), "-");
  EXPECT_EQ(Find(catalog, std::string(70'000, 'a'), "/hello"), "hello");
  EXPECT_EQ(Find(catalog, "h", "/" + std::string(70'000, '/')), "-");
  EXPECT_EQ(Find(Build({}), "h", "/hello"), "-");
}

TEST(CatalogTest, NamesBothWhoClaimARoute) {
  const auto catalog = Catalog::Build(1, [] {
    std::vector<FunctionSpec> functions;
    functions.push_back(Function("first", {"www.example.com/api"}));
    functions.push_back(Function("second", {"WWW.example.com/api/"}));
    return functions;
  }());
  ASSERT_FALSE(catalog.ok());
  EXPECT_EQ(catalog.error().code, ErrorCode::kExists);
  EXPECT_NE(catalog.error().message.find("www.example.com/api"), std::string::npos);
  EXPECT_NE(catalog.error().message.find("first"), std::string::npos);
  EXPECT_NE(catalog.error().message.find("second"), std::string::npos);
}

ErrorCode BuildError(std::vector<FunctionSpec> functions) {
  const auto catalog = Catalog::Build(1, std::move(functions));
  EXPECT_FALSE(catalog.ok());
  return catalog.ok() ? ErrorCode::kInternal : catalog.error().code;
}

TEST(CatalogTest, RefusesTwoOfAName) {
  std::vector<FunctionSpec> same;
  same.push_back(Function("a"));
  same.push_back(Function("a"));
  EXPECT_EQ(BuildError(std::move(same)), ErrorCode::kExists);
  std::vector<FunctionSpec> same_host;
  same_host.push_back(Function("a"));
  same_host.push_back(Function("A"));
  EXPECT_EQ(BuildError(std::move(same_host)), ErrorCode::kExists);
}

TEST(CatalogTest, RefusesNamesThatAreNone) {
  const std::string names[] = {"", "a/b", "a b", "a.", ".b", "a.b.c", std::string(64, 'a')};
  for (const std::string& name : names) {
    std::vector<FunctionSpec> functions;
    functions.push_back(Function(name));
    EXPECT_EQ(BuildError(std::move(functions)), ErrorCode::kInvalid) << name;
  }
  std::vector<FunctionSpec> nothing(1);
  EXPECT_EQ(BuildError(std::move(nothing)), ErrorCode::kInvalid);
}

TEST(CatalogTest, AFunctionMayRepeatItself) {
  const auto catalog = Build({Function("a", {"/a", "/a/", "a.localhost", "/b", "/b"})});
  EXPECT_EQ(Find(catalog, "h", "/b"), "a");
}

TEST(CatalogTest, RefusesMoreThanItHolds) {
  std::vector<FunctionSpec> functions;
  for (size_t i = 0; i <= kFunctionCountMax; ++i) functions.push_back(Function("f" + std::to_string(i)));
  EXPECT_EQ(BuildError(std::move(functions)), ErrorCode::kExhausted);
  std::vector<std::string> routes;
  for (size_t i = 0; i <= kRouteCountMax; ++i) routes.push_back("/r" + std::to_string(i));
  std::vector<FunctionSpec> one;
  one.push_back(Function("f", routes));
  EXPECT_EQ(BuildError(std::move(one)), ErrorCode::kExhausted);
}

TEST(CatalogTest, FindsEachOfTenThousandWithoutAllocating) {
  std::vector<FunctionSpec> functions;
  for (int i = 0; i < 10'000; ++i) functions.push_back(Function("function-" + std::to_string(i)));
  const auto catalog = Build(std::move(functions));
  std::vector<std::pair<std::string, std::string>> requests;
  for (int i = 0; i < 10'000; ++i) {
    requests.emplace_back("function-" + std::to_string(i) + ".localhost:80", "/function-" + std::to_string(9'999 - i) + "/p");
  }
  const int before = allocations;
  for (int i = 0; i < 10'000; ++i) {
    const auto& [host, target] = requests[static_cast<size_t>(i)];
    ASSERT_EQ(catalog->Find(host, target), &catalog->entries()[static_cast<size_t>(i)]);
    ASSERT_EQ(catalog->Find("any", target), &catalog->entries()[static_cast<size_t>(9'999 - i)]);
  }
  EXPECT_EQ(allocations, before);
}

// The plain way: every route is looked at.
std::string FindPlainly(const std::vector<std::pair<Route, std::string>>& routes, const std::string& host,
                        const std::string& path) {
  for (const bool bound : {true, false}) {
    std::string found = "-";
    size_t longest = 0;
    for (const auto& [route, name] : routes) {
      if (bound ? route.host != host : !route.host.empty()) continue;
      const std::string prefix = route.path == "/" ? "" : route.path;
      if (!path.starts_with(prefix) || (path.size() > prefix.size() && path[prefix.size()] != '/')) continue;
      if (found != "-" && prefix.size() < longest) continue;
      found = name;
      longest = prefix.size();
    }
    if (found != "-") return found;
  }
  return "-";
}

TEST(CatalogTest, AgreesWithALookAtEveryRoute) {
  std::mt19937 random(20'261'120);
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  const auto random_path = [&] {
    std::string path;
    for (int n = pick(4); n >= 0; --n) path += "/" + std::string(1, static_cast<char>('a' + pick(3)));
    return path;
  };
  for (int round = 0; round < 50; ++round) {
    std::vector<std::pair<Route, std::string>> routes;
    std::vector<FunctionSpec> functions;
    for (int f = 0; f < 12; ++f) {
      const std::string name = "f" + std::to_string(f);
      FunctionSpec spec = Function(name);
      routes.push_back({{name + ".localhost", "/"}, name});
      routes.push_back({{"", "/" + name}, name});
      for (int n = 0; n < 4; ++n) {
        const Route route{.host = pick(2) == 0 ? "" : "h" + std::to_string(pick(3)), .path = random_path()};
        bool taken = false;
        for (const auto& [other, owner] : routes) taken |= other.host == route.host && other.path == route.path;
        if (taken) continue;
        routes.push_back({route, name});
        spec.routes.push_back(route);
      }
      functions.push_back(std::move(spec));
    }
    const auto catalog = Build(std::move(functions));
    for (int n = 0; n < 300; ++n) {
      const std::string host = pick(5) == 0 ? "f1.localhost" : "h" + std::to_string(pick(4));
      const std::string path = pick(6) == 0 ? "/f2/a" : random_path();
      ASSERT_EQ(Find(catalog, host, path), FindPlainly(routes, host, path)) << host << path;
    }
  }
}

TEST(ParseRouteTest, TakesItsThreeForms) {
  const auto check = [](std::string_view text, std::string_view host, std::string_view path) {
    const auto route = ParseRoute(text);
    ASSERT_TRUE(route.ok()) << text;
    EXPECT_EQ(route->host, host) << text;
    EXPECT_EQ(route->path, path) << text;
  };
  check("www.example.com", "www.example.com", "/");
  check("WWW.Example.com/", "www.example.com", "/");
  check("www.example.com./a", "www.example.com", "/a");
  check("www.example.com/a/b/", "www.example.com", "/a/b");
  check("/", "", "/");
  check("/a", "", "/a");
  check("/a%20b/", "", "/a%20b");
  check("[::1]/a", "[::1]", "/a");
  check("a_b-c.x", "a_b-c.x", "/");
}

TEST(ParseRouteTest, SaysWhatIsWrong) {
  const auto check = [](const std::string& text, std::string_view part) {
    const auto route = ParseRoute(text);
    ASSERT_FALSE(route.ok()) << text;
    EXPECT_EQ(route.error().code, ErrorCode::kInvalid);
    EXPECT_NE(route.error().message.find(part), std::string::npos) << route.error().message;
  };
  check("", "empty");
  check("a:80/x", "port");
  check("[::1]:80/x", "host");
  check("[::1/x", "host");
  check("[]/x", "host");
  check("http://a/x", "port");
  check("*.example.com", "host");
  check("a..b", "host");
  check(".a", "host");
  check("a b", "host");
  check(std::string(254, 'a'), "host");
  check("/a?b", "prefix");
  check("/a#b", "prefix");
  check("/a*", "prefix");
  check("/a b", "prefix");
  check("/\xc3\xa9", "prefix");
  check("//", "empty segment");
  check("/a//b", "empty segment");
  check("/" + std::string(9'000, 'a'), "longer");
}

}  // namespace
}  // namespace zts::route
