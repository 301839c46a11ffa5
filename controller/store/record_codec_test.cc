#include "controller/store/record_codec.h"

#include <gtest/gtest.h>

namespace zts::store {
namespace {

using std::string_literals::operator""s;
using std::string_view_literals::operator""sv;

// What the first controllers wrote, byte by byte: whatever is added to the records, these must be read as they were meant.
TEST(RecordCodecTest, RecordsOfTheFirstControllersAreRead) {
  const auto function = DecodeFunction("hello", "\x08\x01\x10\x02\x18\x01\x20\x03\x28\x04"sv);
  ASSERT_TRUE(function.ok()) << function.error().message;
  EXPECT_EQ(function->name, "hello");
  EXPECT_EQ(function->creation, 1u);
  EXPECT_EQ(function->active_number, 2u);
  EXPECT_EQ(function->fallback_number, 1u);
  EXPECT_EQ(function->next_number, 3u);
  EXPECT_EQ(function->changed_at, 4u);
  EXPECT_FALSE(function->canary);
  EXPECT_FALSE(function->promotion);
  EXPECT_TRUE(function->served.empty());
  EXPECT_TRUE(function->history.empty());

  std::string bytes = "\x0a\x20"s + std::string(32, '\xaa');
  bytes += "\x10\x05\x2a\x01k\x32\x04m.js\x38\x07\x40\x81\x80\x80\x80\x10"sv;
  bytes += "\x6a\x06\x0a\x01"
           "A\x12\x01"
           "B\x72\x02/r"sv;
  const auto version = DecodeVersion({"hello", 1}, bytes);
  ASSERT_TRUE(version.ok()) << version.error().message;
  EXPECT_EQ(version->bundle_digest[31], 0xaa);
  EXPECT_EQ(version->bundle_bytes, 5u);
  EXPECT_EQ(version->artifact_key, "k");
  EXPECT_EQ(version->main_module, "m.js");
  EXPECT_EQ(version->created_ns, 7);
  EXPECT_EQ(version->version_id, uint64_t{1} << 32 | 1);
  EXPECT_EQ(version->config.env.at("A"), "B");
  EXPECT_EQ(version->config.routes, std::vector<std::string>{"/r"});
  EXPECT_EQ(version->author, "");
  EXPECT_EQ(version->based_on, 0u);
}

TEST(RecordCodecTest, EverythingOfAFunctionComesBack) {
  FunctionRecord function{"f", 3, 7, 6, 9, 12};
  function.canary = controller::Canary{8, {2500, {controller::Sticky::By::kCookie, "session"}}, 11};
  function.promotion = controller::Promotion{{50'000'000, 0.01, 0.05, 2}, {100, 2500, 10'000}, 1, 30'000'000'000, 200, "ann"};
  function.served = {6, 7};
  function.history = {{5, "deployed", 7, 10'000, "ann", "why not"}, {6, "canary", 8, 2500, "", ""}};
  const auto again = DecodeFunction("f", EncodeFunction(function));
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, function);
}

TEST(RecordCodecTest, EverythingOfAVersionComesBack) {
  FunctionVersion version;
  version.function = "f";
  version.number = 4;
  version.bundle_digest = Sha256Of("x");
  version.code_cache_digest = Sha256Of("y");
  version.config.env = {{"A", "1"}};
  version.config.allow_net = {"127.0.0.1"};
  version.config.secrets = {"API_KEY"};
  version.config.jit = "eager";
  version.config.jit_threshold = 77;
  version.config.isolation = "process";
  version.author = "ann@desk";
  version.message = "two\xc3\xa9";
  version.based_on = 3;
  version.source_map_digest = Sha256Of("z");
  version.source_map_bytes = 9;
  version.snapshot_digest = Sha256Of("s");
  version.snapshot_bytes = 7;
  version.start_reason = "its evaluation takes 12 ms";
  version.snapshot_policy = controller::SnapshotPolicy::kNever;
  const auto again = DecodeVersion({"f", 4}, EncodeVersion(version));
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, version);
}

TEST(RecordCodecTest, EveryCutIsReadOrIsDamageAndNeverACrash) {
  FunctionRecord function{"f", 3, 7, 6, 9, 12};
  function.canary = controller::Canary{8, {2500, {controller::Sticky::By::kHeader, "x"}}, 11};
  function.history = {{5, "deployed", 7, 10'000, "ann", ""}};
  const std::string bytes = EncodeFunction(function);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    const auto part = DecodeFunction("f", std::string_view(bytes).substr(0, cut));
    EXPECT_TRUE(part.ok() || part.error().code == ErrorCode::kCorrupt) << cut;
  }
}

TEST(RecordCodecTest, AStickyKindThatNobodyKnowsIsDamage) {
  FunctionRecord function{"f", 3, 7, 6, 9, 12};
  function.canary = controller::Canary{8, {2500, {controller::Sticky::By::kHeader, "x"}}, 11};
  std::string bytes = EncodeFunction(function);
  const size_t at = bytes.find("header");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 'H';
  EXPECT_EQ(DecodeFunction("f", bytes).error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace zts::store
