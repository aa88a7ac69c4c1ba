// Table: the records of one kind, by id, in the order of their ids.
#pragma once

#include <map>

namespace enid::control {

template <class Record>
class Table {
 public:
  using Id = typename Record::Id;
  using Rows = std::map<Id, Record>;

  const Record* find(const Id& id) const {
    const auto row = rows_.find(id);
    return row == rows_.end() ? nullptr : &row->second;
  }
  // The first whose id is not below this one.
  auto lower_bound(const Id& id) const { return rows_.lower_bound(id); }
  auto begin() const { return rows_.begin(); }  // Pairs of id and record.
  auto end() const { return rows_.end(); }
  std::size_t size() const { return rows_.size(); }
  bool empty() const { return rows_.empty(); }

 private:
  friend class RegionModel;
  Rows rows_;
};

}  // namespace enid::control
