#include "store/sqlite/sqlite_connection.h"

#include <sqlite3.h>

#include "base/check.h"

namespace enid::store {
namespace {

std::error_code code_of(int sqlite_code) {
  switch (sqlite_code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return std::make_error_code(std::errc::device_or_resource_busy);
    case SQLITE_FULL:
      return std::make_error_code(std::errc::no_space_on_device);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return std::make_error_code(std::errc::permission_denied);
    case SQLITE_READONLY:
      return std::make_error_code(std::errc::read_only_file_system);
    default:
      return std::make_error_code(std::errc::io_error);
  }
}

std::unexpected<Error> sqlite_failure(sqlite3* connection, std::string_view doing) {
  return failure(code_of(sqlite3_errcode(connection)),
                 std::string(doing) + ": " + sqlite3_errmsg(connection));
}

}  // namespace

SqliteStatement::SqliteStatement(sqlite3_stmt* statement) : statement_(statement) {}
void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

void SqliteStatement::bind(int parameter, std::string_view text) {
  CHECK(sqlite3_bind_text64(statement_.get(), parameter, text.data(), text.size(), SQLITE_STATIC,
                            SQLITE_UTF8) == SQLITE_OK);
}

void SqliteStatement::bind(int parameter, std::int64_t number) {
  CHECK(sqlite3_bind_int64(statement_.get(), parameter, number) == SQLITE_OK);
}

Result<bool> SqliteStatement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return sqlite_failure(sqlite3_db_handle(statement_.get()), sqlite3_sql(statement_.get()));
}

void SqliteStatement::reset() { sqlite3_reset(statement_.get()); }

std::string_view SqliteStatement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return text == nullptr
             ? std::string_view()
             : std::string_view(text,
                                static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

std::int64_t SqliteStatement::number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

void SqliteConnection::Close::operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }

Result<SqliteConnection> SqliteConnection::open(const std::string& path, bool read_only) {
  sqlite3* handle = nullptr;
  const int flags = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  SqliteConnection connection(handle);
  if (code != SQLITE_OK) return sqlite_failure(handle, "open " + path);
  return connection;
}

Result<void> SqliteConnection::execute(const char* sql) {
  if (sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return sqlite_failure(connection_.get(), sql);
  return {};
}

Result<SqliteStatement> SqliteConnection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
    return sqlite_failure(connection_.get(), sql);
  return SqliteStatement(statement);
}

}  // namespace enid::store
