#include "proto/released_files.h"

#include "controller/store/records.pb.h"
#include "controller/tenancy/records.pb.h"
#include "zts/v1/admin.pb.h"
#include "zts/v1/deploy.pb.h"
#include "zts/v1/stats.pb.h"
#include "zts/v1/sync.pb.h"
#include "zts/v1/types.pb.h"
#include "zts/v1/versions.pb.h"

namespace zts::proto {

WireRecord RecordOfThisBuild() {
  WireRecord record;
  AddFile(*v1::FunctionVersion::descriptor()->file(), record);
  AddFile(*v1::DeployRequest::descriptor()->file(), record);
  AddFile(*v1::RollbackRequest::descriptor()->file(), record);
  AddFile(*v1::Token::descriptor()->file(), record);
  AddFile(*v1::WorkerMessage::descriptor()->file(), record);
  AddFile(*v1::WorkerStats::descriptor()->file(), record);
  AddFile(*store::record::Counters::descriptor()->file(), record);
  AddFile(*tenancy::record::Token::descriptor()->file(), record);
  return record;
}

}  // namespace zts::proto
