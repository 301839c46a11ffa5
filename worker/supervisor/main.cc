// zts-worker: the one process a machine needs to serve functions. See worker/README.md.
#include <iostream>

#include "base/log.h"
#include "worker/supervisor/options.h"
#include "worker/supervisor/worker.h"

int main(int argc, char** argv) {
  zts::SetLogProcess("worker");
  auto options = zts::supervisor::ParseOptions(argc, argv);
  if (const int* exit_code = std::get_if<int>(&options)) return *exit_code;
  auto worker = zts::supervisor::Worker::Create(std::get<zts::supervisor::WorkerOptions>(options));
  if (!worker.ok()) {
    std::cerr << "zts-worker: " << worker.error().message << "\n";
    return 1;
  }
  return (*worker)->Run();
}
