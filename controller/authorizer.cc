#include "controller/authorizer.h"

#include <string_view>

#include "base/bytes.h"
#include "controller/token.h"

namespace zts::controller {

grpc::Status Authorizer::Check(const grpc::ServerContext& context) const {
  constexpr std::string_view kScheme = "bearer ";
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find("authorization");
  if (found == metadata.end()) {
    return {grpc::StatusCode::UNAUTHENTICATED, "no token; give the one in the controller's token file (--token-file)"};
  }
  const std::string_view value(found->second.data(), found->second.size());
  const bool bearer = value.size() > kScheme.size() && EqualsIgnoreCase(value.substr(0, kScheme.size()), kScheme);
  if (!bearer || !TokensEqual(value.substr(kScheme.size()), token_)) {
    return {grpc::StatusCode::UNAUTHENTICATED, "wrong token; give the one in this controller's token file (--token-file)"};
  }
  return grpc::Status::OK;
}

}  // namespace zts::controller
