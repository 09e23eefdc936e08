// libpqxx for work that is rare: migrations, generations, databases. Its exceptions end here.
#pragma once

#include <pqxx/pqxx>

#include <functional>
#include <string>

#include "base/result.hpp"
#include "platform/postgres/sql_error.hpp"

namespace dossier::postgres {

// Runs `body` on a new connection; whatever it throws becomes an Error.
template <class T>
Result<T> admin_work(const std::string& url, const std::function<Result<T>(pqxx::connection&)>& body) {
  try {
    pqxx::connection connection(url);
    return body(connection);
  } catch (const pqxx::sql_error& error) {
    return to_error(SqlError{error.sqlstate(), error.what(), -1});
  } catch (const std::exception& error) {  // broken_connection and what the library says of itself
    return to_error(SqlError{"", error.what(), -1});
  }
}

}  // namespace dossier::postgres
