// Every call of every service with every role, over gRPC on the whole controller.
#include "controller/authorizer.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "controller/controller.h"
#include "controller/store/testing/scratch_folder.h"
#include "controller/testing/fake_compiler.h"
#include "zts/v1/admin.grpc.pb.h"
#include "zts/v1/deploy.grpc.pb.h"
#include "zts/v1/stats.grpc.pb.h"
#include "zts/v1/sync.grpc.pb.h"
#include "zts/v1/versions.grpc.pb.h"

namespace zts::controller {
namespace {

using tenancy::Role;

// "/zts.v1.Deploy/ListFunctions" and so on: one for each rule.
std::map<Call, std::string> Methods() {
  std::map<std::string, std::string> paths;
  for (const auto* service : {v1::DeployStart::descriptor()->file()->service(0), v1::Hello::descriptor()->file()->service(0),
                              v1::Token::descriptor()->file()->service(0), v1::GetStatsRequest::descriptor()->file()->service(0),
                              v1::Change::descriptor()->file()->service(0)}) {
    for (int i = 0; i < service->method_count(); ++i) {
      paths[service->method(i)->name()] = "/" + service->full_name() + "/" + service->method(i)->name();
    }
  }
  std::map<Call, std::string> methods;
  for (size_t i = 0; i < static_cast<size_t>(Call::kCount); ++i) {
    const Call call = static_cast<Call>(i);
    methods[call] = paths.at(std::string(tenancy::RuleOf(call).method));
  }
  return methods;
}

class AuthorizerTest : public testing::Test {
 protected:
  void SetUp() override {
    Controller::Options options;
    options.data_dir = folder_.path() + "/data";
    options.listen = "127.0.0.1:0";
    options.admin = "127.0.0.1:0";
    options.token_file = folder_.path() + "/token";
    options.secret_key_file = folder_.path() + "/secret-key";
    options.compiler = std::make_unique<FakeCompiler>();
    auto started = Controller::Start(std::move(options));
    ASSERT_TRUE(started.ok()) << started.error().message;
    controller_ = *std::move(started);
    first_ = *ReadFile(folder_.path() + "/token");
    first_.pop_back();
    channel_ = grpc::CreateChannel(controller_->rpc_address(), grpc::InsecureChannelCredentials());
    admin_ = v1::Admin::NewStub(channel_);
    deploy_ = v1::Deploy::NewStub(channel_);
  }

  static std::unique_ptr<grpc::ClientContext> With(const std::string& token) {
    auto context = std::make_unique<grpc::ClientContext>();
    if (!token.empty()) context->AddMetadata("authorization", "Bearer " + token);
    return context;
  }

