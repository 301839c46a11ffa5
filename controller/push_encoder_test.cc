#include "controller/push_encoder.h"

#include <gtest/gtest.h>

#include <thread>

#include "controller/convert.h"

namespace zts::controller {
namespace {

using Opened = tenancy::Vault::Opened;

Result<Opened> NoSecrets(const std::string&) { return Opened(); }

CatalogEntry Entry(const std::string& function, uint64_t number) {
  auto version = std::make_shared<FunctionVersion>();
  version->function = function;
  version->number = number;
  version->version_id = number;
  version->main_module = function + ".js";
  version->config.env = {{"B", "2"}, {"A", "1"}, {"C", "3"}};
  CatalogEntry entry;
  entry.version = std::move(version);
  return entry;
}

std::shared_ptr<Update> SomeUpdate(int functions) {
  auto update = std::make_shared<Update>();
  update->store_id = "store";
  update->catalog_version = 7;
  update->kind = Update::Kind::kDelta;
  update->base_version = 5;
  for (int i = 0; i < functions; ++i) update->upserts.push_back(Entry("f" + std::to_string(i), 1));
  update->removals = {"gone", "gone-too"};
  return update;
}

std::vector<grpc::Slice> Slices(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(buffer.Dump(&slices).ok());
  return slices;
}

v1::ControllerMessage Parsed(const grpc::ByteBuffer& buffer) {
  std::string bytes;
  for (const grpc::Slice& slice : Slices(buffer)) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  v1::ControllerMessage message;
  EXPECT_TRUE(message.ParseFromString(bytes));
  return message;
}

TEST(PushEncoderTest, UpdateArrivesWhole) {
  PushEncoder encoder(NoSecrets);
  const auto message = Parsed(encoder.Encode(Prepare{SomeUpdate(3), 99}).bytes);
  ASSERT_TRUE(message.has_update());
  const v1::Update& update = message.update();
  EXPECT_EQ(update.store_id(), "store");
  EXPECT_EQ(update.catalog_version(), 7u);
  EXPECT_EQ(update.nonce(), 99u);
  EXPECT_FALSE(update.full());
  EXPECT_EQ(update.base_version(), 5u);
  ASSERT_EQ(update.upserts_size(), 3);
  EXPECT_EQ(update.upserts(2).function(), "f2");
  EXPECT_EQ(update.upserts(2).config().env().at("B"), "2");
  ASSERT_EQ(update.removals_size(), 2);
  EXPECT_EQ(update.removals(1), "gone-too");
}

TEST(PushEncoderTest, EmptyCatalogIsAnUpdateToo) {
  PushEncoder encoder(NoSecrets);
  auto update = std::make_shared<Update>();
  const auto message = Parsed(encoder.Encode(Prepare{update, 1}).bytes);
  ASSERT_TRUE(message.has_update());
  EXPECT_TRUE(message.update().full());
  EXPECT_EQ(message.update().nonce(), 1u);
}

TEST(PushEncoderTest, ActivateHasItsNonce) {
  PushEncoder encoder(NoSecrets);
  const auto message = Parsed(encoder.Encode(Activate{7, 100}).bytes);
  ASSERT_TRUE(message.has_activate());
  EXPECT_EQ(message.activate().catalog_version(), 7u);
  EXPECT_EQ(message.activate().nonce(), 100u);
}

TEST(PushEncoderTest, FleetSharesOneEncoding) {
  PushEncoder encoder(NoSecrets);
  const UpdatePtr update = SomeUpdate(100);
  std::vector<grpc::ByteBuffer> buffers(16);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < buffers.size(); ++i) {
    threads.emplace_back([&, i] { buffers[i] = encoder.Encode(Prepare{update, 1000 + i}).bytes; });
  }
  for (std::thread& thread : threads) thread.join();
  const uint8_t* shared = Slices(buffers[0])[1].begin();
  for (size_t i = 0; i < buffers.size(); ++i) {
    EXPECT_EQ(Slices(buffers[i])[1].begin(), shared);
    EXPECT_EQ(Parsed(buffers[i]).update().nonce(), 1000 + i);
  }
}

TEST(PushEncoderTest, MessageOutlivesItsUpdate) {
  PushEncoder encoder(NoSecrets);
  UpdatePtr update = SomeUpdate(2);
  const grpc::ByteBuffer buffer = encoder.Encode(Prepare{update, 1}).bytes;
  update.reset();
  // Whose memory the first had, perhaps.
  const UpdatePtr other = SomeUpdate(1);
  EXPECT_EQ(Parsed(encoder.Encode(Prepare{other, 2}).bytes).update().upserts_size(), 1);
  EXPECT_EQ(Parsed(buffer).update().upserts_size(), 2);
}

TEST(PushEncoderTest, SameRecordHasTheSameBytes) {
  PushEncoder one(NoSecrets), two(NoSecrets);
  const grpc::ByteBuffer first = one.Encode(Prepare{SomeUpdate(10), 1}).bytes, second = two.Encode(Prepare{SomeUpdate(10), 2}).bytes;
  const auto text = [](const grpc::Slice& slice) { return std::string(reinterpret_cast<const char*>(slice.begin()), slice.size()); };
  EXPECT_EQ(text(Slices(first)[1]), text(Slices(second)[1]));
}

TEST(PushEncoderTest, SecretsTravelAndAreNotKept) {
  int opened = 0;
  std::string value = "first";
  PushEncoder encoder([&](const std::string& function) -> Result<Opened> {
    ++opened;
    if (function == "f2") return Opened{{{"KEY", value}}, 7};
    if (function == "f3") return Internal("no key opens it");
    return Opened();
  });
  auto made = SomeUpdate(5);
  made->upserts[2].canary = Entry("f2", 2).version;
  made->upserts[2].warm = {Entry("f2", 3).version};
  auto one = encoder.Encode(Prepare{made, 1}), two = encoder.Encode(Prepare{made, 2});
  const v1::Update update = Parsed(two.bytes).update();
  ASSERT_EQ(update.upserts_size(), 5);
  EXPECT_EQ(update.nonce(), 2u);
  for (const v1::FunctionVersion& version : update.upserts()) {
    EXPECT_EQ(version.secrets_size(), version.function() == "f2" ? 1 : 0);
    if (version.function() != "f2") continue;
    EXPECT_EQ(version.secrets().at("KEY"), "first");
    EXPECT_EQ(version.secrets_revision(), 7u);
    EXPECT_EQ(version.traffic().canary().secrets().at("KEY"), "first");
    EXPECT_EQ(version.traffic().warm(0).secrets().at("KEY"), "first");
  }
  EXPECT_EQ(one.secrets, two.secrets) << "messages that are written at the same time share them";
  EXPECT_EQ(opened, 6) << "each function once, and once more to decrypt";
  one = {};
  two = {};
  value = "second";
  const v1::Update later = Parsed(encoder.Encode(Prepare{made, 3}).bytes).update();
  EXPECT_EQ(later.upserts(4).secrets().at("KEY"), "second") << "after the last message they are gone";
}

TEST(PushEncoderTest, FunctionWhoseSecretsGoMeanwhileIsStillThere) {
  bool has = true;
  PushEncoder encoder([&](const std::string&) -> Result<Opened> { return has ? Opened{{{"KEY", "value"}}, 1} : Opened(); });
  const UpdatePtr update = SomeUpdate(3);
  EXPECT_EQ(Parsed(encoder.Encode(Prepare{update, 1}).bytes).update().upserts_size(), 3);
  has = false;
  const v1::Update later = Parsed(encoder.Encode(Prepare{update, 2}).bytes).update();
  EXPECT_EQ(later.upserts_size(), 3);
  EXPECT_EQ(later.upserts(0).secrets_size(), 0);
}

}  // namespace
}  // namespace zts::controller
