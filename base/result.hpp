// Result<T>: a value or an Error, with the member names of std::expected (which GCC 12 has only in C++23 mode).
#pragma once

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.hpp"
#include "base/error.hpp"

namespace dossier {

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = Error;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() & {
    CHECK(has_value());
    return std::get<0>(state_);
  }
  const T& value() const& {
    CHECK(has_value());
    return std::get<0>(state_);
  }
  // By value, so that `for (x : *make())` does not outlive its range.
  T value() && {
    CHECK(has_value());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & {
    CHECK(!has_value());
    return std::get<1>(state_);
  }
  const Error& error() const& {
    CHECK(!has_value());
    return std::get<1>(state_);
  }
  Error&& error() && {
    CHECK(!has_value());
    return std::get<1>(std::move(state_));
  }

  template <class U>
  T value_or(U&& fallback) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(fallback));
  }

  template <class F>
  auto and_then(F&& f) && -> std::invoke_result_t<F, T&&> {
    if (!has_value()) return std::move(*this).error();
    return std::forward<F>(f)(std::move(*this).value());
  }
  template <class F>
  auto transform(F&& f) && -> Result<std::invoke_result_t<F, T&&>> {
    if (!has_value()) return std::move(*this).error();
    return std::forward<F>(f)(std::move(*this).value());
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  using error_type = Error;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const { CHECK(has_value()); }
  Error& error() & {
    CHECK(!has_value());
    return *error_;
  }
  const Error& error() const& {
    CHECK(!has_value());
    return *error_;
  }
  Error&& error() && {
    CHECK(!has_value());
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

#define DOSSIER_CONCAT_(a, b) a##b
#define DOSSIER_CONCAT(a, b) DOSSIER_CONCAT_(a, b)
// TRY(auto x, expression): x = the value, or return the error from this function.
#define TRY(declaration, expression)                                                                         \
  auto DOSSIER_CONCAT(try_, __LINE__) = (expression);                                                        \
  if (!DOSSIER_CONCAT(try_, __LINE__).has_value()) return std::move(DOSSIER_CONCAT(try_, __LINE__)).error(); \
  declaration = *std::move(DOSSIER_CONCAT(try_, __LINE__))
// TRY_STATUS(expression): return the error from this function, if it is one.
#define TRY_STATUS(expression)                                         \
  do {                                                                 \
    auto try_status = (expression);                                    \
    if (!try_status.has_value()) return std::move(try_status).error(); \
  } while (false)

}  // namespace dossier
