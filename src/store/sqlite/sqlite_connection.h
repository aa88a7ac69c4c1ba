// SqliteConnection: SQLite's C API as values and Results; the one place that knows its codes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace enid::store {

class SqliteStatement {
 public:
  SqliteStatement() = default;
  explicit SqliteStatement(sqlite3_stmt* statement);

  // Parameters count from 1; text must live until the next reset().
  void bind(int parameter, std::string_view text);
  void bind(int parameter, std::int64_t number);
  // True: a row is ready. False: done.
  Result<bool> step();
  void reset();

  std::string_view text(int column) const;  // Valid until the next step or reset.
  std::int64_t number(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class SqliteConnection {
 public:
  static Result<SqliteConnection> open(const std::string& path, bool read_only);

  Result<void> execute(const char* sql);
  Result<SqliteStatement> prepare(std::string_view sql);

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  explicit SqliteConnection(sqlite3* connection) : connection_(connection) {}
  std::unique_ptr<sqlite3, Close> connection_;
};

}  // namespace enid::store
