// SPDX-License-Identifier: Apache-2.0
#include "store/read/grouped.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

namespace cgmm::store {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

struct Kind {
  enum class Of : std::uint8_t { sum, min, max, percentile };
  Of of = Of::sum;
  std::size_t percent = 0;  // of a percentile
};

Kind kind_of(const std::string& word) {
  if (word == "sum") return {Kind::Of::sum};
  if (word == "min") return {Kind::Of::min};
  if (word == "max") return {Kind::Of::max};
  if (word == "p50") return {Kind::Of::percentile, 50};
  if (word == "p99") return {Kind::Of::percentile, 99};
  throw std::invalid_argument("grouped(): 'sum', 'min', 'max', 'p50' or 'p99' was expected, not '" + word + "'");
}

std::vector<Kind> kinds_of(sqlite3_value* words, std::size_t values) {
  const auto* const text = reinterpret_cast<const char*>(sqlite3_value_text(words));
  std::istringstream stream(text == nullptr ? "" : text);
  std::vector<Kind> kinds;
  for (std::string word; stream >> word;) kinds.push_back(kind_of(word));
  if (kinds.size() != values) throw std::invalid_argument("grouped(): a kind for each value was expected");
  return kinds;
}

double combined(Kind::Of of, double so_far, double value) {
  if (std::isnan(so_far)) return value;
  if (of == Kind::Of::sum) return so_far + value;
  return of == Kind::Of::min ? std::min(so_far, value) : std::max(so_far, value);
}

/// The lowest value at or below which that many percent of them are.
double percentile(std::vector<double> values, std::size_t percent) {
  if (values.empty()) return kUnknown;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>((values.size() * percent + 99) / 100 - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

std::string json_of(double value) {
  if (!std::isfinite(value)) return "null";
  std::array<char, 64> text{};
  const bool is_whole = std::abs(value) < 9e18 && value == std::trunc(value);
  std::snprintf(text.data(), text.size(), is_whole ? "%.0f" : "%.17g", value);
  return text.data();
}

class Groups {
 public:
  Groups(sqlite3_value* words, std::size_t values) : kinds_(kinds_of(words, values)) {}

  void add(std::int64_t key, sqlite3_value* const* values) {
    const std::size_t place = number_of(key) * kinds_.size();
    double* const totals = totals_.data() + place;
    for (std::size_t i = 0; i < kinds_.size(); ++i) {
      const int type = sqlite3_value_type(values[i]);
      if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) continue;
      const double value = sqlite3_value_double(values[i]);
      if (kinds_[i].of == Kind::Of::percentile) {
        ranked_[place + i].push_back(value);
      } else {
        totals[i] = combined(kinds_[i].of, totals[i], value);
      }
    }
  }

  std::string json() const {
    std::string text = "[";
    for (const auto& [key, number] : numbers_) {
      const std::size_t place = number * kinds_.size();
      text += (text.size() == 1 ? "[" : ",[") + std::to_string(key);
      for (std::size_t i = 0; i < kinds_.size(); ++i) {
        const auto ranked = ranked_.find(place + i);
        text +=
            "," + json_of(ranked == ranked_.end() ? totals_[place + i] : percentile(ranked->second, kinds_[i].percent));
      }
      text += "]";
    }
    return text + "]";
  }

 private:
  /// Keys often come again in the same order, as the cgroups of each hour do.
  std::size_t number_of(std::int64_t key) {
    if (next_ == keys_.size()) next_ = 0;
    if (next_ == keys_.size() || keys_[next_] != key) {
      const auto [found, is_new] = numbers_.try_emplace(key, keys_.size());
      if (is_new) keys_.push_back(key);
      totals_.resize(keys_.size() * kinds_.size(), kUnknown);
      next_ = found->second;
    }
    return next_++;
  }

  std::vector<Kind> kinds_;
  std::unordered_map<std::int64_t, std::size_t> numbers_;
  std::vector<std::int64_t> keys_;                               // by number
  std::size_t next_ = 0;                                         // the number that the next key may have
  std::vector<double> totals_;                                   // of each number, one for each kind
  std::unordered_map<std::size_t, std::vector<double>> ranked_;  // by place: all values, of a percentile
};

/// What C++ throws must not pass through SQLite.
template <class Act>
void guarded(sqlite3_context* context, Act act) {
  try {
    act();
  } catch (const std::bad_alloc&) {
    sqlite3_result_error_nomem(context);
  } catch (const std::exception& error) {
    sqlite3_result_error(context, error.what(), -1);
  }
}

void step(sqlite3_context* context, int count, sqlite3_value** values) {
  guarded(context, [&] {
    auto** const groups = static_cast<Groups**>(sqlite3_aggregate_context(context, sizeof(Groups*)));
    if (groups == nullptr) throw std::bad_alloc();
    if (count < 2) throw std::invalid_argument("grouped(): kinds and a key were expected");
    if (*groups == nullptr) *groups = new Groups(values[0], static_cast<std::size_t>(count) - 2);
    if (sqlite3_value_type(values[1]) == SQLITE_INTEGER) (*groups)->add(sqlite3_value_int64(values[1]), values + 2);
  });
}

void finish(sqlite3_context* context) {
  guarded(context, [&] {
    auto** const groups = static_cast<Groups**>(sqlite3_aggregate_context(context, 0));
    const std::unique_ptr<Groups> owned(groups == nullptr ? nullptr : *groups);
    const std::string json = owned ? owned->json() : "[]";
    sqlite3_result_text64(context, json.data(), json.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  });
}

}  // namespace

void add_grouped(sqlite3* database) {
  const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
  if (sqlite3_create_function_v2(database, "grouped", -1, flags, nullptr, nullptr, &step, &finish, nullptr) !=
      SQLITE_OK)
    throw std::bad_alloc();
}

}  // namespace cgmm::store
