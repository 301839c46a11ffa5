#include "controller/serving_index.h"

#include <gtest/gtest.h>

namespace zts::controller {
namespace {

FunctionState Function(const std::string& name, std::vector<std::string> routes) {
  auto version = std::make_shared<FunctionVersion>();
  version->function = name;
  version->number = 1;
  version->config.routes = std::move(routes);
  FunctionState state;
  state.record.name = name;
  state.record.active_number = 1;
  state.versions[1] = std::move(version);
  return state;
}

using Names = std::set<std::string>;

TEST(ServingIndexTest, FindsWhoMayServeARoute) {
  ServingIndex index;
  const FunctionState a = Function("a", {"/x", "h/y"}), b = Function("b", {"/z"});
  index.Add(a);
  index.Add(b);
  EXPECT_EQ(index.Holders("/x"), Names{"a"});
  EXPECT_EQ(index.Holders("/z"), Names{"b"});
  EXPECT_TRUE(index.Holders("/a").empty());
  EXPECT_EQ(index.sums().routes, 3u);
  index.Remove(a);
  EXPECT_TRUE(index.Holders("/x").empty());
  EXPECT_EQ(index.sums().routes, 1u);
  index.Remove(b);
  EXPECT_EQ(index.sums().bytes, 0u);
}

TEST(ServingIndexTest, VersionsThatMayServeCountEachOnce) {
  FunctionState state = Function("a", {"/one"});
  auto second = std::make_shared<FunctionVersion>(*state.versions[1]);
  second->number = 2;
  second->config.routes = {"/two", "/three"};
  state.versions[2] = second;
  EXPECT_EQ(ServingIndex::SumsOf(state).routes, 1u) << "what is only kept is in no catalog";
  state.record.canary = Canary{.number = 2};
  EXPECT_EQ(ServingIndex::SumsOf(state).routes, 3u);
  state.record.fallback_number = 2;
  EXPECT_EQ(ServingIndex::SumsOf(state).routes, 3u);
  ServingIndex index;
  index.Add(state);
  index.Remove(state);
  EXPECT_EQ(index.sums().routes, 0u);
  EXPECT_TRUE(index.Holders("/two").empty());
}

}  // namespace
}  // namespace zts::controller
