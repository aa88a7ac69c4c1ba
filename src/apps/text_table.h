// TextTable: rows of words, printed in columns as wide as their widest word.
#pragma once

#include <string>
#include <vector>

namespace enid::apps {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) { add(std::move(header)); }

  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.size() <= 1; }
  // Every line begins with `indent`. Columns whose cells are all numbers stand to the right.
  std::string text(const std::string& indent = "  ") const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace enid::apps
