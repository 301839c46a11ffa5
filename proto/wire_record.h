// What of the .proto files other builds and disks depend on, as lines of text, and whether a change keeps it.
//
//   message zts.v1.Hello                                   a message exists
//   field zts.v1.Hello 4 = string artifact_key             number, type, name
//   value zts.v1.UpdateResult.State 1 = PREPARED
//   method zts.v1.Sync.Stream = stream zts.v1.WorkerMessage -> stream zts.v1.ControllerMessage
//
// The record of what has been released is testdata/wire_record.txt; whatever it says must still be so. Additions are free.
//
// Thread:   pure functions.
#pragma once

#include <google/protobuf/descriptor.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace zts::proto {

// What stands left of " = ", and what stands right of it ("" where there is nothing to say).
using WireRecord = std::map<std::string, std::string>;

void AddFile(const google::protobuf::FileDescriptor& file, WireRecord& record);

std::string Print(const WireRecord& record);
// Lines that begin with '#' and empty ones are skipped.
WireRecord Parse(std::string_view text);

// One sentence for each thing of `released` that `current` breaks.
std::vector<std::string> Broken(const WireRecord& released, const WireRecord& current);

}  // namespace zts::proto
