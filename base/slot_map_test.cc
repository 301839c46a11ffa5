#include "base/slot_map.h"

#include <gtest/gtest.h>

#include <string>

namespace zts {
namespace {

TEST(SlotMapTest, AStaleIdFindsNothing) {
  SlotMap<std::string> map(4);
  const SlotId first = *map.Insert("a");
  map.Erase(first);
  const SlotId second = *map.Insert("b");
  EXPECT_EQ(first.index, second.index);
  EXPECT_EQ(map.Find(first), nullptr);
  EXPECT_EQ(*map.Find(second), "b");
}

TEST(SlotMapTest, RefusesBeyondItsCapacity) {
  SlotMap<int> map(70);
  for (int i = 0; i < 70; ++i) ASSERT_TRUE(map.Insert(i));
  EXPECT_FALSE(map.Insert(70));
  EXPECT_EQ(map.size(), 70u);
}

TEST(SlotMapTest, ElementsStayWhereTheyAre) {
  SlotMap<int> map(1000);
  const SlotId first = *map.Insert(1);
  int* address = map.Find(first);
  for (int i = 0; i < 999; ++i) map.Insert(i);
  EXPECT_EQ(map.Find(first), address);
}

TEST(SlotMapTest, AnIdSurvivesPacking) {
  const SlotId id{7, 9};
  EXPECT_EQ(SlotId::Unpack(id.Pack()), id);
}

TEST(SlotMapTest, ForEachMayErase) {
  SlotMap<int> map(10);
  for (int i = 0; i < 10; ++i) map.Insert(i);
  map.ForEach([&](SlotId id, int& value) {
    if (value % 2) map.Erase(id);
  });
  EXPECT_EQ(map.size(), 5u);
}

}  // namespace
}  // namespace zts
