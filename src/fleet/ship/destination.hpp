// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where the history is sent, as the shipper sees it: an engine, or a test's fake. One thread.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cgmm::fleet {

enum class Refusal : std::uint8_t {
  transient,
  too_many_parts,
  read_only,
  bad_rows,   // of these rows, or of so many at once
  permanent,  // until a person has done something
  wrong_text  // of a question
};

class DestinationError : public std::runtime_error {  // what(): a sentence for the log; never a secret
 public:
  DestinationError(Refusal refusal, const std::string& what) : std::runtime_error(what), refusal_(refusal) {}
  Refusal refusal() const { return refusal_; }

 private:
  Refusal refusal_;
};

class Destination {
 public:
  virtual ~Destination() = default;
  /// Inserts rows, TabSeparated, gzipped; returns when the engine has them. Throws DestinationError.
  virtual void insert(std::string_view table, const std::vector<std::string>& columns,
                      std::string_view gzipped_rows) = 0;
};

}  // namespace cgmm::fleet
