// SPDX-License-Identifier: Apache-2.0
#include "kernel/oom_dump.hpp"

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "kernel/parse.hpp"

namespace cgmm::kernel {
namespace {

constexpr std::size_t kTop = 10;
constexpr std::size_t kMostColumns = 16;  // the kernels have 7 to 10
constexpr std::size_t kMaxComm = 15;
constexpr std::uint64_t kMostPages = std::uint64_t{1} << 48;
constexpr std::uint64_t kMuch = 8;       // an eighth of the memory
constexpr std::int64_t kMostOrder = 20;  // the kernels have 10

// Of gfp_mask, the same in all kernels.
constexpr std::uint64_t kLowZones = 0x1 | 0x4;   // __GFP_DMA, __GFP_DMA32
constexpr std::uint64_t kHighZones = 0x2 | 0x8;  // __GFP_HIGHMEM, __GFP_MOVABLE

void drop_spaces(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(' '), text.size())); }

bool is_table_head(std::string_view text) {
  return text.starts_with('[') && text.find("pid") < text.find(']') && text.find(" tgid ") != std::string_view::npos &&
         text.find(" rss ") != std::string_view::npos && text.ends_with(" name");
}

std::vector<std::string> columns_of(std::string_view head) {
  std::vector<std::string> columns;
  head.remove_prefix(head.find(']') + 1);
  for (drop_spaces(head); !head.empty() && columns.size() <= kMostColumns; drop_spaces(head))
    columns.emplace_back(take_word(head, ' '));
  columns.pop_back();  // the name, which is the rest of a row
  return columns;
}

/// A sum that stays within what fits.
void add_to(std::uint64_t& sum, std::uint64_t bytes) { sum = std::min(sum + bytes, kMostBytes); }

using NodeMember = std::optional<std::uint64_t> core::NodeMemory::*;
constexpr std::array<std::pair<std::string_view, NodeMember>, 10> kNodeKeys = {{
    {"free", &core::NodeMemory::free_bytes},
    {"active_anon", &core::NodeMemory::active_anon_bytes},
    {"inactive_anon", &core::NodeMemory::inactive_anon_bytes},
    {"active_file", &core::NodeMemory::active_file_bytes},
    {"inactive_file", &core::NodeMemory::inactive_file_bytes},
    {"shmem", &core::NodeMemory::shmem_bytes},
    {"slab_reclaimable", &core::NodeMemory::slab_reclaimable_bytes},
    {"slab_unreclaimable", &core::NodeMemory::slab_unreclaimable_bytes},
    {"dirty", &core::NodeMemory::dirty_bytes},
    {"writeback", &core::NodeMemory::writeback_bytes},
}};

}  // namespace

std::uint64_t OomDumpReader::own_page_bytes() { return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)); }

void OomDumpReader::take(std::string_view text) {
  if (!processes_ && is_table_head(text)) {
    columns_ = columns_of(text);
    processes_.emplace();
  } else if (processes_ && text.starts_with('[')) {
    take_process(text);
  } else if (text.starts_with("lowmem_reserve[]:")) {
    take_reserve(text);
  } else if (!take_zone(text)) {
    take_node(text);
  }
}

/// "[   1234]     0  1234    12345      678    65536        0             0 bash". A name may hold anything.
void OomDumpReader::take_process(std::string_view row) {
  core::ListedProcess process;
  row.remove_prefix(1);
  drop_spaces(row);
  const auto pid = take_number(row);
  if (!pid || *pid == 0 || *pid > INT32_MAX || !drop_prefix(row, "]")) return;
  process.pid = static_cast<std::int64_t>(*pid);
  bool has_rss = false;
  for (const std::string& column : columns_) {
    drop_spaces(row);
    const bool is_negative = drop_prefix(row, "-");
    const auto number = take_number(row);
    if (!number) return;
    const auto bytes =
        !is_negative && *number < kMostPages / page_bytes_ ? std::optional(*number * page_bytes_) : std::nullopt;
    if (column == "rss" && bytes) {
      process.rss_bytes = *bytes;
      has_rss = true;
    }
    if (column == "rss_anon") process.anon_bytes = bytes;
    if (column == "rss_file") process.file_bytes = bytes;
    if (column == "rss_shmem") process.shmem_bytes = bytes;
    if (column == "swapents") process.swap_bytes = bytes;
    if (column == "uid" && !is_negative && *number <= UINT32_MAX) process.uid = static_cast<std::int64_t>(*number);
    if (column == "oom_score_adj" && *number <= 1000)
      process.oom_score_adj = static_cast<std::int64_t>(*number) * (is_negative ? -1 : 1);
  }
  if (!has_rss || !drop_prefix(row, " ")) return;
  process.comm = row.substr(0, kMaxComm);
  add(std::move(process));
}

