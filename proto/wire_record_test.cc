// Holds the .proto files to what was released, and the check itself to what it promises.
#include "proto/wire_record.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "proto/released_files.h"

namespace zts::proto {
namespace {

using Strings = std::vector<std::string>;

TEST(WireRecordTest, FilesKeepWhatWasReleased) {
  const auto text = ReadFile("proto/testdata/wire_record.txt");
  ASSERT_TRUE(text.ok()) << text.error().message;
  const WireRecord released = Parse(*text), current = RecordOfThisBuild();
  ASSERT_GT(released.size(), 50u);
  for (const std::string& sentence : Broken(released, current)) ADD_FAILURE() << sentence;
  // No fault of the change, but while the record lacks what it brings, the next change could break that unseen.
  for (const auto& [thing, is] : current) {
    EXPECT_EQ(released.count(thing), 1u) << thing << " is not in the record; run proto/update_wire_record.sh and commit its result";
  }
}

TEST(WireRecordTest, SaysWhatOthersDependOn) {
  const WireRecord record = RecordOfThisBuild();
  EXPECT_EQ(record.at("message zts.v1.Hello"), "");
  EXPECT_EQ(record.at("message zts.v1.ListVersionsResponse.Item"), "");
  EXPECT_EQ(record.at("field zts.v1.Hello 4"), "string artifact_key");
  EXPECT_EQ(record.at("field zts.v1.VersionConfig 2"), "map<string, string> env");
  EXPECT_EQ(record.at("field zts.v1.VersionConfig 3"), "repeated string routes");
  EXPECT_EQ(record.at("field zts.v1.UpdateResult 4"), "repeated zts.v1.FunctionProblem problems");
  EXPECT_EQ(record.at("field zts.v1.DeployRequest 2"), "oneof part bytes chunk");
  EXPECT_EQ(record.at("value zts.v1.UpdateResult.State 3"), "NACK");
  EXPECT_EQ(record.at("method zts.v1.Sync.Stream"), "stream zts.v1.WorkerMessage -> stream zts.v1.ControllerMessage");
  EXPECT_EQ(record.at("method zts.v1.Deploy.DeleteFunction"), "zts.v1.DeleteFunctionRequest -> zts.v1.DeleteFunctionResponse");
  EXPECT_EQ(record.at("field zts.store.record.Version 8"), "uint64 version_id");
  EXPECT_EQ(record.count("message zts.v1.VersionConfig.EnvEntry"), 0u) << "the map's own business";
}

TEST(WireRecordTest, AdditionsPass) {
  WireRecord more = RecordOfThisBuild();
  more["field zts.v1.Hello 99"] = "bool added";
  more["message zts.v1.Added"] = "";
  more["value zts.v1.UpdateResult.State 9"] = "MORE";
  more["method zts.v1.Deploy.Added"] = "zts.v1.Added -> zts.v1.Added";
  EXPECT_EQ(Broken(RecordOfThisBuild(), more), Strings{});
}

TEST(WireRecordTest, WhatIsGoneIsNamed) {
  for (const char* thing : {"field zts.v1.Hello 4", "message zts.v1.Hello", "service zts.v1.Sync", "method zts.v1.Sync.Stream",
                            "enum zts.v1.UpdateResult.State", "value zts.v1.UpdateResult.State 3"}) {
    WireRecord less = RecordOfThisBuild();
    ASSERT_EQ(less.erase(thing), 1u) << thing;
    const Strings broken = Broken(RecordOfThisBuild(), less);
    ASSERT_EQ(broken.size(), 1u);
    EXPECT_EQ(broken[0].rfind(thing, 0), 0u) << broken[0];
    EXPECT_NE(broken[0].find("is gone"), std::string::npos) << broken[0];
  }
}

TEST(WireRecordTest, WhatIsChangedIsNamed) {
  const std::pair<const char*, const char*> changes[] = {
      {"field zts.v1.Hello 4", "bytes artifact_key"},                          // retyped
      {"field zts.v1.Hello 4", "string key"},                                  // renamed
      {"field zts.v1.VersionConfig 3", "string routes"},                       // not repeated any more
      {"field zts.v1.DeployRequest 2", "bytes chunk"},                         // out of the oneof
      {"value zts.v1.UpdateResult.State 3", "REFUSED"},
      {"method zts.v1.Sync.Stream", "zts.v1.WorkerMessage -> stream zts.v1.ControllerMessage"},
  };
  for (const auto& [thing, is] : changes) {
    WireRecord other = RecordOfThisBuild();
    other.at(thing) = is;
    const Strings broken = Broken(RecordOfThisBuild(), other);
    ASSERT_EQ(broken.size(), 1u);
    EXPECT_EQ(broken[0].rfind(std::string(thing) + " was '", 0), 0u) << broken[0];
  }
}

TEST(WireRecordTest, RenumberedFieldIsBothGoneAndNamed) {
  WireRecord renumbered = RecordOfThisBuild();
  renumbered["field zts.v1.Hello 77"] = renumbered.at("field zts.v1.Hello 4");
  renumbered.erase("field zts.v1.Hello 4");
  EXPECT_EQ(Broken(RecordOfThisBuild(), renumbered).size(), 1u);
}

TEST(WireRecordTest, TextComesBack) {
  const WireRecord record = RecordOfThisBuild();
  EXPECT_EQ(Parse(Print(record)), record);
  EXPECT_EQ(Parse("# a comment\n\n" + Print(record)), record);
}

}  // namespace
}  // namespace zts::proto
