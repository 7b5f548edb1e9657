// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
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

/// Whether a record was refused because of the record itself, so that trying again is in vain, and not by the disk.
bool is_bad_record(const std::exception& error);
/// Whether it says that there is no room, on the disk or inside max_size.
bool is_full(const std::exception& error);
/// Another process holds a lock of it.
bool is_locked(const std::exception& error);
/// What is wrong, with the limit that the operating system has set, if it is that.
std::string in_words(const std::exception& error);
/// Whether it says that the file is damaged.
bool is_damage(const std::exception& error);

}  // namespace cgmm::store
