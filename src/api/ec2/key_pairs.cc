// Key pairs.
#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/ids.h"
#include "api/ec2/key_material.h"
#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/generated/ec2_types.h"
#include "api/tag_specifications.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {
namespace {

using control::KeyPairRecord;
using vpc::ec2_failure;

constexpr std::size_t kNameLengthMax =
    255;  // Documented: CreateKeyPair, KeyName: up to 255 ASCII characters.

Result<KeyPairRecord> new_record(CallContext& context, const std::string& name, const PublicKey& key,
                                 const std::vector<TagSpecification>& tags) {
  if (name.empty() || name.size() > kNameLengthMax)
    return ec2_failure("InvalidParameterValue", "The key name must have 1 to 255 characters.");
  // It becomes part of a line of authorized_keys.
  if (!std::ranges::all_of(name, [](char c) { return c >= ' ' && c <= '~'; }))
    return ec2_failure("InvalidParameterValue", "The key name must consist of printable ASCII characters.");
  if (context.transaction.region().key_pair_named(name) != nullptr)
    return ec2_failure("InvalidKeyPair.Duplicate", fmt::format("The keypair '{}' already exists.", name));
  KeyPairRecord record;
  record.id = context.transaction.make_id<KeyPairId>();
  record.name = name;
  record.type = key.type;
  record.fingerprint = key.fingerprint;
  record.public_key = key.text + " " + name;
  record.create_time = context.now;
  record.tags = TRY(tags_for("key-pair", tags));
  return record;
}

Result<KeyPair> create_key_pair(CallContext& context, const CreateKeyPairRequest& request) {
  if (request.key_format.value_or("pem") != "pem")
    return ec2_failure("UnsupportedOperation", "Private keys are given in the pem format only.");
  const NewKey key = TRY(make_key(request.key_type.value_or("rsa")));
  KeyPairRecord record =
      TRY(new_record(context, *request.key_name, key.public_key, request.tag_specifications));
  KeyPair shape;
  shape.key_pair_id = record.id.text();
  shape.key_name = record.name;
  shape.key_fingerprint = record.fingerprint;
  shape.key_material = key.private_pem;
  shape.tags = to_tag_list(record.tags);
  context.transaction.put(std::move(record));
  return shape;
}

Result<ImportKeyPairResult> import_key_pair(CallContext& context, const ImportKeyPairRequest& request) {
  const PublicKey key = TRY(read_public_key(*request.public_key_material));
  KeyPairRecord record = TRY(new_record(context, *request.key_name, key, request.tag_specifications));
  ImportKeyPairResult result;
  result.key_pair_id = record.id.text();
  result.key_name = record.name;
  result.key_fingerprint = record.fingerprint;
  result.tags = to_tag_list(record.tags);
  context.transaction.put(std::move(record));
  return result;
}

Result<DeleteKeyPairResult> delete_key_pair(CallContext& context, const DeleteKeyPairRequest& request) {
  if (!request.key_name && !request.key_pair_id)
    return ec2_failure("MissingParameter", "The request must contain either keyName or keyPairId");
  const KeyPairRecord* record = nullptr;
  if (request.key_pair_id)
    record = context.transaction.find<KeyPairRecord>(TRY(parse_id<KeyPairId>(*request.key_pair_id)));
  if (request.key_name) record = context.transaction.region().key_pair_named(*request.key_name);
  DeleteKeyPairResult result;
  result.return_ = true;
  // Observed: deleting what is not there succeeds.
  if (record == nullptr) return result;
  const KeyPairId id = record->id;
  result.key_pair_id = id.text();
  context.transaction.erase<KeyPairRecord>(id);
  return result;
}

KeyPairInfo describe(const KeyPairRecord& record, bool with_public_key) {
  KeyPairInfo shape;
  shape.key_pair_id = record.id.text();
  shape.key_name = record.name;
  shape.key_type = record.type;
  shape.key_fingerprint = record.fingerprint;
  shape.create_time = record.create_time;
  shape.tags = to_tag_list(record.tags);
  if (with_public_key) shape.public_key = record.public_key;
  return shape;
}

Result<DescribeKeyPairsResult> describe_key_pairs(CallContext& context,
                                                  const DescribeKeyPairsRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeKeyPairs", request.filters));
  DescribeKeyPairsResult result;
  const auto consider = [&](const KeyPairRecord& record) {
    const auto values = [&](std::string_view name, FilterValues& to) {
      if (name == "fingerprint") to.add(record.fingerprint);
      if (name == "key-name") to.add(record.name);
      if (name == "key-pair-id") to.add(record.id.text());
    };
    if (filters.match(values, record.tags))
      result.key_pairs.push_back(describe(record, request.include_public_key.value_or(false)));
  };
  for (const std::string& name : request.key_names) {
    const KeyPairRecord* record = context.transaction.region().key_pair_named(name);
    if (record == nullptr)
      return ec2_failure("InvalidKeyPair.NotFound", fmt::format("The key pair '{}' does not exist", name));
    consider(*record);
  }
  if (request.key_names.empty() || !request.key_pair_ids.empty())
    TRY(for_each_record<KeyPairRecord>(context.transaction, request.key_pair_ids, consider));
  return result;
}

}  // namespace

void add_key_pair_operations(OperationTable& table) {
  table.add<operations::CreateKeyPair>(create_key_pair, OperationKind::kChange);
  table.add<operations::ImportKeyPair>(import_key_pair, OperationKind::kChange);
  table.add<operations::DeleteKeyPair>(delete_key_pair, OperationKind::kChange);
  table.add<operations::DescribeKeyPairs>(describe_key_pairs, OperationKind::kRead);
}

}  // namespace enid::api::ec2
