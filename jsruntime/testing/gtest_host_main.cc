// main() of a GoogleTest suite that is an addon.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "base/layout.h"
#include "jsruntime/testing/test_host.h"

namespace zts::js {

Host& TestHost() {
  static const std::unique_ptr<Host> host = [] {
    auto path = FindInstalled("web.snapshot");
    auto started = path.ok() ? Host::Start({*path}) : Result<std::unique_ptr<Host>>(path.error());
    if (!started.ok()) {
      std::fprintf(stderr, "%s\n", started.error().message.c_str());
      std::abort();
    }
    return std::move(started).value();
  }();
  return *host;
}

namespace {

int RunTests(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

}  // namespace
}  // namespace zts::js

ZTS_HOST_MAIN(zts::js::RunTests);
