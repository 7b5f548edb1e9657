// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

namespace cgmm::store {

/// The history can't be used; what() is a sentence for the operator: which file, what is wrong, what to do.
class StoreError : public std::runtime_error {
 public:
  enum class Kind {
    missing,    // there is no file
    foreign,    // a file of something else
    newer,      // written by a later version
    corrupt,    // damaged
    busy,       // somebody else holds it
    unusable,   // the operating system refuses
    bad_query,  // the operator's SQL is wrong or would write
  };
  StoreError(Kind kind, const std::string& sentence) : std::runtime_error(sentence), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

}  // namespace cgmm::store
