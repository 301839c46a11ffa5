#include "worker/engine/version_choice.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

namespace zts {
namespace {

using Headers = std::vector<HeaderField>;

class VersionChoiceTest : public testing::Test {
 protected:
  void Build(uint32_t share, route::Sticky sticky = route::Sticky::kNone, std::string name = "", uint64_t canary_number = 2) {
    route::Catalog::Besides besides;
    besides.versions = {Spec(2, canary_number)};
    besides.splits = {{.active = 1,
                       .canary = 2,
                       .share = share,
                       .sticky = sticky,
                       .sticky_name = std::move(name),
                       .active_row = 5,
                       .canary_row = 6}};
    auto built = route::Catalog::Build(1, {Spec(1, 1)}, std::move(besides));
    ASSERT_TRUE(built.ok()) << built.error().message;
    catalog_ = *built;
    entry_ = catalog_->Find("any", "/f");
    ASSERT_NE(entry_, nullptr);
    ASSERT_NE(entry_->split, nullptr);
  }
  static route::FunctionSpec Spec(uint64_t id, uint64_t number) {
    auto script = std::make_shared<js::Script>();
    script->function = "f";
    return {.script = std::move(script), .version_id = id, .number = number};
  }

  uint64_t Number(const Headers& headers, uint64_t random = 0) {
    return ChooseVersion(*entry_, headers, peer_, random).number;
  }
  double CanaryRate(const std::function<Headers(int)>& headers, int requests = 20'000) {
    int canary = 0;
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < requests; ++i) {
      random ^= random << 13, random ^= random >> 7, random ^= random << 17;
      if (Number(headers(i), random) == 2) ++canary;
    }
    return static_cast<double>(canary) / requests;
  }

  route::CatalogPtr catalog_;
  const route::Entry* entry_ = nullptr;
  PeerAddress peer_;
};

TEST_F(VersionChoiceTest, DrawsAreSharedAsTheyAreMeant) {
  for (const uint32_t share : {0u, 100u, 1000u, 5000u, 10'000u}) {
    Build(share);
    // Four standard deviations of 20,000 draws at a half are 1.5%.
    EXPECT_NEAR(CanaryRate([](int) { return Headers(); }), share / 10'000.0, 0.015) << share;
  }
  Build(0);
  EXPECT_EQ(Number({}, UINT64_MAX), 1u);
  EXPECT_EQ(Number({}, 0), 1u);
  Build(10'000);
  EXPECT_EQ(Number({}, UINT64_MAX), 2u);
}

TEST_F(VersionChoiceTest, AHeaderAsksForAVersion) {
  Build(0);
  EXPECT_EQ(Number({{"X-Zts-Version", "2"}}), 2u);
  EXPECT_EQ(Number({{"accept", "*/*"}, {"x-zts-version", "1"}}), 1u);
  Build(10'000);
  EXPECT_EQ(Number({{"x-zts-version", "1"}}), 1u);
  for (const char* other : {"3", "0", "", "v2", "2 ", "-2", "99999999999", "02x"}) {
    EXPECT_EQ(Number({{"x-zts-version", other}}), 2u) << other << " is as none";
  }
}

TEST_F(VersionChoiceTest, AHeaderOrCookieKeepsAClientWhereItIs) {
  Build(3000, route::Sticky::kHeader, "x-user");
  const auto user = [](int i) { return std::to_string(i); };
  std::vector<std::string> names;
  for (int i = 0; i < 2000; ++i) names.push_back(user(i));
  int canary = 0;
  for (const std::string& name : names) {
    const uint64_t number = Number({{"X-User", name}}, 0);
    EXPECT_EQ(Number({{"X-User", name}}, UINT64_MAX), number) << "whatever is drawn";
    canary += number == 2;
  }
  EXPECT_NEAR(canary / 2000.0, 0.3, 0.045);
  Build(3000, route::Sticky::kCookie, "sid");
  for (const std::string& name : names) {
    const std::string cookie = "a=b; sidx=" + name + "9; sid=" + name + "; z=1";
    EXPECT_EQ(Number({{"Cookie", cookie}}, 0), Number({{"cookie", "sid=" + name}}, UINT64_MAX));
  }
}

TEST_F(VersionChoiceTest, WhoHasTheCanaryKeepsItWhenItsShareGrows) {
  std::set<int> had;
  for (const uint32_t share : {100u, 500u, 2500u, 5000u, 10'000u}) {
    Build(share, route::Sticky::kHeader, "x-user");
    for (int i = 0; i < 1000; ++i) {
      const bool has = Number({{"x-user", std::to_string(i)}}) == 2;
      EXPECT_TRUE(has || had.count(i) == 0) << i << " at " << share;
      if (has) had.insert(i);
    }
  }
}

TEST_F(VersionChoiceTest, EachCanaryMeetsOthers) {
  std::set<int> first, second;
  for (auto [number, set] : {std::pair{2, &first}, std::pair{3, &second}}) {
    Build(1000, route::Sticky::kHeader, "x-user", static_cast<uint64_t>(number));
    for (int i = 0; i < 2000; ++i) {
      if (Number({{"x-user", std::to_string(i)}}) == static_cast<uint64_t>(number)) set->insert(i);
    }
  }
  int both = 0;
  for (const int i : first) both += static_cast<int>(second.count(i));
  EXPECT_LT(both, static_cast<int>(first.size()) / 2);
}

TEST_F(VersionChoiceTest, ClientsWithoutTheValueAreDrawn) {
  Build(5000, route::Sticky::kHeader, "x-user");
  EXPECT_NEAR(CanaryRate([](int) { return Headers{{"x-other", "1"}}; }), 0.5, 0.015);
  EXPECT_NEAR(CanaryRate([](int) { return Headers{{"x-user", ""}}; }), 0.5, 0.015);
}

TEST_F(VersionChoiceTest, AddressesKeepClientsAndUnknownOnesAreDrawn) {
  Build(5000, route::Sticky::kPeer);
  EXPECT_NEAR(CanaryRate([](int) { return Headers(); }), 0.5, 0.015);
  int canary = 0;
  for (int i = 0; i < 256; ++i) {
    peer_.size = 4;
    peer_.bytes[0] = 10, peer_.bytes[1] = 0, peer_.bytes[2] = 0, peer_.bytes[3] = static_cast<char>(i);
    const uint64_t number = Number({}, 0);
    EXPECT_EQ(Number({}, UINT64_MAX), number);
    canary += number == 2;
  }
  EXPECT_GT(canary, 80);
  EXPECT_LT(canary, 176);
}

TEST_F(VersionChoiceTest, OneVersionIsNeverSplit) {
  auto built = route::Catalog::Build(1, {Spec(1, 1)}, {.versions = {Spec(3, 3)}, .splits = {}});
  ASSERT_TRUE(built.ok());
  EXPECT_EQ((*built)->Find("any", "/f")->split, nullptr);
  EXPECT_EQ((*built)->entries().size(), 1u);
  ASSERT_EQ((*built)->standby().size(), 1u);
  EXPECT_EQ((*built)->standby()[0].version_id, 3u);
}

TEST_F(VersionChoiceTest, ASplitOfVersionsThatAreNotThereIsRefused) {
  EXPECT_FALSE(route::Catalog::Build(1, {Spec(1, 1)}, {.versions = {}, .splits = {{.active = 1, .canary = 2}}}).ok());
  EXPECT_FALSE(route::Catalog::Build(1, {Spec(1, 1)}, {.versions = {Spec(2, 2)}, .splits = {{.active = 7, .canary = 2}}}).ok());
}

}  // namespace
}  // namespace zts
