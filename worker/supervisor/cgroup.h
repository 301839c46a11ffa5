// Where this process stands in the cgroup trees.
//
// Thread:   any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zts::supervisor {

// Folders with this controller's limits, of v2 and v1, from the process's own upwards: a limit of any of them holds. The controller's
// name is that of v1 ("cpu", "memory").
std::vector<std::string> CgroupFolders(std::string_view controller);

}  // namespace zts::supervisor
