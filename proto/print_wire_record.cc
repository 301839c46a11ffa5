// Prints the wire record of this build; update_wire_record.sh puts it where the test looks.
#include <cstdio>

#include "proto/released_files.h"

int main() {
  std::printf("# What has been released: wire_record.h says how to read it, update_wire_record.sh writes it.\n%s",
              zts::proto::Print(zts::proto::RecordOfThisBuild()).c_str());
  return 0;
}
