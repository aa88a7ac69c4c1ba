// Ids of resources in requests: text becomes a typed id, or the refusal EC2 gives for that kind.
//
//     const VpcId id = TRY(parse_id<VpcId>(*request.vpc_id));
//     const control::VpcRecord& vpc = *TRY(find_record<control::VpcRecord>(context.transaction, id));
//
// Documented: EC2 API Reference, "Error codes". Chosen: kinds for which it lists no code for
// malformed ids (VPCs, subnets) are refused as not found.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/resource_id.h"
#include "base/result.h"
#include "control/transaction.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {

// How EC2 speaks of the ids of one kind.
struct IdWords {
  std::string_view malformed_code;  // Empty: a malformed id is one that does not exist.
  std::string_view not_found_code;
  std::string_view not_found_message;  // "The vpc ID '{}' does not exist"
};

// Of the kind with that prefix ("vpc"), also of kinds that cannot be made yet. Null: no such kind.
const IdWords* id_words(std::string_view prefix);

// The prefix of base/resource_id.h's kinds, or another that id_words() knows.
Error malformed_id(std::string_view prefix, std::string_view text);
Error id_not_found(std::string_view prefix, std::string_view text);

template <class Id>
struct IdPrefix;
template <class Kind>
struct IdPrefix<ResourceId<Kind>> {
  static constexpr std::string_view kText = Kind::kPrefix;
};

template <class Id>
Result<Id> parse_id(const std::string& text) {
  if (const std::optional<Id> id = Id::parse(text)) return *id;
  return std::unexpected(malformed_id(IdPrefix<Id>::kText, text));
}

// An absent parameter is an id of no resource.
template <class Id>
Result<Id> parse_id(const std::optional<std::string>& text) {
  return parse_id<Id>(text.value_or(""));
}

template <class Record>
Result<const Record*> find_record(const control::Transaction& transaction, const typename Record::Id& id) {
  if (const Record* record = transaction.find<Record>(id)) return record;
  return std::unexpected(id_not_found(IdPrefix<typename Record::Id>::kText, id.text()));
}

// The records that a Describe call is about: those it names, or all.
template <class Record, class Consider>
Result<void> for_each_record(const control::Transaction& transaction, const std::vector<std::string>& texts,
                             Consider&& consider) {
  std::set<typename Record::Id> ids;
  for (const std::string& text : texts) ids.insert(TRY(parse_id<typename Record::Id>(text)));
  for (const auto& id : ids) consider(*TRY(find_record<Record>(transaction, id)));
  if (texts.empty())
    for (const auto& [id, record] : transaction.table<Record>()) consider(record);
  return {};
}

}  // namespace enid::api::ec2
