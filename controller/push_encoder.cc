#include "controller/push_encoder.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <string>

#include "base/log.h"
#include "controller/convert.h"

namespace zts::controller {
namespace {

using google::protobuf::io::CodedOutputStream;
using google::protobuf::io::StringOutputStream;
using WireFormat = google::protobuf::internal::WireFormatLite;

// The same record has the same bytes whenever it is sent: maps are written in the order of their keys.
void Append(const google::protobuf::MessageLite& message, std::string& bytes) {
  StringOutputStream stream(&bytes);
  CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
}

void AddSecrets(const tenancy::Vault::Opened& secrets, v1::FunctionVersion& version) {
  version.set_secrets_revision(secrets.revision);
  for (const auto& [key, value] : secrets.values) (*version.mutable_secrets())[key] = value;
}

// All versions of a function have the same.
void AddSecretsToAll(const tenancy::Vault::Opened& secrets, v1::FunctionVersion& version) {
  if (secrets.values.empty()) return;
  AddSecrets(secrets, version);
  if (!version.has_traffic()) return;
  if (version.traffic().has_canary()) AddSecrets(secrets, *version.mutable_traffic()->mutable_canary());
  for (v1::FunctionVersion& warm : *version.mutable_traffic()->mutable_warm()) AddSecrets(secrets, warm);
}

// Tag and length of ControllerMessage.update.
std::string UpdateHeader(size_t bytes) {
  std::string header;
  StringOutputStream stream(&header);
  CodedOutputStream coded(&stream);
  coded.WriteTag(WireFormat::MakeTag(v1::ControllerMessage::kUpdateFieldNumber, WireFormat::WIRETYPE_LENGTH_DELIMITED));
  coded.WriteVarint32(static_cast<uint32_t>(bytes));
  coded.Trim();
  return header;
}

std::string NonceField(uint64_t nonce) {
  v1::Update update;
  update.set_nonce(nonce);
  return update.SerializeAsString();
}

}  // namespace

std::shared_ptr<PushEncoder::Encoding> PushEncoder::EncodingOf(const UpdatePtr& update) {
  const std::lock_guard lock(mutex_);
  std::erase_if(known_, [](const Known& known) { return known.update.expired(); });
  const auto found = std::find_if(known_.begin(), known_.end(), [&](const Known& known) { return known.update.lock() == update; });
  if (found != known_.end()) return found->encoding;
  known_.push_back({update, std::make_shared<Encoding>()});
  return known_.back().encoding;
}

tenancy::Vault::Opened PushEncoder::SecretsOf(const std::string& function) const {
  auto opened = open_secrets_(function);
  if (opened.ok()) return *std::move(opened);
  ZTS_LOG(kError) << function << " goes without its secrets: " << opened.error().message;
  return {};
}

// Record by record: the encodings of a message's parts, one after the other, are an encoding of the message.
void PushEncoder::EncodePlain(const Update& update, Encoding& encoding) const {
  v1::Update part;
  part.set_store_id(update.store_id);
  part.set_catalog_version(update.catalog_version);
  part.set_full(update.kind == Update::Kind::kFull);
  part.set_base_version(update.base_version);
  for (const std::string& function : update.removals) part.add_removals(function);
  std::string bytes;
  Append(part, bytes);
  for (size_t i = 0; i < update.upserts.size(); ++i) {
    const CatalogEntry& entry = update.upserts[i];
    if (!SecretsOf(entry.version->function).values.empty()) {
      encoding.with_secrets.push_back(i);
      continue;
    }
    part.Clear();
    *part.add_upserts() = ToProto(entry);
    Append(part, bytes);
  }
  encoding.plain = grpc::Slice(bytes);
}

// Those that had secrets when the rest was encoded, with what they have now: a change of secrets is a catalog of its own.
std::shared_ptr<const grpc::Slice> PushEncoder::EncodeSecrets(const Update& update, Encoding& encoding) const {
  if (encoding.with_secrets.empty()) return nullptr;
  const std::lock_guard lock(encoding.mutex);
  if (auto known = encoding.secrets.lock()) return known;
  v1::Update part;
  std::string bytes;
  for (const size_t i : encoding.with_secrets) {
    const CatalogEntry& entry = update.upserts[i];
    part.Clear();
    *part.add_upserts() = ToProto(entry);
    AddSecretsToAll(SecretsOf(entry.version->function), *part.mutable_upserts(0));
    Append(part, bytes);
  }
  auto slice = std::make_shared<const grpc::Slice>(bytes);
  encoding.secrets = slice;
  return slice;
}

PushEncoder::Encoded PushEncoder::Encode(const Push& push) {
  if (const auto* activate = std::get_if<Activate>(&push)) {
    v1::ControllerMessage message;
    message.mutable_activate()->set_catalog_version(activate->catalog_version);
    message.mutable_activate()->set_nonce(activate->nonce);
    const grpc::Slice slice(message.SerializeAsString());
    return {grpc::ByteBuffer(&slice, 1), nullptr};
  }
  if (const auto* ask = std::get_if<AskJit>(&push)) {
    v1::ControllerMessage message;
    message.mutable_ask_jit()->set_id(ask->id);
    message.mutable_ask_jit()->set_function(ask->function);
    message.mutable_ask_jit()->set_watch_ns(ask->watch);
    const grpc::Slice slice(message.SerializeAsString());
    return {grpc::ByteBuffer(&slice, 1), nullptr};
  }
  const Prepare& prepare = std::get<Prepare>(push);
  const std::shared_ptr<Encoding> encoding = EncodingOf(prepare.update);
  std::call_once(encoding->once, [&] { EncodePlain(*prepare.update, *encoding); });
  auto secrets = EncodeSecrets(*prepare.update, *encoding);
  const std::string nonce = NonceField(prepare.nonce);
  const size_t bytes = encoding->plain.size() + nonce.size() + (secrets ? secrets->size() : 0);
  std::vector<grpc::Slice> slices{grpc::Slice(UpdateHeader(bytes)), encoding->plain, grpc::Slice(nonce)};
  if (secrets) slices.push_back(*secrets);
  return {grpc::ByteBuffer(slices.data(), slices.size()), std::move(secrets)};
}

}  // namespace zts::controller
