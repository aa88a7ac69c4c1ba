// Stories of handlers, for tests: typed calls on one Region in memory, without the wire, the
// store or a card.
//
//   A refused call is taken back, as the control plane does it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "api/ec2/operations.h"
#include "api/generated/ec2_shapes.h"
#include "api/generated/ec2_types.h"
#include "control/bootstrap.h"
#include "control/transaction.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {

class HandlerStory : public ::testing::Test {
 protected:
  // The Region has its default VPC.
  HandlerStory() {
    add_operations(table_);
    change([](control::Transaction& transaction) { control::make_default_network(transaction); });
  }

  template <class Operation>
  Result<typename Operation::Result> call(const typename Operation::Request& request) {
    control::Transaction transaction(region_, kAccount, kNow, random_);
    CallContext context{.transaction = transaction,
                        .region = region_.name(),
                        .account_id = kAccount,
                        .access_key_id = "AKIAEXAMPLE",
                        .request_id = "request",
                        .now = kNow,
                        .random = random_,
                        .strict_images = strict_images_};
    const OperationTable::Entry* entry = table_.find(Operation::kName);
    if (entry == nullptr) return vpc::ec2_failure("InvalidAction", std::string(Operation::kName));
    auto result = reinterpret_cast<Handler<Operation>>(entry->handler)(context, request);
    if (result) {
      EXPECT_TRUE(entry->kind == OperationKind::kChange || !transaction.changed()) << Operation::kName;
      transaction.commit();
    }
    return result;
  }

  // "" when the call is done, or the code that refuses it.
  template <class Operation>
  std::string code_of(const typename Operation::Request& request) {
    const auto result = call<Operation>(request);
    return result ? "" : vpc::ec2_code(result.error());
  }
  template <class Operation>
  std::string message_of(const typename Operation::Request& request) {
    const auto result = call<Operation>(request);
    return result ? "" : result.error().message;
  }

  // A change that no call makes.
  template <class Change>
  void change(Change&& change) {
    control::Transaction transaction(region_, kAccount, kNow, random_);
    change(transaction);
    transaction.commit();
  }

  std::string make_vpc(const std::string& cidr_block = "10.0.0.0/16") {
    return *call<operations::CreateVpc>({.cidr_block = cidr_block}).value().vpc->vpc_id;
  }
  std::string make_subnet(const std::string& vpc, const std::string& cidr_block) {
    CreateSubnetRequest request;
    request.cidr_block = cidr_block;
    request.vpc_id = vpc;
    return *call<operations::CreateSubnet>(request).value().subnet->subnet_id;
  }
  static Filter filter(std::string name, std::vector<std::string> values) {
    return Filter{.name = std::move(name), .values = std::move(values)};
  }

  static constexpr const char* kAccount = "123456789012";
  static constexpr WallTime kNow{1'700'000'000'000};

  bool strict_images_ = false;
  Random random_{1};
  std::shared_ptr<control::SharedByRegions> shared_ = control::SharedByRegions::with_local_host();
  control::RegionModel region_{"us-east-1", shared_};

 private:
  OperationTable table_{service_shape()};
};

}  // namespace enid::api::ec2
