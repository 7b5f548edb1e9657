// SPDX-License-Identifier: Apache-2.0
#pragma once

// Moves old samples to the table archive_chunk, block by block in the order in which they were recorded. A slice makes
// the chunks of some cgroups. When a block has all of its chunks, one row says so (table `archived`): from then on its
// samples are those of the archive, and the following slices delete them from `sample`. What a crash interrupts is gone
// on with. A block waits until all of it is in sample_hour.

#include <cstdint>
#include <optional>

#include "archive/chunk.hpp"
#include "store/statement.hpp"

namespace cgmm::store {

class Archiver {
 public:
  explicit Archiver(Statements& sql) : sql_(sql) {}

  /// One slice of some thousand samples, inside a transaction. Blocks of which all scans began before `before_us`, or
  /// are ahead of the clock, and none is after to_scan_id. False: there was nothing to do.
  bool work(std::int64_t now_us, std::int64_t before_us, std::int64_t to_scan_id);

  /// Samples of the scans up to this one are in the archive; INT64_MIN: none are.
  std::int64_t archived_to();

  /// The transaction was rolled back.
  void undo() { next_.reset(); }

 private:
  struct Next {
    std::int64_t block = 0;
    std::int64_t after_cgroup_id = INT64_MIN;  // those up to this one have their chunks
  };
  bool delete_slice();
  bool find_block(std::int64_t now_us, std::int64_t before_us, std::int64_t to_scan_id);
  std::optional<std::int64_t> slice_end();
  void make_chunks(std::int64_t to_cgroup_id);

  Statements& sql_;
  std::optional<Next> next_;
  archive::Encoder encoder_;
};

}  // namespace cgmm::store
