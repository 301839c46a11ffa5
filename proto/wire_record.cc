#include "proto/wire_record.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>

namespace zts::proto {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

std::string TypeOf(const FieldDescriptor& field) {
  if (field.is_map()) {
    const Descriptor& entry = *field.message_type();
    return "map<" + TypeOf(*entry.map_key()) + ", " + TypeOf(*entry.map_value()) + ">";
  }
  std::string type = field.type_name();
  if (field.message_type() != nullptr) type = field.message_type()->full_name();
  if (field.enum_type() != nullptr) type = field.enum_type()->full_name();
  if (field.is_repeated()) type = "repeated " + type;
  // Moving a field into or out of a oneof changes what is set together with it.
  if (const auto* oneof = field.real_containing_oneof()) type = "oneof " + oneof->name() + " " + type;
  return type;
}

void AddEnum(const EnumDescriptor& type, WireRecord& record) {
  record["enum " + type.full_name()] = "";
  for (int i = 0; i < type.value_count(); ++i) {
    record["value " + type.full_name() + " " + std::to_string(type.value(i)->number())] = type.value(i)->name();
  }
}

void AddMessage(const Descriptor& message, WireRecord& record) {
  if (message.options().map_entry()) return;  // named by the map's field
  record["message " + message.full_name()] = "";
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    record["field " + message.full_name() + " " + std::to_string(field.number())] = TypeOf(field) + " " + field.name();
  }
  for (int i = 0; i < message.nested_type_count(); ++i) AddMessage(*message.nested_type(i), record);
  for (int i = 0; i < message.enum_type_count(); ++i) AddEnum(*message.enum_type(i), record);
}

std::string SideOf(const Descriptor& message, bool streamed) { return (streamed ? "stream " : "") + message.full_name(); }

void AddService(const ServiceDescriptor& service, WireRecord& record) {
  record["service " + service.full_name()] = "";
  for (int i = 0; i < service.method_count(); ++i) {
    const MethodDescriptor& method = *service.method(i);
    record["method " + method.full_name()] = SideOf(*method.input_type(), method.client_streaming()) + " -> " +
                                             SideOf(*method.output_type(), method.server_streaming());
  }
}

constexpr std::string_view kIs = " = ";

}  // namespace

void AddFile(const google::protobuf::FileDescriptor& file, WireRecord& record) {
  for (int i = 0; i < file.message_type_count(); ++i) AddMessage(*file.message_type(i), record);
  for (int i = 0; i < file.enum_type_count(); ++i) AddEnum(*file.enum_type(i), record);
  for (int i = 0; i < file.service_count(); ++i) AddService(*file.service(i), record);
}

std::string Print(const WireRecord& record) {
  std::string text;
  for (const auto& [thing, is] : record) text.append(thing).append(is.empty() ? "" : kIs).append(is).append("\n");
  return text;
}

WireRecord Parse(std::string_view text) {
  WireRecord record;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const size_t at = line.find(kIs);
    record[std::string(line.substr(0, at))] = at == std::string_view::npos ? "" : std::string(line.substr(at + kIs.size()));
  }
  return record;
}

std::vector<std::string> Broken(const WireRecord& released, const WireRecord& current) {
  std::vector<std::string> sentences;
  for (const auto& [thing, was] : released) {
    const auto found = current.find(thing);
    if (found == current.end()) {
      sentences.push_back(thing + (was.empty() ? "" : " (" + was + ")") + " is gone; builds and data that use it would break: keep it");
    } else if (found->second != was) {
      sentences.push_back(thing + " was '" + was + "' and is '" + found->second +
                          "'; old and new builds would not understand each other: add a new number instead");
    }
  }
  return sentences;
}

}  // namespace zts::proto
