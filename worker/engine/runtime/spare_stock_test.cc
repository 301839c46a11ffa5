#include "worker/engine/runtime/spare_stock.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace zts::runtime {
namespace {

TEST(SpareStockTest, EachBurstDoublesItOnce) {
  SpareStock stock;
  EXPECT_EQ(stock.wanted(), kSpareIsolates);
  stock.RanOut(1, SIZE_MAX);  // before there was a first stock: that says nothing
  EXPECT_EQ(stock.wanted(), kSpareIsolates);
  stock.Has(kSpareIsolates - 1);
  stock.RanOut(2, SIZE_MAX);
  EXPECT_EQ(stock.wanted(), kSpareIsolates);
  for (size_t wanted = 2 * kSpareIsolates; wanted <= kSpareIsolatesMax; wanted *= 2) {
    stock.Has(stock.wanted());
    for (int i = 0; i < 10; ++i) stock.RanOut(3, SIZE_MAX);
    EXPECT_EQ(stock.wanted(), wanted);
  }
  stock.Has(stock.wanted());
  stock.RanOut(4, SIZE_MAX);
  EXPECT_EQ(stock.wanted(), kSpareIsolatesMax);
}

TEST(SpareStockTest, GoesBackByHalvesWhenNoneIsMissing) {
  SpareStock stock;
  EXPECT_FALSE(stock.Rested(10 * kSpareRest));
  for (int i = 0; i < 2; ++i) {
    stock.Has(stock.wanted());
    stock.RanOut(kSecond, SIZE_MAX);
  }
  EXPECT_EQ(stock.wanted(), 4 * kSpareIsolates);
  EXPECT_FALSE(stock.Rested(kSecond + kSpareRest - 1));
  EXPECT_TRUE(stock.Rested(kSecond + kSpareRest));
  EXPECT_EQ(stock.wanted(), 2 * kSpareIsolates);
  EXPECT_FALSE(stock.Rested(kSecond + kSpareRest + 1));
  stock.RanOut(2 * kSpareRest, SIZE_MAX);  // not full: as many stay, for longer
  EXPECT_EQ(stock.wanted(), 2 * kSpareIsolates);
  EXPECT_FALSE(stock.Rested(2 * kSpareRest + kSecond));
  EXPECT_TRUE(stock.Rested(3 * kSpareRest));
  EXPECT_FALSE(stock.grown());
}

TEST(SpareStockTest, LittleMemoryIsForFew) {
  SpareStock stock;
  const auto burst = [&](size_t bytes) {
    stock.Has(stock.wanted());
    stock.RanOut(1, bytes);
    return stock.wanted();
  };
  EXPECT_EQ(burst(kSpareIsolateBytes), kSpareIsolates);
  EXPECT_EQ(burst(6 * kSpareIsolateBytes), 6u);
  EXPECT_EQ(burst(kSpareIsolateBytes), kSpareIsolates);  // the budget has become less
}

}  // namespace
}  // namespace zts::runtime
