#include "controller/validate.h"

#include <gtest/gtest.h>

#include "controller/limits.h"

namespace zts::controller {
namespace {

TEST(ValidateTest, NamesOfNamespaces) {
  EXPECT_TRUE(ValidateFunctionName("cart.shop").ok());
  EXPECT_TRUE(ValidateFunctionName("default.shop").ok());
  EXPECT_FALSE(ValidateFunctionName("cart.default").ok()) << "one function, one name";
}

TEST(ValidateTest, FunctionNames) {
  for (const char* name : {"a", "hello", "a1-b2", "x--y"}) EXPECT_TRUE(ValidateFunctionName(name).ok()) << name;
  EXPECT_TRUE(ValidateFunctionName(std::string(63, 'a')).ok());
  for (const char* name : {"", "1a", "-a", "a-", "Hello", "a_b", "a.", ".b", "a.b.c", "a.default", "a.B", "a/b",
                           "a b", "h\xc3\xa9", "a\n"}) {
    const Status status = ValidateFunctionName(name);
    ASSERT_FALSE(status.ok()) << name;
    EXPECT_EQ(status.error().code, ErrorCode::kInvalid);
  }
  EXPECT_FALSE(ValidateFunctionName(std::string(64, 'a')).ok());
}

TEST(ValidateTest, MainModules) {
  for (const char* name : {"hello.js", "src/main.ts", "caf\xc3\xa9.mjs"}) EXPECT_TRUE(ValidateMainModule(name).ok()) << name;
  for (const char* name : {"", "a\nb.js", "a\x7f", "\xff.js"}) EXPECT_FALSE(ValidateMainModule(name).ok()) << name;
  EXPECT_FALSE(ValidateMainModule(std::string(256, 'a')).ok());
}

TEST(ValidateTest, RoutesHaveOneForm) {
  const std::pair<const char*, const char*> cases[] = {
      {"/", "/"},
      {"/api", "/api"},
      {"/api/", "/api"},
      {"Example.COM", "example.com/"},
      {"example.com/", "example.com/"},
      {"example.com/A/b/", "example.com/A/b"},
      {"127.0.0.1/x", "127.0.0.1/x"},
      {"/a:b@c!$&'()*+,;=~-._", "/a:b@c!$&'()*+,;=~-._"},
  };
  for (const auto& [text, canonical] : cases) {
    const auto route = NormalizeRoute(text);
    ASSERT_TRUE(route.ok()) << text << ": " << route.error().message;
    EXPECT_EQ(*route, canonical);
    EXPECT_EQ(*NormalizeRoute(*route), canonical) << "not stable";
  }
}

TEST(ValidateTest, RoutesThatAreNone) {
  for (const char* text : {"", "http://example.com/", "example.com:80/x", "-a.com", "a..b", ".com", "*.example.com", "/a//b", "//", "/a//",
                           "/./a", "/a/..", "/a%20b", "/a?b", "/a#b", "/a b", "/a\\b", "/\xc3\xa9", "exa mple.com"}) {
    EXPECT_FALSE(NormalizeRoute(text).ok()) << text;
  }
  EXPECT_FALSE(NormalizeRoute("/" + std::string(kRouteBytesMax, 'a')).ok());
  EXPECT_FALSE(NormalizeRoute(std::string(64, 'a') + ".com").ok());
}

TEST(ValidateTest, RouteGivenTwiceInTwoForms) {
  VersionConfig config;
  config.routes = {"Example.com/a", "example.com/a/"};
  const Status status = ValidateConfig(config);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, "route 'example.com/a' is given twice");
}

TEST(ValidateTest, LimitsHaveRanges) {
  const auto check = [](VersionLimits limits) {
    VersionConfig config;
    config.limits = limits;
    return ValidateConfig(config).ok();
  };
  EXPECT_TRUE(check({}));
  EXPECT_TRUE(check({kCpuPerRequestMin, kWallPerRequestMin, kStartupCpuMin, kMemoryBytesMin}));
  EXPECT_TRUE(check({kCpuPerRequestMax, kWallPerRequestMax, kStartupCpuMax, kMemoryBytesMax}));
  EXPECT_FALSE(check({.cpu_per_request_ns = -1}));
  EXPECT_FALSE(check({.cpu_per_request_ns = kCpuPerRequestMin - 1}));
  EXPECT_FALSE(check({.cpu_per_request_ns = kCpuPerRequestMax + 1}));
  EXPECT_FALSE(check({.wall_per_request_ns = kWallPerRequestMax + 1}));
  EXPECT_FALSE(check({.startup_cpu_ns = kStartupCpuMax + 1}));
  EXPECT_FALSE(check({.memory_bytes_max = 1}));
  EXPECT_FALSE(check({.memory_bytes_max = kMemoryBytesMax + 1}));
  EXPECT_TRUE(check({.nursery_bytes = 16 << 20}));
  EXPECT_FALSE(check({.nursery_bytes = (16 << 20) + 1}));  // of 128 MiB
  EXPECT_TRUE(check({.memory_bytes_max = kMemoryBytesMax, .nursery_bytes = kNurseryBytesMax}));
  EXPECT_FALSE(check({.memory_bytes_max = kMemoryBytesMax, .nursery_bytes = kNurseryBytesMax + 1}));
  EXPECT_FALSE(check({.nursery_bytes = kNurseryBytesMin - 1}));
}

TEST(ValidateTest, ANurseryHoldsTheGarbageOfRequests) {
  const auto check = [](VersionLimits limits) {
    VersionConfig config;
    config.limits = limits;
    const Status status = ValidateConfig(config);
    return status.ok() ? std::string() : status.error().message;
  };
  constexpr uint64_t kMib = 1 << 20;
  EXPECT_EQ(check({.request_garbage_bytes = kRequestGarbageBytesMin}), "");
  EXPECT_EQ(check({.request_garbage_bytes = 16 * kMib / kNurseryRequests}), "");  // of 128 MiB
  EXPECT_EQ(check({.request_garbage_bytes = 16 * kMib / kNurseryRequests + 1}),
            "the garbage of a request must be between 4 KiB and 3276 KiB, a fifth of the largest nursery, which is an eighth of the memory "
            "limit, or 0 where it is not known");
  EXPECT_NE(check({.request_garbage_bytes = 400}), "");
  EXPECT_EQ(check({.memory_bytes_max = kMemoryBytesMax, .request_garbage_bytes = kNurseryBytesMax / kNurseryRequests}), "");
  EXPECT_NE(check({.memory_bytes_max = kMemoryBytesMax, .request_garbage_bytes = kNurseryBytesMax / kNurseryRequests + 1}), "");
  EXPECT_NE(check({.memory_bytes_max = kMemoryBytesMin, .request_garbage_bytes = kMib}), "");
  EXPECT_EQ(check({.nursery_bytes = 2 * kMib, .request_garbage_bytes = kMib}), "");
  EXPECT_EQ(check({.nursery_bytes = 2 * kMib, .request_garbage_bytes = kMib + 1}),
            "the garbage of a request must be between 4 KiB and 1024 KiB, half of the nursery, or 0 where it is not known");
  EXPECT_NE(check({.nursery_bytes = 2 * kMib, .request_garbage_bytes = UINT64_MAX}), "");
}

TEST(ValidateTest, EnginesAreThoseThereAre) {
  const auto check = [](const std::string& jit, uint32_t threshold, const std::string& isolation) {
    VersionConfig config;
    config.jit = jit;
    config.jit_threshold = threshold;
    config.isolation = isolation;
    return ValidateConfig(config).ok();
  };
  for (const char* jit : {"", "disabled", "lazy", "eager"}) EXPECT_TRUE(check(jit, 0, "")) << jit;
  EXPECT_TRUE(check("lazy", kJitThresholdMax, "process"));
  EXPECT_FALSE(check("lazy", kJitThresholdMax + 1, ""));
  EXPECT_FALSE(check("", 1, ""));
  EXPECT_FALSE(check("disabled", 1, ""));
  EXPECT_FALSE(check("fast", 0, ""));
  EXPECT_FALSE(check("", 0, "thread"));
}

TEST(ValidateTest, Environments) {
  const auto check = [](std::map<std::string, std::string> env) {
    VersionConfig config;
    config.env = std::move(env);
    return ValidateConfig(config);
  };
  EXPECT_TRUE(check({{"API_KEY", "x=y\nz"}, {"_a1", ""}}).ok());
  EXPECT_FALSE(check({{"", "x"}}).ok());
  EXPECT_FALSE(check({{"1A", "x"}}).ok());
  EXPECT_FALSE(check({{"A-B", "x"}}).ok());
  EXPECT_FALSE(check({{std::string(kEnvNameBytesMax + 1, 'A'), "x"}}).ok());
  EXPECT_FALSE(check({{"A", std::string("\0", 1)}}).ok());
  EXPECT_TRUE(check({{"A", std::string(kEnvBytesMax - 1, 'x')}}).ok());
  EXPECT_EQ(check({{"A", std::string(kEnvBytesMax, 'x')}}).error().code, ErrorCode::kExhausted);
  std::map<std::string, std::string> many;
  for (size_t i = 0; i <= kEnvCountMax; ++i) many["A" + std::to_string(i)] = "";
  EXPECT_EQ(check(many).error().code, ErrorCode::kExhausted);
}

TEST(ValidateTest, NamedSecretsAreInOrderAndNoVariables) {
  VersionConfig config;
  config.secrets = {"B", "A", "B"};
  ASSERT_TRUE(ValidateConfig(config).ok());
  EXPECT_EQ(config.secrets, (std::vector<std::string>{"A", "B"}));
  for (const std::string& name : {std::string(), std::string("1A"), std::string("A-B"), std::string(kEnvNameBytesMax + 1, 'A')}) {
    config.secrets = {name};
    EXPECT_EQ(ValidateConfig(config).error().code, ErrorCode::kInvalid) << name;
  }
  config.secrets = {"A"};
  config.env = {{"A", "plain"}};
  EXPECT_EQ(ValidateConfig(config).error().message, "'A' is named as a secret and given as a variable; leave one out");
  config.env.clear();
  config.secrets.clear();
  for (size_t i = 0; i <= kEnvCountMax; ++i) config.secrets.push_back("A" + std::to_string(i));
  EXPECT_EQ(ValidateConfig(config).error().code, ErrorCode::kExhausted);
}

TEST(ValidateTest, AllowedHosts) {
  const auto check = [](const char* host) {
    VersionConfig config;
    config.allow_net = {host};
    return ValidateConfig(config).ok();
  };
  for (const char* host : {"127.0.0.1", "db.internal:5432", "localhost", "[::1]", "[fe80::1]:80", "10.0.0.0/8", "[fd00::]/8:443"}) {
    EXPECT_TRUE(check(host)) << host;
  }
  for (const char* host : {"", ":80", "a:", "a:0", "a:70000", "a:b", "::1", "[zz]", "http://a", "a/b", "*", "10.0.0.0/33"}) {
    EXPECT_FALSE(check(host)) << host;
  }
}

TEST(ValidateTest, BundleSizes) {
  EXPECT_EQ(ValidateBundleSize(0).error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(ValidateBundleSize(1).ok());
  EXPECT_TRUE(ValidateBundleSize(kBundleBytesMax).ok());
  EXPECT_EQ(ValidateBundleSize(kBundleBytesMax + 1).error().code, ErrorCode::kExhausted);
}

}  // namespace
}  // namespace zts::controller