void OomDumpReader::add(core::ListedProcess process) {
  ++processes_->count;
  add_to(processes_->rss_bytes, process.rss_bytes);
  add_to(processes_->swap_bytes, process.swap_bytes.value_or(0));
  std::vector<core::ListedProcess>& top = processes_->top;
  const auto place =
      std::ranges::upper_bound(top, process.held_bytes(), std::greater<>(), &core::ListedProcess::held_bytes);
  if (static_cast<std::size_t>(place - top.begin()) >= kTop) return;
  top.insert(place, std::move(process));
  if (top.size() > kTop) top.pop_back();
}

/// "active_anon:441 inactive_anon:107895 ... free:1095 ...", in pages and several lines; "131000 pages RAM".
bool OomDumpReader::take_node(std::string_view text) {
  if (text.ends_with(" pages RAM")) {
    const auto pages = take_number(text);
    if (node_ && pages && *pages < kMostPages / page_bytes_) node_->total_bytes = *pages * page_bytes_;
    return true;
  }
  if (node_ || !text.starts_with("active_anon:")) return false;
  node_.emplace();
  while (!text.empty()) {
    std::string_view line = take_word(text, '\n');
    while (!line.empty()) {
      std::string_view number = take_word(line, ' ');
      const std::string_view key = take_word(number, ':');
      const auto* const known = std::ranges::find(kNodeKeys, key, &std::pair<std::string_view, NodeMember>::first);
      const auto pages = parse_number(number);
      if (known != kNodeKeys.end() && pages && *pages < kMostPages / page_bytes_)
        (*node_).*known->second = *pages * page_bytes_;
    }
  }
  return true;
}

/// "Node 0 DMA32 free:2588kB min:4648kB low:5296kB high:5944kB ...". Above its high mark, the kernel holds a zone for
/// sufficiently free. What is kept for urgent and for movable memory is not free for others.
bool OomDumpReader::take_zone(std::string_view text) {
  const std::size_t at = text.find(" free:");
  if (at == std::string_view::npos || text.find("kB") == std::string_view::npos) return false;
  const auto free_kib = number_after(text, " free:"), min_kib = number_after(text, " min:");
  if (!free_kib || !min_kib || *free_kib > kMostPages) return false;
  take_reserve("");  // of the zone before, if it has none
  const std::string_view name = text.substr(0, at);
  std::uint64_t kept_kib = 0;
  add_to(kept_kib, number_after(text, " high:").value_or(*min_kib));
  add_to(kept_kib, number_after(text, " reserved_highatomic:").value_or(0));
  add_to(kept_kib, number_after(text, " free_cma:").value_or(0));
  zone_ = Zone{
      .free_kib = *free_kib, .kept_kib = kept_kib, .is_high = name.ends_with("HighMem") || name.ends_with("Movable")};
  return true;
}

/// "lowmem_reserve[]: 0 427 427 427 427": pages that are kept for those who can't use a higher zone.
void OomDumpReader::take_reserve(std::string_view text) {
  if (!zone_) return;
  take_word(text, ' ');
  std::uint64_t pages = 0;
  while (!text.empty()) pages = std::max(pages, parse_number(take_word(text, ' ')).value_or(0));
  add_to(zone_->kept_kib, std::min(pages, kMostPages) * (page_bytes_ / 1024));
  const std::uint64_t spare_kib = zone_->free_kib - std::min(zone_->free_kib, zone_->kept_kib);
  add_to(spare_kib_[zone_->is_high ? 1 : 0], spare_kib);
  has_zones_ = true;
  zone_.reset();
}

/// With the last zone, whose reserve was not told.
std::uint64_t OomDumpReader::spare_kib(bool is_high) const {
  std::uint64_t sum = spare_kib_[is_high ? 1 : 0];
  if (zone_ && zone_->is_high == is_high) add_to(sum, zone_->free_kib - std::min(zone_->free_kib, zone_->kept_kib));
  return sum;
}

bool OomDumpReader::was_fragmented(const Invoked& asked) const {
  if (!asked.order || *asked.order < 0) return false;
  const bool takes_low_zones_only = (asked.gfp_mask.value_or(0) & kLowZones) != 0;
  const bool takes_high_zones = !asked.gfp_mask || (*asked.gfp_mask & kHighZones) != 0;
  const std::uint64_t asked_kib = (page_bytes_ / 1024) << std::min<std::int64_t>(*asked.order, kMostOrder);
  const bool has_low = spare_kib(false) >= asked_kib, has_high = spare_kib(true) >= asked_kib;
  if (has_zones_ || zone_) {
    if (*asked.order > 0 || takes_low_zones_only) return has_low || has_high;
    return !takes_high_zones && !has_low && has_high;
  }
  if (*asked.order == 0 || !node_ || !node_->free_bytes || !node_->total_bytes) return false;
  return *node_->free_bytes > *node_->total_bytes / kMuch;
}

}  // namespace cgmm::kernel
