// SPDX-License-Identifier: Apache-2.0
#pragma once

// Kernel logs for the tests of OomParser, and its kills as text. The logs are those that the fuzzer begins with
// (tests/fuzz/corpus/kernel_log). 6.1, 6.12 and 6.18 were taken from machines; the others are put together from the
// kernels' sources and logs in bug reports, in the format of /dev/kmsg.

#include <gtest/gtest.h>

#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string>
#include <vector>

#include "kernel/oom_messages.hpp"

namespace cgmm::kernel {

using core::LoggedKill;
using core::OomScope;

inline std::string number(const std::optional<std::int64_t>& value) { return value ? std::to_string(*value) : "-"; }

inline std::string kib(const std::optional<std::uint64_t>& bytes) {
  if (!bytes) return "-";
  return *bytes % 1024 == 0 ? std::to_string(*bytes / 1024) : std::to_string(*bytes) + "B";
}

inline std::vector<std::string> text_of(const LoggedKill& kill) {
  std::string who = kill.victim_comm + " pid=" + number(kill.victim_pid) + " uid=" + number(kill.victim_uid) +
                    " rss=" + kib(kill.anon_rss_bytes) + "," + kib(kill.file_rss_bytes) + "," +
                    kib(kill.shmem_rss_bytes);
  if (kill.counted_count != 1) {
    who += " processes=" + std::to_string(kill.process_count) + " counted=" + std::to_string(kill.counted_count);
  }
  std::string where = kill.scope == OomScope::cgroup ? "" : std::string(to_string(kill.scope)) + " ";
  if (is_of_cgroup(kill.scope)) where += "limit=" + kill.limit_path + " ";
  if (!kill.dump.numa_nodes.empty()) where += "nodes=" + kill.dump.numa_nodes + " ";
  if (!kill.dump.is_end_told) where += "begun ";
  where += "victim=" + kill.victim_path;
  if (!kill.group_path.empty()) where += " group=" + kill.group_path;
  std::string memory = "-";
  if (kill.memory) {
    memory = "limit=" + kib(kill.memory->limit_bytes);
    if (kill.memory->memory_limit_bytes) memory += " memory_limit=" + kib(kill.memory->memory_limit_bytes);
    for (std::size_t i = 0; i < core::Gauges::kSize; ++i) {
      const auto value = kill.memory->gauges[static_cast<core::Gauge>(i)];
      if (core::kGaugeNames[i].starts_with("slab_")) continue;  // a test of its own
      if (value) memory += " " + std::string(core::kGaugeNames[i]) + "=" + kib(value);
    }
  }
  return {who, where, memory};
}

using Lines = std::vector<std::string>;

inline Lines text_of(const std::vector<LoggedKill>& kills) {
  Lines lines;
  for (const LoggedKill& kill : kills) {
    for (std::string& line : text_of(kill)) lines.push_back(std::move(line));
  }
  return lines;
}

inline std::vector<LoggedKill> kills_in(const std::vector<LogRecord>& records) {
  OomParser parser;
  std::vector<LoggedKill> kills;
  for (const LogRecord& record : records) {
    if (auto kill = parser.take(record)) kills.push_back(*kill);
  }
  if (auto kill = parser.flush()) kills.push_back(*kill);
  EXPECT_FALSE(parser.pending());
  return kills;
}

inline std::vector<LogRecord> records_of(std::istream& text) {
  std::vector<LogRecord> records;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with(' ')) continue;
    const auto record = parse_record(line);
    EXPECT_TRUE(record) << line;
    if (record) records.push_back(*record);
  }
  return records;
}

inline Lines kills_in_file(const std::string& name) {
  std::ifstream file(CGMM_SOURCE_DIR "/tests/fuzz/corpus/kernel_log/" + name);
  EXPECT_TRUE(file.is_open()) << name;
  return text_of(kills_in(records_of(file)));
}

/// Records of these texts, 10 us apart; "+..." is a fragment.
inline std::vector<LogRecord> log_of(const std::vector<std::string>& texts) {
  std::vector<LogRecord> records;
  for (const std::string& text : texts) {
    const bool continued = text.starts_with('+');
    records.push_back({.priority = 6,
                       .sequence = 100 + records.size(),
                       .at_us = 1000 + 10 * static_cast<std::int64_t>(records.size()),
                       .continued = continued,
                       .text = text.substr(continued ? 1 : 0)});
  }
  return records;
}

inline Lines texts_in(const std::string& name) {
  std::ifstream file(CGMM_SOURCE_DIR "/tests/fuzz/corpus/kernel_log/" + name);
  EXPECT_TRUE(file.is_open()) << name;
  Lines lines;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(' ') && !lines.empty()) {
      lines.back() += "\n" + line;  // of one record
    } else if (line != "!") {
      lines.push_back(line);
    }
  }
  return lines;
}

inline std::string killed(int pid, const std::string& comm, const std::string& why = "Memory cgroup out of memory") {
  return why + ": Killed process " + std::to_string(pid) + " (" + comm +
         ") total-vm:9kB, anon-rss:3kB, file-rss:2kB, shmem-rss:1kB, UID:7 pgtables:96kB oom_score_adj:0";
}

inline std::string oom_kill(const std::string& limit, const std::string& victim, const std::string& comm, int pid) {
  return "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=" + limit +
         ",task_memcg=" + victim + ",task=" + comm + ",pid=" + std::to_string(pid) + ",uid=7";
}

}  // namespace cgmm::kernel
