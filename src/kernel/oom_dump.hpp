// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads what the kernel prints between the first and the last line of an OOM kill: the table of processes (as Linux
// 2.6.32 to 7 print it), and if no cgroup's limit was hit, the memory of the node. Its memory is bounded: of the
// processes the ten largest and the sums are kept. Each belongs to one thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/records.hpp"
#include "kernel/oom_lines.hpp"

namespace cgmm::kernel {

class OomDumpReader {
 public:
  /// One record that is none of those in OomMessage.
  void take(std::string_view text);

  /// nullopt: the kernel printed none (vm.oom_dump_tasks is 0, or the records were lost).
  const std::optional<core::ProcessTable>& processes() const { return processes_; }
  const std::optional<core::NodeMemory>& node() const { return node_; }

  /// Whether memory was free beyond what the kernel keeps for itself, but not as it was asked for: not in one piece of
  /// the size, or not in a zone that would do.
  bool was_fragmented(const Invoked& asked) const;

 private:
  struct Zone {
    std::uint64_t free_kib = 0, kept_kib = 0;
    bool is_high = false;  // HighMem and Movable: only some kinds of memory may be there
  };

  static std::uint64_t own_page_bytes();
  void take_process(std::string_view row);
  void add(core::ListedProcess process);
  bool take_node(std::string_view text);
  bool take_zone(std::string_view text);
  void take_reserve(std::string_view text);
  std::uint64_t spare_kib(bool is_high) const;

  std::uint64_t page_bytes_ = own_page_bytes();
  std::vector<std::string> columns_;  // of the table, between "[ pid ]" and "name"
  std::optional<core::ProcessTable> processes_;
  std::optional<core::NodeMemory> node_;
  std::optional<Zone> zone_;                     // its reserve may follow
  std::array<std::uint64_t, 2> spare_kib_ = {};  // of the zones before; the second: of those that are high
  bool has_zones_ = false;
};

}  // namespace cgmm::kernel
