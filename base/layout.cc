#include "base/layout.h"

#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "base/file.h"

namespace zts {

Result<std::string> FindInstalled(std::string_view name) {
  ZTS_ASSIGN_OR_RETURN(const std::string here, ExecutableDirectory());
  std::vector<std::string> places;
  if (const char* libexec = std::getenv("ZTS_LIBEXEC")) places.push_back(libexec);
  places.push_back(here);
  for (const char* beside : {"libexec/zts", "cli", "controller", "worker", "worker/engine", "jsruntime"}) {
    places.push_back(here + "/../" + beside);
  }
  std::string looked;
  for (const std::string& place : places) {
    const std::string path = place + "/" + std::string(name);
    if (::access(path.c_str(), R_OK) == 0) return path;
    looked += (looked.empty() ? "" : ", ") + place;
  }
  return NotFound(std::string(name) + " is missing; looked in " + looked + ". Build it (make build) or set ZTS_LIBEXEC");
}

}  // namespace zts
