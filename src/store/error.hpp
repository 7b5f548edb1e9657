// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace cgmm::store {

/// The history can't be used. what() is a sentence for the operator: which file, what is wrong, what to do.
class StoreError : public std::runtime_error {
 public:
  enum class Kind {
    missing,      // there is no file
    no_database,  // not a SQLite file
    foreign,      // another program's database
    newer,        // written by a later version
    corrupt,      // damaged
    busy,         // in use by another process
    unusable,     // the operating system refuses
    bad_query,    // the operator's SQL is wrong or would write
  };
  /// for_now: may end by itself, or when the disk is repaired. Until then the service runs without a history.
  enum class Lasts { for_good, for_now };

  StoreError(Kind kind, const std::string& sentence, Lasts lasts = Lasts::for_good, std::string detail = "")
      : std::runtime_error(sentence), kind_(kind), lasts_(lasts), detail_(std::move(detail)) {}
  Kind kind() const { return kind_; }
  Lasts lasts() const { return lasts_; }
  /// How it is damaged.
  const std::string& detail() const { return detail_; }

 private:
  Kind kind_;
  Lasts lasts_;
  std::string detail_;
};

}  // namespace cgmm::store
