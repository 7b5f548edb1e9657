// SPDX-License-Identifier: Apache-2.0
#pragma once

// Moves old samples to the table archive_chunk, block by block in the order in which they were recorded. A slice makes
// the chunks of some cgroups, or one instant (instants.hpp). When a block has all of them, one row says so (table
// `archived`): from then on its samples are those of the archive, and the following slices delete them from `sample`.
// What a crash interrupts is gone on with: nobody else deletes chunks of a block that is not complete. A block waits
// until all of it is in sample_hour.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "archive/chunk.hpp"
#include "store/archived/chunk_cache.hpp"
#include "store/statement.hpp"

namespace cgmm::store {

/// Samples of the scans up to this one are in the archive; INT64_MIN: none are.
std::int64_t archived_to(Statements& sql);

class Archiver {
 public:
  explicit Archiver(Statements& sql) : sql_(sql) {}

  /// One slice of about ten thousand samples, inside a transaction. Blocks of which all scans began before `before_us`,
  /// or are ahead of the clock, and none is after to_scan_id. False: there was nothing to do. `room_bytes`: so much may
  /// the file grow by; a slice is smaller where that is little.
  bool work(std::int64_t now_us, std::int64_t before_us, std::int64_t to_scan_id, std::int64_t room_bytes);

  /// The transaction was rolled back.
  void undo() { next_.reset(); }

 private:
  struct Next {
    std::int64_t block = 0;
    std::int64_t after_cgroup_id = INT64_MIN;  // those up to this one have their chunks
    std::int64_t scan_count = 0;
    std::int64_t cgroups_at_once = 1;
    std::vector<std::optional<std::int64_t>> instants =  // of its scans; nullopt: the row is lost
        std::vector<std::optional<std::int64_t>>(archive::kBlockScans);
    std::optional<std::vector<std::int64_t>> for_instants{};  // scans, once all chunks are there
    std::unique_ptr<archive::Encoder> encoder = std::make_unique<archive::Encoder>();
  };
  using Builders = std::map<std::int64_t, archive::Builder>;  // by cgroup
  bool delete_slice();
  bool find_block(std::int64_t now_us, std::int64_t before_us, std::int64_t to_scan_id);
  std::optional<std::int64_t> read_slice(Builders& builders);
  void read_scan(std::int64_t scan_id, Builders& builders, std::int64_t& to_cgroup_id);
  void store(const Builders& builders);
  bool keep_next_instant(std::int64_t room_bytes);

  Statements& sql_;
  Prepared samples_;  // of a scan
  std::optional<Next> next_;
};

}  // namespace cgmm::store