  v1::CreateTokenResponse Create(const std::string& role, const std::vector<std::string>& scopes = {}) {
    v1::CreateTokenRequest request;
    request.set_role(role);
    for (const std::string& scope : scopes) request.add_scopes(scope);
    v1::CreateTokenResponse response;
    const grpc::Status status = admin_->CreateToken(With(first_).get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  // One message without content, then the end: what is let in is refused for what it lacks, or has nothing to do.
  grpc::Status Ask(const std::string& method, const std::string& token) {
    grpc::GenericStub stub(channel_);
    grpc::CompletionQueue queue;
    const auto context = With(token);
    void* tag = nullptr;
    bool ok = false;
    auto call = stub.PrepareCall(context.get(), method, &queue);
    call->StartCall(nullptr);
    queue.Next(&tag, &ok);
    grpc::ByteBuffer nothing;
    // Logs of a name that is none: of all of them it would never end.
    const grpc::Slice slice(method.ends_with("/TailLogs") ? "\x0a\x01?" : "");
    const grpc::ByteBuffer message(&slice, 1);
    call->WriteLast(message, {}, nullptr);
    queue.Next(&tag, &ok);
    do {
      call->Read(&nothing, nullptr);
      queue.Next(&tag, &ok);
    } while (ok);
    grpc::Status status;
    call->Finish(&status, nullptr);
    queue.Next(&tag, &ok);
    queue.Shutdown();
    return status;
  }

  grpc::Status List(const std::string& token) {
    v1::ListFunctionsResponse response;
    return deploy_->ListFunctions(With(token).get(), {}, &response);
  }

  std::vector<v1::AuditEvent> Audit() {
    const auto context = With(first_);
    auto reader = admin_->ListAudit(context.get(), {});
    std::vector<v1::AuditEvent> events;
    for (v1::AuditEvent event; reader->Read(&event);) events.push_back(event);
    EXPECT_TRUE(reader->Finish().ok());
    return events;
  }

  store::ScratchFolder folder_;
  std::unique_ptr<Controller> controller_;
  std::string first_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Admin::Stub> admin_;
  std::unique_ptr<v1::Deploy::Stub> deploy_;
};

TEST_F(AuthorizerTest, EveryCallWithEveryRole) {
  for (const Role role : tenancy::kRoles) {
    const std::string token = Create(std::string(tenancy::RoleName(role))).secret();
    for (const auto& [call, method] : Methods()) {
      const grpc::Status status = Ask(method, token);
      const bool refused = status.error_code() == grpc::StatusCode::PERMISSION_DENIED;
      EXPECT_NE(status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << method;
      EXPECT_EQ(refused, !tenancy::MayCall(role, call)) << method << " " << tenancy::RoleName(role) << ": " << status.error_message();
    }
  }
}

TEST_F(AuthorizerTest, WithoutAValidTokenEveryCallSaysTheSame) {
  const auto revoked = Create("admin");
  v1::RevokeTokenRequest revoke;
  revoke.set_id(revoked.token().id());
  v1::RevokeTokenResponse done;
  ASSERT_TRUE(admin_->RevokeToken(With(first_).get(), revoke, &done).ok());
  const std::string said = List("").error_message();
  for (const auto& [call, method] : Methods()) {
    for (const std::string& token : {std::string(), std::string("wrong"), first_ + "x", revoked.secret()}) {
      const grpc::Status status = Ask(method, token);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << method;
      EXPECT_EQ(status.error_message(), said) << method;
    }
  }
}

TEST_F(AuthorizerTest, ScopesHideWhatIsOutOfReach) {
  const std::string token = Create("deployer", {"default/mine-*"}).secret();
  v1::ListVersionsRequest request;
  v1::ListVersionsResponse response;
  request.set_function("others");
  const grpc::Status out = deploy_->ListVersions(With(token).get(), request, &response);
  EXPECT_EQ(out.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  request.set_function("mine-not-there");
  EXPECT_EQ(deploy_->ListVersions(With(token).get(), request, &response).error_code(), grpc::StatusCode::NOT_FOUND);
  const auto context = With(token);
  auto stream = deploy_->DeployFunction(context.get());
  v1::DeployRequest start;
  start.mutable_start()->set_function("others");
  stream->Write(start);
  v1::DeployEvent event;
  EXPECT_FALSE(stream->Read(&event));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(AuthorizerTest, RevokingEndsWhatIsOpen) {
  const auto token = Create("viewer");
  const auto context = With(token.secret());
  auto tail = deploy_->TailLogs(context.get(), {});
  tail->WaitForInitialMetadata();
  v1::RevokeTokenRequest revoke;
  revoke.set_id(token.token().id());
  v1::RevokeTokenResponse done;
  ASSERT_TRUE(admin_->RevokeToken(With(first_).get(), revoke, &done).ok());
  v1::TailLogsEvent event;
  EXPECT_FALSE(tail->Read(&event));
  EXPECT_FALSE(tail->Finish().ok());
  EXPECT_EQ(List(token.secret()).error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(AuthorizerTest, ChangesAndRefusalsAreInTheAuditTrail) {
  const auto viewer = Create("viewer");
  v1::DeleteFunctionRequest remove;
  remove.set_function("secret-project");
  v1::DeleteFunctionResponse removed;
  EXPECT_FALSE(deploy_->DeleteFunction(With(viewer.secret()).get(), remove, &removed).ok());
  EXPECT_FALSE(deploy_->DeleteFunction(With(first_).get(), remove, &removed).ok());
  EXPECT_FALSE(deploy_->DeleteFunction(With("wrong").get(), remove, &removed).ok());
  EXPECT_TRUE(List(viewer.secret()).ok()) << "reading is not recorded";
  const auto events = Audit();
  ASSERT_EQ(events.size(), 4u);
  const auto line = [&](size_t i) {
    return events[i].actor() + "|" + events[i].action() + "|" + events[i].target() + "|" + events[i].result();
  };
  const std::string viewer_name = "token " + viewer.token().id();
  EXPECT_EQ(line(0), "the first token|token create|" + viewer_name + "|ok");
  EXPECT_EQ(line(1), viewer_name + "|delete|secret-project|denied");
  EXPECT_EQ(line(2), "the first token|delete|secret-project|not_found");
  EXPECT_EQ(line(3), "nobody|delete||denied");
  for (const auto& event : events) {
    EXPECT_EQ(event.peer().rfind("ipv4:127.0.0.1", 0), 0u) << event.peer();
    EXPECT_EQ(event.DebugString().find(viewer.secret()), std::string::npos);
  }
}

}  // namespace
}  // namespace zts::controller
