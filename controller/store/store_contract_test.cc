// What every Store promises, asked of the real one and of the fake.
#include <gtest/gtest.h>

#include "controller/store/rocks_store.h"
#include "controller/store/testing/memory_store.h"
#include "controller/store/testing/scratch_folder.h"

namespace zts::store {
namespace {

struct RocksKind {
  ScratchFolder folder;
  std::unique_ptr<Store> store = Open();
  std::unique_ptr<Store> Open() {
    auto opened = OpenRocksStore(folder.path());
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message);
    return std::move(opened).value();
  }
  void Reopen() {
    store.reset();
    store = Open();
  }
};

struct MemoryKind {
  std::unique_ptr<Store> store = std::make_unique<MemoryStore>();
  void Reopen() {}
};

FunctionVersion MakeVersion(std::string function, uint64_t number, std::string_view bundle) {
  FunctionVersion version;
  version.function = std::move(function);
  version.number = number;
  version.bundle_digest = Sha256Of(bundle);
  version.bundle_bytes = bundle.size();
  version.artifact_key = "v8|flags|cpu";
  version.main_module = "main.js";
  version.created_ns = 17;
  version.version_id = uint64_t{1} << 32 | number;
  version.config.limits = {1, 2, 3, 4, 5, 6};
  version.config.env = {{"A", "1"}, {"B", std::string("with \0 and \n", 12)}};
  version.config.routes = {"example.com/a"};
  version.config.allow_net = {"db.internal:5432"};
  version.config.secrets = {"API_KEY"};
  return version;
}

FunctionRecord MakeFunction(std::string name, uint64_t active, uint64_t changed_at) {
  return {.name = std::move(name), .creation = 1, .active_number = active, .fallback_number = 0, .next_number = active + 1,
          .changed_at = changed_at};
}

template <typename Kind>
class StoreContractTest : public testing::Test {
 protected:
  Store& store() { return *kind_.store; }
  Contents Load() {
    auto contents = store().Load();
    EXPECT_TRUE(contents.ok()) << (contents.ok() ? "" : contents.error().message);
    return std::move(contents).value();
  }
  void Commit(const Change& change) {
    const Status committed = store().Commit(change);
    ASSERT_TRUE(committed.ok()) << committed.error().message;
  }
  Kind kind_;
};

using Kinds = testing::Types<RocksKind, MemoryKind>;
TYPED_TEST_SUITE(StoreContractTest, Kinds);

TYPED_TEST(StoreContractTest, StartsEmpty) {
  const Contents contents = this->Load();
  EXPECT_EQ(contents.counters, Counters{});
  EXPECT_TRUE(contents.functions.empty());
  EXPECT_TRUE(contents.versions.empty());
  EXPECT_FALSE(this->store().id().empty());
}

TYPED_TEST(StoreContractTest, KeepsEverythingOfACommit) {
  const std::string bundle = "export default () => new Response('hi')", cache = "cache bytes";
  FunctionVersion version = MakeVersion("hello", 1, bundle);
  version.code_cache_digest = Sha256Of(cache);
  version.code_cache_bytes = cache.size();
  const FunctionRecord function = MakeFunction("hello", 1, 1);
  Change change;
  change.counters = {1, 1, 0};
  change.put_functions = {function};
  change.put_versions = {version};
  change.put_blobs = {{version.bundle_digest, bundle}, {*version.code_cache_digest, cache}};
  this->Commit(change);
  const std::string id = this->store().id();
  this->kind_.Reopen();

  const Contents contents = this->Load();
  EXPECT_EQ(this->store().id(), id);
  EXPECT_EQ(contents.counters, (Counters{1, 1, 0}));
  EXPECT_EQ(contents.functions, std::vector{function});
  EXPECT_EQ(contents.versions, std::vector{version});
  EXPECT_EQ(*this->store().ReadBlob(version.bundle_digest), bundle);
  EXPECT_EQ(*this->store().ReadBlob(*version.code_cache_digest), cache);
}

TYPED_TEST(StoreContractTest, RemovesAndReplacesInOneCommit) {
  const std::string one = "one", two = "two";
  Change first;
  first.counters = {1, 2, 0};
  first.put_functions = {MakeFunction("a", 1, 1), MakeFunction("b", 1, 1)};
  first.put_versions = {MakeVersion("a", 1, one), MakeVersion("b", 1, one)};
  first.put_blobs = {{Sha256Of(one), one}};
  this->Commit(first);
  Change second;
  second.counters = {2, 2, 1};
  second.remove_functions = {"b"};
  second.remove_versions = {{"a", 1}, {"b", 1}};
  second.remove_blobs = {Sha256Of(one)};
  second.put_functions = {MakeFunction("a", 2, 2)};
  second.put_versions = {MakeVersion("a", 2, two)};
  second.put_blobs = {{Sha256Of(two), two}};
  this->Commit(second);

  const Contents contents = this->Load();
  EXPECT_EQ(contents.counters, (Counters{2, 2, 1}));
  EXPECT_EQ(contents.functions, std::vector{MakeFunction("a", 2, 2)});
  EXPECT_EQ(contents.versions, std::vector{MakeVersion("a", 2, two)});
  EXPECT_EQ(this->store().ReadBlob(Sha256Of(one)).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(*this->store().ReadBlob(Sha256Of(two)), two);
}

TYPED_TEST(StoreContractTest, RemovalsComeBeforePuts) {
  const std::string content = "same";
  Change change;
  change.remove_functions = {"a"};
  change.remove_versions = {{"a", 1}};
  change.remove_blobs = {Sha256Of(content)};
  change.put_functions = {MakeFunction("a", 1, 1)};
  change.put_versions = {MakeVersion("a", 1, content)};
  change.put_blobs = {{Sha256Of(content), content}};
  this->Commit(change);
  EXPECT_EQ(this->Load().functions.size(), 1u);
  EXPECT_EQ(this->Load().versions.size(), 1u);
  EXPECT_TRUE(this->store().ReadBlob(Sha256Of(content)).ok());
}

TYPED_TEST(StoreContractTest, OrdersVersionsByNumberWithinTheFunction) {
  Change change;
  for (const uint64_t number : {300, 2, 255, 256, 1}) {
    change.put_versions.push_back(MakeVersion("a", number, "x"));
    change.put_versions.push_back(MakeVersion("a-b", number, "x"));
  }
  this->Commit(change);
  std::vector<uint64_t> numbers;
  for (const FunctionVersion& version : this->Load().versions) {
    if (version.function == "a") numbers.push_back(version.number);
  }
  EXPECT_EQ(numbers, (std::vector<uint64_t>{1, 2, 255, 256, 300}));
}

TYPED_TEST(StoreContractTest, ReadsNoContentThatIsNotItsDigest) {
  const Digest digest = Sha256Of("what it should be");
  Change change;
  change.put_blobs = {{digest, "what it is"}};
  this->Commit(change);
  const auto read = this->store().ReadBlob(digest);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
}

TYPED_TEST(StoreContractTest, KeepsLargeAndEmptyContent) {
  std::string large(size_t{10} << 20, '\0');
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 2654435761u >> 24);
  Change change;
  change.put_blobs = {{Sha256Of(large), large}, {Sha256Of(""), ""}};
  this->Commit(change);
  this->kind_.Reopen();
  EXPECT_TRUE(*this->store().ReadBlob(Sha256Of(large)) == large);
  EXPECT_EQ(*this->store().ReadBlob(Sha256Of("")), "");
  EXPECT_GT(this->store().disk_bytes(), 0u);
}

TYPED_TEST(StoreContractTest, RecordsAreKeptByThemselvesAndWithACommit) {
  ASSERT_TRUE(this->store().WriteRecords({{"t/1", "one"}, {"t/2", "two"}, {"u/1", "other"}}).ok());
  Change change;
  change.records = {{"t/3", "three"}, {"t/1", std::nullopt}};
  this->Commit(change);
  ASSERT_TRUE(this->store().WriteRecords({{"t/2", "newer"}, {"t/none", std::nullopt}}).ok());
  this->kind_.Reopen();
  const auto records = this->store().ScanRecords("t/");
  ASSERT_TRUE(records.ok());
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ((*records)[0].key + "=" + (*records)[0].value, "t/2=newer");
  EXPECT_EQ((*records)[1].key + "=" + (*records)[1].value, "t/3=three");
  EXPECT_EQ(this->store().ScanRecords("nothing/")->size(), 0u);
}

TYPED_TEST(StoreContractTest, IsWritable) { EXPECT_TRUE(this->store().CheckWritable().ok()); }

}  // namespace
}  // namespace zts::store
