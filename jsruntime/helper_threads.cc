#include "jsruntime/helper_threads.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "base/bytes.h"

namespace zts::js {
namespace {

// As node names them, cut to the kernel's 15 characters.
constexpr char kName[] = "node-V8Worker";

}  // namespace

std::vector<pid_t> FindHelperThreads() {
  std::vector<pid_t> threads;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", error)) {
    const auto thread = ParseInteger<pid_t>(entry.path().filename().native());
    std::string name;
    if (thread && std::getline(std::ifstream(entry.path() / "comm"), name) && name == kName) threads.push_back(*thread);
  }
  return threads;
}

}  // namespace zts::js
