#include "jsruntime/block_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

namespace zts::js {
namespace {

TEST(BlockCacheTest, GivesTheLastBlockOfItsSizeAgain) {
  BlockCache cache;
  void* first = cache.Take(1000);
  void* second = cache.Take(1024);
  std::memset(first, 1, 1000);
  std::memset(second, 2, 1024);
  cache.Give(first, 1000);
  cache.Give(second, 1024);
  EXPECT_EQ(cache.free_bytes(), 2048u);
  EXPECT_EQ(cache.Take(897), second);
  EXPECT_EQ(cache.Take(1024), first);
  EXPECT_EQ(cache.free_bytes(), 0u);
  cache.Give(first, 1024);
  cache.Give(second, 897);
}

TEST(BlockCacheTest, OneOfAnotherSizeIsAnother) {
  BlockCache cache;
  void* small = cache.Take(128);
  cache.Give(small, 128);
  void* larger = cache.Take(129);
  EXPECT_NE(larger, small);
  EXPECT_EQ(cache.Take(1), small);
  cache.Give(small, 1);
  cache.Give(larger, 129);
}

TEST(BlockCacheTest, AnyLengthCanBeWrittenWhole) {
  BlockCache cache;
  for (int round = 0; round < 2; ++round) {
    std::vector<void*> blocks;
    for (size_t length = 0; length <= kCachedBlockMax + 200; ++length) {
      blocks.push_back(cache.Take(length));
      std::memset(blocks.back(), 0xab, length);
    }
    for (size_t length = 0; length < blocks.size(); ++length) cache.Give(blocks[length], length);
  }
}

TEST(BlockCacheTest, KeepsNoMoreThanItMay) {
  BlockCache cache;
  std::vector<void*> blocks;
  for (size_t bytes = 0; bytes < 2 * kCachedBytesMax; bytes += kCachedBlockMax) blocks.push_back(cache.Take(kCachedBlockMax));
  for (void* block : blocks) cache.Give(block, kCachedBlockMax);
  EXPECT_EQ(cache.free_bytes(), kCachedBytesMax);
  cache.Drop();
  EXPECT_EQ(cache.free_bytes(), 0u);
  cache.Give(cache.Take(10), 10);
  EXPECT_EQ(cache.free_bytes(), 128u);
}

TEST(BlockCacheTest, LargeOnesAreNotKept) {
  BlockCache cache;
  cache.Give(cache.Take(kCachedBlockMax + 1), kCachedBlockMax + 1);
  EXPECT_EQ(cache.free_bytes(), 0u);
}

TEST(BlockCacheTest, NoBlockIsGivenToTwo) {
  BlockCache cache;
  std::vector<std::thread> threads;
  for (int self = 1; self <= 3; ++self) {
    threads.emplace_back([&cache, self] {
      for (int turn = 0; turn < 20'000; ++turn) {
        const size_t length = 64 + static_cast<size_t>(turn % 5) * 300;
        auto* block = static_cast<char*>(cache.Take(length));
        std::memset(block, self, length);
        for (size_t at = 0; at < length; at += 37) ASSERT_EQ(block[at], self);
        cache.Give(block, length);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace zts::js
