#include "worker/supervisor/version_names.h"

#include <gtest/gtest.h>

#include "worker/engine/limits.h"

namespace zts::supervisor {
namespace {

FunctionSpec Spec(uint64_t id) {
  FunctionSpec spec;
  spec.version_id = id;
  spec.function = "f" + std::to_string(id);
  spec.number = id + 1;
  return spec;
}

TEST(VersionNamesTest, AProblemIsTheFunctions) {
  VersionNames names;
  names.Remember(Spec(7), {7});
  ipc::Problem said;
  said.set_version_id(7);
  said.set_kind("exception");
  said.set_message("oops");
  said.set_line(3);
  const Problem problem = names.ToProblem(said);
  EXPECT_EQ(problem.function, "f7");
  EXPECT_EQ(problem.number, 8u);
  EXPECT_EQ(problem.kind + problem.message, "exceptionoops");
  EXPECT_EQ(problem.line, 3);
  said.set_version_id(8);
  EXPECT_EQ(names.ToProblem(said).function, "");
}

TEST(VersionNamesTest, ARecordIsTheFunctionsWhateverItsSeverity) {
  VersionNames names;
  names.Remember(Spec(7), {7});
  ipc::Logs logs;
  ipc::Log* log = logs.add_records();
  log->set_version_id(7);
  log->set_severity(3);
  log->set_message("hi");
  log->set_dropped_before(2);
  logs.add_records()->set_severity(1000);  // an engine that has been taken over may say anything
  const auto records = names.ToRecords(logs);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].function + " " + records[0].severity + " " + records[0].message, "f7 warn hi");
  EXPECT_EQ(records[0].dropped_before, 2u);
  EXPECT_EQ(records[1].function + records[1].severity, "log");
}

TEST(VersionNamesTest, NamesOfWhatTheEngineHasStayWhateverComes) {
  VersionNames names;
  const std::set<uint64_t> known{1};
  names.Remember(Spec(1), known);
  constexpr uint64_t kMany = 3 * kFunctionCountMax;
  for (uint64_t id = 2; id < kMany; ++id) names.Remember(Spec(id), known);
  EXPECT_NE(names.Find(1), nullptr);
  EXPECT_EQ(names.Find(2), nullptr);
  EXPECT_NE(names.Find(kMany - 1), nullptr);
}

TEST(VersionNamesTest, ATitleIsWhatPeopleCallIt) {
  EXPECT_EQ(Title("hello", 3), "hello v3");
  EXPECT_EQ(Title("", 0), "the catalog");
}

}  // namespace
}  // namespace zts::supervisor
