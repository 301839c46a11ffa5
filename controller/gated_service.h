// A gRPC service whose calls read nothing from a peer before its token is known.
//
// gRPC hands a call with one request to its method once the whole request is there: a stranger who announces gibibytes has them kept, until
// the memory for all connections is used up and workers' streams are closed for it. Here such a call begins with its headers, as a stream
// does. One without a valid token is ended at that; of all others the request is read then, within kHelloTimeout.
//
// Owner:    the controller; the base of each of its services, whose constructor names every call with one request.
// Thread:   the server's own, one a call.
// Life:     authorizer and timer outlive the server.
// Errors:   UNAUTHENTICATED, as of Authorizer::Run; INVALID_ARGUMENT: the call ended, or waited too long, without its request.
#pragma once

#include <grpcpp/impl/codegen/method_handler.h>
#include <grpcpp/support/sync_stream.h>

#include <string>

#include "base/check.h"
#include "controller/authorizer.h"
#include "controller/call_timer.h"
#include "controller/limits.h"

namespace zts::controller {

// What an answer of many messages is written to.
template <typename Message>
class Writer {
 public:
  // False: nobody takes it any more.
  virtual bool Write(const Message& message) = 0;
  // Tells the peer that its call was taken, before there is anything to say.
  virtual void SendInitialMetadata() = 0;

 protected:
  ~Writer() = default;
};

template <typename Generated>
class GatedService : public Generated {
 protected:
  GatedService(Authorizer& authorizer, CallTimer& timer) : authorizer_(authorizer), timer_(timer) {}

  // A call with one answer.
  template <typename Self, typename Request, typename Response>
  void Gate(Call call, grpc::Status (Self::*method)(grpc::ServerContext*, const Request*, Response*)) {
    auto run = [this, call, method](grpc::ServerContext* context, grpc::ServerUnaryStreamer<Request, Response>* stream) {
      Request request;
      if (grpc::Status read = Read(*context, call, *stream, request); !read.ok()) return read;
      Response response;
      grpc::Status status = (static_cast<Self*>(this)->*method)(context, &request, &response);
      if (status.ok()) stream->Write(response);
      return status;
    };
    this->MarkMethodStreamed(IndexOf<Request>(call), new grpc::internal::StreamedUnaryHandler<Request, Response>(run));
  }

  // A call with many.
  template <typename Self, typename Request, typename Response>
  void GateStream(Call call, grpc::Status (Self::*method)(grpc::ServerContext*, const Request*, Writer<Response>*)) {
    auto run = [this, call, method](grpc::ServerContext* context, grpc::ServerSplitStreamer<Request, Response>* stream) {
      Request request;
      if (grpc::Status read = Read(*context, call, *stream, request); !read.ok()) return read;
      StreamWriter<Request, Response> writer(*stream);
      return (static_cast<Self*>(this)->*method)(context, &request, &writer);
    };
    this->MarkMethodStreamed(IndexOf<Request>(call), new grpc::internal::SplitServerStreamingHandler<Request, Response>(run));
  }

 private:
  template <typename Request, typename Response>
  class StreamWriter final : public Writer<Response> {
   public:
    explicit StreamWriter(grpc::ServerSplitStreamer<Request, Response>& stream) : stream_(stream) {}
    bool Write(const Response& message) override { return stream_.Write(message); }
    void SendInitialMetadata() override { stream_.SendInitialMetadata(); }

   private:
    grpc::ServerSplitStreamer<Request, Response>& stream_;
  };

  template <typename Request>
  static int IndexOf(Call call) {
    const auto* method = Request::descriptor()->file()->service(0)->FindMethodByName(std::string(tenancy::RuleOf(call).method));
    ZTS_CHECK(method != nullptr && method->input_type() == Request::descriptor());
    return method->index();
  }

  template <typename Stream, typename Request>
  grpc::Status Read(grpc::ServerContext& context, Call call, Stream& stream, Request& request) {
    if (grpc::Status known = authorizer_.CheckToken(context, call); !known.ok()) return known;
    const CallTimer::Wait wait(timer_, kHelloTimeout, [&context] { context.TryCancel(); });
    if (stream.Read(&request)) return grpc::Status::OK;
    return {grpc::StatusCode::INVALID_ARGUMENT, "the call ended without its request"};
  }

  Authorizer& authorizer_;
  CallTimer& timer_;
};

}  // namespace zts::controller
