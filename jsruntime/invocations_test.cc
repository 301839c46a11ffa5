#include "jsruntime/invocations.h"

#include <gtest/gtest.h>

namespace zts::js {
namespace {

TEST(InvocationTableTest, SerialsAreNeverGivenTwice) {
  InvocationTable table;
  RequestView request;
  const uint64_t first = table.Open(1, &request).serial;
  table.Close(*table.Find(first));
  EXPECT_EQ(table.Find(first), nullptr);
  uint64_t last = first;
  for (int i = 0; i < 100; ++i) {
    Invocation& next = table.Open(2, &request);
    EXPECT_GT(next.serial, last);
    last = next.serial;
    table.Close(next);
  }
  EXPECT_EQ(table.Find(first), nullptr);
  EXPECT_EQ(table.Find(0), nullptr);
}

TEST(InvocationTableTest, LongRunningOnesKeepTheirPlaceWhileItGrows) {
  InvocationTable table;
  RequestView request;
  const uint64_t pinned = table.Open(7, &request).serial;
  std::vector<uint64_t> serials;
  for (int i = 0; i < 5000; ++i) serials.push_back(table.Open(100 + i, &request).serial);
  EXPECT_EQ(table.size(), 5001u);
  for (int i = 0; i < 5000; ++i) {
    ASSERT_NE(table.Find(serials[i]), nullptr);
    EXPECT_EQ(table.Find(serials[i])->id, 100u + i);
  }
  EXPECT_EQ(table.FindById(7)->serial, pinned);
  for (const uint64_t serial : table.Serials()) table.Close(*table.Find(serial));
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.FindById(7), nullptr);
}

TEST(OwnedRequestTest, KeepsEverything) {
  std::string text = "POST https h /t body id name value";
  const auto part = [&text](size_t from, size_t count) { return std::string_view(text).substr(from, count); };
  const HeaderField headers[] = {{part(24, 4), part(29, 5)}};
  RequestView request{part(0, 4), part(5, 5), part(11, 1), part(13, 2), headers, part(16, 4), part(21, 2)};
  const OwnedRequest owned(request);
  text.assign(text.size(), '?');
  EXPECT_EQ(owned.view().method, "POST");
  EXPECT_EQ(owned.view().scheme, "https");
  EXPECT_EQ(owned.view().target, "/t");
  EXPECT_EQ(owned.view().body, "body");
  EXPECT_EQ(owned.view().request_id, "id");
  ASSERT_EQ(owned.view().headers.size(), 1u);
  EXPECT_EQ(owned.view().headers[0].name, "name");
  EXPECT_EQ(owned.view().headers[0].value, "value");
}

}  // namespace
}  // namespace zts::js
