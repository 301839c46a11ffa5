#include "worker/engine/runtime/spare_stock.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace zts::runtime {
namespace {

TEST(SpareStockTest, EachBurstDoublesItOnce) {
  SpareStock stock(SIZE_MAX);
  EXPECT_EQ(stock.wanted(), kSpareIsolates);
  stock.RanOut(1);  // before there was a first stock: that says nothing
  EXPECT_EQ(stock.wanted(), kSpareIsolates);
  stock.Has(kSpareIsolates - 1);
  stock.RanOut(2);
  EXPECT_EQ(stock.wanted(), kSpareIsolates);
  for (size_t wanted = 2 * kSpareIsolates; wanted <= kSpareIsolatesMax; wanted *= 2) {
    stock.Has(stock.wanted());
    for (int i = 0; i < 10; ++i) stock.RanOut(3);
    EXPECT_EQ(stock.wanted(), wanted);
  }
  stock.Has(stock.wanted());
  stock.RanOut(4);
  EXPECT_EQ(stock.wanted(), kSpareIsolatesMax);
}

TEST(SpareStockTest, GoesBackByHalvesWhenNoneIsMissing) {
  SpareStock stock(SIZE_MAX);
  EXPECT_FALSE(stock.Rested(10 * kSpareRest));
  for (int i = 0; i < 2; ++i) {
    stock.Has(stock.wanted());
    stock.RanOut(kSecond);
  }
  EXPECT_EQ(stock.wanted(), 4 * kSpareIsolates);
  EXPECT_FALSE(stock.Rested(kSecond + kSpareRest - 1));
  EXPECT_TRUE(stock.Rested(kSecond + kSpareRest));
  EXPECT_EQ(stock.wanted(), 2 * kSpareIsolates);
  EXPECT_FALSE(stock.Rested(kSecond + kSpareRest + 1));
  stock.RanOut(2 * kSpareRest);  // not full: as many stay, for longer
  EXPECT_EQ(stock.wanted(), 2 * kSpareIsolates);
  EXPECT_FALSE(stock.Rested(2 * kSpareRest + kSecond));
  EXPECT_TRUE(stock.Rested(3 * kSpareRest));
  EXPECT_FALSE(stock.grown());
}

TEST(SpareStockTest, LittleMemoryIsForFew) {
  SpareStock little(kSpareIsolateBytes), some(6 * kSpareIsolateBytes);
  for (SpareStock* stock : {&little, &some}) {
    stock->Has(kSpareIsolates);
    stock->RanOut(1);
  }
  EXPECT_EQ(little.wanted(), kSpareIsolates);
  EXPECT_EQ(some.wanted(), 6u);
}

}  // namespace
}  // namespace zts::runtime
