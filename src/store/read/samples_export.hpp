// SPDX-License-Identifier: Apache-2.0
#pragma once

// All samples of a window, part by part, so that whoever writes them somewhere needs little memory, and no read of the
// history lasts while a pipe or a disk is waited for: that would keep the service's WAL.

#include <cstdint>
#include <vector>

#include "core/table.hpp"
#include "store/reader.hpp"

namespace cgmm::store {

class SamplesExport {
 public:
  /// Of `since_us`, but not of `until_us`. The reader lives longer.
  SamplesExport(Reader& reader, std::int64_t since_us, std::int64_t until_us);

  /// Gives the rows of the next part to `rows`: the columns of v_sample, and namespace, pod and container. The first
  /// part may have no row. False: there was none left.
  bool next(core::RowSink& rows);

  /// How many there were so far.
  std::int64_t sample_count() const { return sample_count_; }

  /// Those of the scans in the window, and of all cgroups.
  void scans(core::RowSink& rows);
  void cgroups(core::RowSink& rows);

 private:
  struct Span {
    std::int64_t from = 0, to = -1;
  };
  bool next_range();
  void find_groups(std::int64_t most_cgroups);

  Reader& reader_;
  core::Parameters window_;
  Span scans_;                        // all of them
  Span range_;                        // of scans: that one after the other each group is read of
  Span part_;                         // of scans: what was read last
  std::vector<std::int64_t> groups_;  // of the range: the first cgroup of each but the first
  std::size_t group_ = 0;
  std::int64_t scans_at_once_ = 1;
  std::int64_t sample_count_ = 0;
  bool is_first_ = true;
};

}  // namespace cgmm::store
