// Tags of any resource, found by the text of its id.
//
// Theory of operation
//   A resource that has tags is a record, or lies within one: a rule in its security group, the
//   root volume in its instance. tags.cc holds the list of them; here they look alike.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "control/transaction.h"

namespace enid::control {

struct TaggedResource {
  std::string_view type;  // "network-interface": EC2's name of the kind.
  const std::string& id;
  const Tags& tags;
};

// Every resource that may have tags.
void for_each_tagged(const RegionModel& region, const std::function<void(const TaggedResource&)>& visit);

// Documented: EC2 User Guide, "Tag your Amazon EC2 resources": the prefix "aws:" is the system's own. In
// letters of any size.
bool is_reserved_tag_key(std::string_view key);
// The caller's tags and, where there are several hosts, enid's own: "aws:enid:host", where the instance is.
// It is not stored; it follows from the record. Chosen: with the system's prefix, which Terraform leaves
// alone; another would be a tag that it wants to remove.
Tags shown_tags(const RegionModel& region, const InstanceRecord& instance);

// The caller's own. Null: there is no such resource. Good until the transaction changes it.
const Tags* find_tags(const RegionModel& region, const std::string& id);

// Gives the resource other tags. False: there is no such resource.
bool set_tags(Transaction& transaction, const std::string& id, Tags tags);

}  // namespace enid::control
