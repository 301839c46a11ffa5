#include "bench/fleet/mute_streams.h"

namespace zts::bench {

MuteStreams::MuteStreams(const std::string& controller, const std::string& token, int count) {
  grpc::ChannelArguments arguments;
  // A connection each, as workers have.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  for (int i = 0; i < count; ++i) {
    auto one = std::make_unique<One>();
    one->stub = v1::Sync::NewStub(grpc::CreateCustomChannel(controller, grpc::InsecureChannelCredentials(), arguments));
    one->context.AddMetadata("authorization", "Bearer " + token);
    one->stream = one->stub->Stream(&one->context);
    v1::WorkerMessage message;
    message.mutable_hello()->set_worker("mute" + std::to_string(i));
    one->stream->Write(message);
    one->stream->WaitForInitialMetadata();
    streams_.push_back(std::move(one));
  }
}

MuteStreams::~MuteStreams() {
  for (auto& one : streams_) one->context.TryCancel();
  for (auto& one : streams_) one->stream->Finish();
}

}  // namespace zts::bench
