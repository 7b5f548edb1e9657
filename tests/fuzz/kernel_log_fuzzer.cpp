// SPDX-License-Identifier: Apache-2.0
// Any bytes as a kernel log: a record a line, as kernel/kernel_log reads them from a file. A first byte of
// '!' means that the lines are the texts of records: what is to be found out about messages is not spent on
// prefixes then.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "kernel/oom_messages.hpp"
#include "require.hpp"

namespace {

using cgmm::core::LoggedKill;
using cgmm::kernel::LogRecord;

void check(const LogRecord& record) {
  REQUIRE(record.at_us >= 0);
  REQUIRE(record.text.size() <= 8192);
  REQUIRE(record.text.find('\0') == std::string::npos);
}

bool is_path_or_empty(std::string_view path) { return path.empty() || path.front() == '/'; }

void check(const cgmm::core::OomDump& dump) {
  REQUIRE(dump.numa_nodes.find_first_not_of("0123456789,-") == std::string::npos && dump.numa_nodes.size() <= 256);
  REQUIRE(!dump.order || (*dump.order >= 0 && *dump.order <= 64));
  if (!dump.processes) return;
  const auto& table = *dump.processes;
  REQUIRE(!table.top.empty() && table.top.size() <= 10);
  REQUIRE(table.count >= static_cast<std::int64_t>(table.top.size()));
  for (std::size_t i = 0; i < table.top.size(); ++i) {
    REQUIRE(table.top[i].pid > 0 && table.top[i].comm.size() <= 15);
    REQUIRE(i == 0 || table.top[i - 1].held_bytes() >= table.top[i].held_bytes());
  }
}

void check(const std::optional<LoggedKill>& kill, std::int64_t kernel_count) {
  if (!kill) return;
  REQUIRE(kill->victim_comm.size() <= 15);
  REQUIRE(kill->victim_pid && *kill->victim_pid > 0);
  REQUIRE(!kill->victim_uid || *kill->victim_uid >= 0);
  REQUIRE(kill->process_count >= 1);
  REQUIRE(kill->counted_count >= kill->process_count);
  REQUIRE(kill->counted_count <= kernel_count);
  REQUIRE(is_path_or_empty(kill->limit_path) && kill->limit_path.size() < 1024);
  REQUIRE(is_path_or_empty(kill->victim_path) && kill->victim_path.size() < 1024);
  REQUIRE(is_path_or_empty(kill->group_path) && kill->group_path.size() < 1024);
  if (!is_of_cgroup(kill->scope)) REQUIRE(kill->limit_path.empty() && !kill->memory);
  check(kill->dump);
  if (!kill->memory) return;
  REQUIRE(kill->memory->gauges.size() > 0 || kill->memory->limit_bytes);
  for (std::size_t i = 0; i < cgmm::core::Gauges::kSize; ++i) {
    REQUIRE(kill->memory->gauges.value_or(static_cast<cgmm::core::Gauge>(i), 0) <= std::uint64_t{1} << 62);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const bool only_texts = text.starts_with('!');
  cgmm::kernel::OomParser parser;
  std::int64_t kernel_count = 0;
  std::uint64_t sequence = 0;
  for (; !text.empty(); text.remove_prefix(text.size() > text.find('\n') ? text.find('\n') + 1 : text.size())) {
    const std::string_view line = text.substr(0, text.find('\n'));
    std::optional<LogRecord> record;
    if (only_texts) {
      const bool continued = line.starts_with('+');
      record = LogRecord{.priority = 6,
                         .sequence = ++sequence,
                         .at_us = static_cast<std::int64_t>(sequence) * 1000,
                         .continued = continued,
                         .text = std::string(line.substr(continued ? 1 : 0))};
    } else {
      record = cgmm::kernel::parse_record(line);
    }
    if (!record) continue;
    if (!only_texts) check(*record);
    if (record->priority < 8) ++kernel_count;
    check(parser.take(*record), kernel_count);
    if (record->sequence % 7 == 6) check(parser.flush(), kernel_count);
    if (record->sequence % 31 == 30) check(parser.lost_records(), kernel_count);
  }
  check(parser.flush(), kernel_count);
  REQUIRE(!parser.pending());
  return 0;
}
