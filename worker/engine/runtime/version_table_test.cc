#include "worker/engine/runtime/version_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace zts::runtime {
namespace {

TEST(VersionTableTest, AgreesWithAMap) {
  std::mt19937 random(11);
  VersionTable<uint64_t> table;
  std::map<uint64_t, uint64_t*> reference;
  for (int step = 0; step < 50000; ++step) {
    const uint64_t id = (uint64_t{random() % 300} << 20) | random() % 2;
    const auto known = reference.find(id);
    ASSERT_EQ(table.Find(id), known == reference.end() ? nullptr : known->second);
    if (known == reference.end()) {
      reference[id] = table.Insert(id, std::make_unique<uint64_t>(id));
    } else if (random() % 2 == 0) {
      auto erased = table.Erase(id);
      ASSERT_NE(erased, nullptr);
      EXPECT_EQ(*erased, id);
      reference.erase(known);
    }
    ASSERT_EQ(table.size(), reference.size());
  }
  size_t seen = 0;
  table.ForEach([&](uint64_t& value) { seen += reference.count(value); });
  EXPECT_EQ(seen, reference.size());
}

TEST(VersionTableTest, ErasingWhatIsNotThereDoesNothing) {
  VersionTable<int> table;
  EXPECT_EQ(table.Erase(5), nullptr);
  EXPECT_EQ(table.Find(0), nullptr);
}

}  // namespace
}  // namespace zts::runtime
