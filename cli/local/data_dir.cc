#include "cli/local/data_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/sha256.h"
#include "base/utf8.h"

namespace zts::cli {
namespace {

constexpr size_t kTailBytes = 64 * 1024;

Result<nlohmann::json> ReadJson(const std::string& path) {
  ZTS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, size_t{1} << 20));
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return Error{ErrorCode::kCorrupt, path + " is not a JSON object"};
  return json;
}

std::string TextOf(const nlohmann::json& json, const char* field) {
  const auto value = json.find(field);
  return value != json.end() && value->is_string() ? value->get<std::string>() : "";
}

ProcessId ProcessOf(const nlohmann::json& json, const char* field) {
  const auto value = json.find(field);
  if (value == json.end() || !value->is_object()) return {};
  const auto pid = value->find("pid");
  const auto start = value->find("start_time");
  if (pid == value->end() || start == value->end() || !pid->is_number_integer() || !start->is_number_integer())
    return {};
  return {pid->get<pid_t>(), start->get<uint64_t>()};
}

nlohmann::json JsonOf(const ProcessId& process) { return {{"pid", process.pid}, {"start_time", process.start_time}}; }

}  // namespace

Status DataDir::Create() const {
  // It is written into JSON files, which other processes find it by.
  if (Status text = ValidateUtf8(root_); !text.ok()) {
    return std::move(text).error().Under("the path of the data directory must be UTF-8 text; choose another for --data-dir");
  }
  for (const char* part : {"", "/run", "/log", "/controller", "/worker"}) {
    ZTS_RETURN_IF_ERROR(MakeDirectories(root_ + part, 0700));
  }
  return {};
}

Status DataDir::EnsureToken() const {
  std::error_code ignored;
  if (std::filesystem::exists(token_file(), ignored)) return {};
  Digest random;
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
    return Error::FromErrno("getrandom");
  return WriteFileAtomically(token_file(), ToHex(random) + "\n", 0600);
}

Result<UniqueFd> DataDir::Lock() const {
  const std::string path = root_ + "/run/up.lock";
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return Error::FromErrno("open " + path);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK) return Error{ErrorCode::kExists, "zts is already up in " + root_};
  return Error::FromErrno("lock " + path);
}

Result<std::optional<Addresses>> DataDir::ReadAddresses() const {
  std::error_code ignored;
  if (!std::filesystem::exists(root_ + "/client.json", ignored)) return std::optional<Addresses>();
  ZTS_ASSIGN_OR_RETURN(const nlohmann::json json, ReadJson(root_ + "/client.json"));
  return std::optional(Addresses{TextOf(json, "controller"), TextOf(json, "controller_admin"), TextOf(json, "http"),
                                 TextOf(json, "worker_admin")});
}

Status DataDir::WriteAddresses(const Addresses& addresses) const {
  const nlohmann::json json = {{"controller", addresses.controller},
                               {"token_file", token_file()},
                               {"controller_admin", addresses.controller_admin},
                               {"http", addresses.http},
                               {"worker_admin", addresses.worker_admin}};
  return WriteFileAtomically(root_ + "/client.json", json.dump(2) + "\n", 0600);
}

std::optional<Running> DataDir::ReadRunning() const {
  const Result<nlohmann::json> json = ReadJson(root_ + "/run/up.pid");
  if (!json.ok()) return std::nullopt;
  return Running{ProcessOf(*json, "monitor"), ProcessOf(*json, "controller"), ProcessOf(*json, "worker")};
}

Status DataDir::WriteRunning(const Running& running) const {
  const nlohmann::json json = {{"monitor", JsonOf(running.monitor)},
                               {"controller", JsonOf(running.controller)},
                               {"worker", JsonOf(running.worker)}};
  return WriteFileAtomically(root_ + "/run/up.pid", json.dump(2) + "\n", 0600);
}

void DataDir::RemoveRunning() const { ::unlink((root_ + "/run/up.pid").c_str()); }

std::optional<Reloaded> DataDir::ReadReload() const {
  const Result<nlohmann::json> json = ReadJson(root_ + "/run/reload.json");
  if (!json.ok()) return std::nullopt;
  return Reloaded{json->value("ok", false), TextOf(*json, "message"), json->value("before", pid_t{0}), json->value("worker", pid_t{0}),
                  json->value("milliseconds", int64_t{0})};
}

Status DataDir::WriteReload(const Reloaded& reloaded) const {
  const nlohmann::json json = {{"ok", reloaded.ok},
                               {"message", reloaded.message},
                               {"before", reloaded.before},
                               {"worker", reloaded.worker},
                               {"milliseconds", reloaded.milliseconds}};
  return WriteFileAtomically(root_ + "/run/reload.json", json.dump(2) + "\n", 0600);
}

void DataDir::RemoveReload() const { ::unlink((root_ + "/run/reload.json").c_str()); }

std::string TailOf(const std::string& path, size_t lines_max) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return "";
  const auto size = static_cast<size_t>(file.tellg());
  const size_t from = size > kTailBytes ? size - kTailBytes : 0;
  file.seekg(static_cast<std::streamoff>(from));
  std::string text(size - from, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  size_t start = text.size();
  for (size_t lines = 0; lines < lines_max && start != std::string::npos && start > 0; ++lines) {
    start = text.rfind('\n', start - 1);
  }
  if (start != std::string::npos && start > 0) text.erase(0, start + 1);
  return text;
}

}  // namespace zts::cli
