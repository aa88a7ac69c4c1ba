// What both ends of the stream set of gRPC. Included by .cc files of this folder only.
//
// Chosen: a ping after two silent seconds, and three for its answer, so that a cut cable is noticed in five;
// 64 MiB for one message, far above a part of a snapshot (1 MiB) and any delta that a call can make.
#pragma once

#include <grpcpp/grpcpp.h>

#include "base/result.h"

namespace enid::cluster {

inline constexpr int kPingMilliseconds = 2000;
inline constexpr int kPingAnswerMilliseconds = 3000;
inline constexpr int kMessageBytesMax = 64 << 20;

inline void set_stream_arguments(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kMessageBytesMax);
  builder.SetMaxSendMessageSize(kMessageBytesMax);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kPingMilliseconds);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingAnswerMilliseconds);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingMilliseconds / 2);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

inline void set_stream_arguments(grpc::ChannelArguments& arguments) {
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kPingMilliseconds);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingAnswerMilliseconds);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // The next attempt begins anew.
}

// How a refusal travels, and comes out again on the other side.
inline grpc::StatusCode status_code_of(const Error& error) {
  if (error.code == std::errc::permission_denied) return grpc::StatusCode::PERMISSION_DENIED;
  if (error.code == std::errc::device_or_resource_busy) return grpc::StatusCode::ALREADY_EXISTS;
  if (error.code == std::errc::connection_reset) return grpc::StatusCode::UNAVAILABLE;
  return grpc::StatusCode::FAILED_PRECONDITION;
}

}  // namespace enid::cluster
