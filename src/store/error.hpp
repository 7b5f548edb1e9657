// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace cgmm::store {

/// The history can't be used; what() is a sentence for the operator: which file, what is wrong, what to do.
class StoreError : public std::runtime_error {
 public:
  enum class Kind {
    missing,      // there is no file
    no_database,  // a file of something else
    foreign,      // another program's database
    newer,        // written by a later version
    corrupt,      // damaged
    busy,         // somebody else holds it
    unusable,     // the operating system refuses
    bad_query,    // the operator's SQL is wrong or would write
  };
  /// May end by itself, or once somebody has seen to the disk: a service goes on without a history until then.
  enum class Lasts { for_good, for_now };

  StoreError(Kind kind, const std::string& sentence, Lasts lasts = Lasts::for_good, std::string detail = "")
      : std::runtime_error(sentence), kind_(kind), lasts_(lasts), detail_(std::move(detail)) {}
  Kind kind() const { return kind_; }
  Lasts lasts() const { return lasts_; }
  /// Of one that is damaged: in which way.
  const std::string& detail() const { return detail_; }

 private:
  Kind kind_;
  Lasts lasts_;
  std::string detail_;
};

}  // namespace cgmm::store
