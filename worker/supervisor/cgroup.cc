#include "worker/supervisor/cgroup.h"

#include <algorithm>

#include "base/file.h"

namespace zts::supervisor {

// "0::/a/b" is this process's place in the v2 tree, "4:cpu,cpuacct:/a/b" in the v1 tree of these controllers.
std::vector<std::string> CgroupFolders(std::string_view controller) {
  std::vector<std::string> folders;
  auto text = ReadFile("/proc/self/cgroup", 64 * 1024);
  if (!text.ok()) return folders;
  const std::string wanted = "," + std::string(controller) + ",";
  for (size_t at = 0; at < text->size();) {
    const size_t end = std::min(text->find('\n', at), text->size());
    const std::string line = text->substr(at, end - at);
    at = end + 1;
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool v2 = controllers == ",,";
    if (!v2 && controllers.find(wanted) == std::string::npos) continue;
    std::string path = line.substr(second + 1);
    const std::string root = v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/" + std::string(controller);
    for (; path.size() > 1; path.resize(path.rfind('/'))) folders.push_back(root + path);
    folders.push_back(root);
  }
  return folders;
}

}  // namespace zts::supervisor
