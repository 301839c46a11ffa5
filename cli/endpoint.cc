#include "cli/endpoint.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"

namespace zts::cli {
namespace {

constexpr const char* kDefaultDataDirectory = ".zts";
constexpr size_t kTokenBytesMax = 4096;

std::string TrimmedLine(std::string text) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

bool IsLoopback(const std::string& address) {
  // Who connects to "all addresses" comes out on this machine.
  for (const char* here : {"127.", "localhost:", "[::1]", "0.0.0.0:", "[::]"}) {
    if (address.starts_with(here)) return true;
  }
  return false;
}

Result<Endpoint> FromEnvironment(const std::string& address, const GetEnv& env) {
  const std::optional<std::string> token = env("ZTS_TOKEN");
  if (!token || token->empty()) {
    return Error{ErrorCode::kDenied,
                 "ZTS_CONTROLLER is set (" + address + ") but ZTS_TOKEN is not: set it to the controller's token"};
  }
  Endpoint endpoint{address, TrimmedLine(*token), "", env("ZTS_CA").value_or("")};
  if (endpoint.ca_file.empty() && !IsLoopback(address) && env("ZTS_INSECURE").value_or("").empty()) {
    return Error{ErrorCode::kInvalid, "the controller at " + address +
                                          " is another machine, and the token would travel in plain text: set ZTS_CA to the "
                                          "PEM file that its certificate is signed by, or "
                                          "ZTS_INSECURE=1 where the network itself is trusted"};
  }
  return endpoint;
}

Result<Endpoint> FromDataDirectory(const std::string& folder) {
  const std::string path = folder + "/client.json";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return Unavailable("no zts has been started in " + folder + " (there is no client.json)");
  }
  ZTS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, size_t{1} << 20));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("controller") || !json["controller"].is_string() ||
      !json.contains("token_file") || !json["token_file"].is_string()) {
    return Error{ErrorCode::kCorrupt, path + " is not what ztsctl wrote; delete it and run 'ztsctl up' again"};
  }
  std::filesystem::path token_file = json["token_file"].get<std::string>();
  if (token_file.is_relative()) token_file = std::filesystem::path(folder) / token_file;
  ZTS_ASSIGN_OR_RETURN(const std::string token, ReadFile(token_file.string(), kTokenBytesMax));
  return Endpoint{json["controller"].get<std::string>(), TrimmedLine(token), folder, ""};
}

}  // namespace

std::string DataDirectory(const std::string& flag, const GetEnv& env) {
  std::string folder = flag;
  if (folder.empty()) folder = env("ZTS_DATA_DIR").value_or("");
  if (folder.empty()) folder = kDefaultDataDirectory;
  std::string absolute = std::filesystem::absolute(folder).lexically_normal().string();
  while (absolute.size() > 1 && absolute.back() == '/') absolute.pop_back();
  return absolute;
}

Result<Endpoint> FindController(const std::string& data_dir_flag, const GetEnv& env) {
  const std::optional<std::string> address = env("ZTS_CONTROLLER");
  if (data_dir_flag.empty() && address && !address->empty()) return FromEnvironment(*address, env);
  return FromDataDirectory(DataDirectory(data_dir_flag, env));
}

std::string UnreachableHint(const std::string& data_dir) {
  if (data_dir.empty()) {
    return "check ZTS_CONTROLLER and that the controller runs there; if it speaks TLS, ZTS_CA names what its certificate is signed by";
  }
  return "start it with 'ztsctl up --data-dir " + data_dir +
         "', or name another one with --data-dir, or ZTS_CONTROLLER and ZTS_TOKEN";
}

}  // namespace zts::cli
