// SPDX-License-Identifier: Apache-2.0
#include "kernel/oom_lines.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>
#include <vector>

#include "kernel/parse.hpp"

namespace cgmm::kernel {

using core::OomScope;

namespace {

constexpr std::size_t kMaxComm = 15;
constexpr std::size_t kMaxSplits = 64;  // tries, if a separator also occurs in a name

constexpr std::string_view kInvoked = " invoked oom-killer: ";
constexpr std::string_view kOomKill = "oom-kill:constraint=";
constexpr std::string_view kDigitsOfAList = "0123456789,-";
constexpr std::size_t kLongestList = 256;
constexpr std::string_view kGlobal = ",global_oom,task_memcg=";

std::optional<std::int64_t> within(std::optional<std::uint64_t> number, std::uint64_t least, std::uint64_t most) {
  return number && *number >= least && *number <= most ? std::optional(static_cast<std::int64_t>(*number))
                                                       : std::nullopt;
}
std::optional<std::int64_t> pid_of(std::optional<std::uint64_t> number) { return within(number, 1, INT32_MAX); }
std::optional<std::int64_t> uid_of(std::optional<std::uint64_t> number) { return within(number, 0, UINT32_MAX); }

/// Removes ",word=NUMBER" from the end of a text.
std::optional<std::uint64_t> take_number_at_end(std::string_view& text, std::string_view word) {
  const std::size_t at = text.rfind(word);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view digits = text.substr(at + word.size());
  const auto number = take_number(digits);
  if (!number || !digits.empty()) return std::nullopt;
  text = text.substr(0, at);
  return number;
}

struct Killing {
  std::optional<OomScope> scope;
  std::string_view rest;  // begins with "Kill process" or "Killed process"
};

/// "Memory cgroup out of memory: ", "Out of memory: ", "Out of memory (oom_kill_allocating_task): ", or nothing.
Killing killing_of(std::string_view text) {
  Killing killing;
  if (drop_prefix(text, "Memory cgroup out of memory")) {
    killing.scope = OomScope::cgroup;
  } else if (drop_prefix(text, "Out of memory")) {
    killing.scope = OomScope::node;
  }
  if (killing.scope) {
    drop_prefix(text, " (oom_kill_allocating_task)");
    if (!drop_prefix(text, ": ")) return {};
  }
  killing.rest = text;
  return killing;
}

/// Only the kernel writes the text before ",oom_memcg=" or ",global_oom", except the name of the cpuset.
bool ends_in_a_node_list(std::string_view text) {
  if (text.ends_with("nodemask=(null)")) return true;
  const std::size_t end = text.find_last_not_of(kDigitsOfAList);
  if (end == std::string_view::npos) return false;
  text = text.substr(0, end + 1);
  return text.ends_with(",mems_allowed=") || text.ends_with(",nodemask=");
}

/// "": it is none.
std::string_view node_list(std::string_view text) {
  const bool is_list = text.size() <= kLongestList && text.find_first_not_of(kDigitsOfAList) == std::string_view::npos;
  return is_list ? text : std::string_view{};
}

}  // namespace

std::optional<std::uint64_t> bytes_of_kib(std::optional<std::uint64_t> kib) {
  if (!kib || *kib >= kMostBytes / 1024) return std::nullopt;
  return *kib * 1024;
}

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view word) {
  const std::size_t at = text.find(word);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + word.size());
  return take_number(text);
}

bool is_whole_path(std::string_view path) { return path.starts_with('/') && path.size() < kMayBeCutFrom; }

std::optional<OomPaths> split_paths(std::string_view text, std::string_view separator, bool limit_first) {
  std::vector<OomPaths> all, plausible, same;
  for (std::size_t at = text.find(separator); at != std::string_view::npos && all.size() < kMaxSplits;
       at = text.find(separator, at + 1)) {
    OomPaths paths{.limit = text.substr(0, at), .victim = text.substr(at + separator.size())};
    if (!limit_first) std::swap(paths.limit, paths.victim);
    all.push_back(paths);
    if (!is_whole_path(paths.limit) || !is_whole_path(paths.victim)) continue;
    if (is_at_or_below(paths.victim, paths.limit)) plausible.push_back(paths);
    if (paths.victim == paths.limit) same.push_back(paths);
  }
  for (const auto* const splits : {&plausible, &same, &all}) {
    if (splits->size() == 1) return splits->front();
  }
  return std::nullopt;
}

Invoked parse_invoked(std::string_view text) {
  Invoked invoked;
  text.remove_prefix(std::min(text.find(kInvoked), text.size()));
  const std::size_t mask_at = text.find("gfp_mask=0x");
  if (mask_at != std::string_view::npos) {
    const std::string_view digits = text.substr(mask_at + std::string_view("gfp_mask=0x").size());
    std::uint64_t mask = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), mask, 16);
    if (error == std::errc{} && end != digits.data()) invoked.gfp_mask = mask;
  }
  constexpr std::uint64_t kMostOrder = 64;
  invoked.order = within(number_after(text, " order="), 0, kMostOrder);
  constexpr std::string_view kNodeMask = ", nodemask=";
  if (const std::size_t list_at = text.find(kNodeMask); list_at != std::string_view::npos) {
    std::string_view list = text.substr(list_at + kNodeMask.size());
    list = list.substr(0, list.find_first_not_of(kDigitsOfAList));
    while (list.ends_with(',')) list.remove_suffix(1);
    invoked.policy_nodes = node_list(list);
  }
  if (text.find(" order=-1,") != std::string_view::npos) {
    invoked.order = -1;
    invoked.by_sysrq = true;
  }
  return invoked;
}

std::string_view cpuset_nodes_of(std::string_view text) {
  constexpr std::string_view kMems = " mems_allowed=", kCpuset = " cpuset=";
  const std::size_t at = text.rfind(kMems);
  if (at == std::string_view::npos) return {};
  const std::string_view list = text.substr(at + kMems.size());
  const std::size_t name_at = text.substr(0, at).rfind(kCpuset);
  if (name_at == std::string_view::npos || text.substr(name_at + kCpuset.size(), at - name_at - kCpuset.size()) == "/")
    return {};
  return list.starts_with('0') ? std::string_view{} : node_list(list);
}

bool is_asked_by_sysrq(std::string_view text) {
  constexpr std::string_view kAction = "Manual OOM execution";
  return text == kAction || ((text.starts_with("sysrq: ") || text.starts_with("SysRq : ")) && text.ends_with(kAction));
}

UsageAndLimit parse_usage(std::string_view text) {
  return {.usage_bytes = bytes_of_kib(number_after(text, "usage ")),
          .limit_bytes = bytes_of_kib(number_after(text, ", limit ")),  // "none" is 2^53 kB less a page, or 2^54
          .fail_count = number_after(text, ", failcnt ")};
}

OomPaths paths_of_context(std::string_view text, OomScope scope) {
  const std::string_view word = is_of_cgroup(scope) ? ",oom_memcg=" : kGlobal;
  std::size_t tries = 0;
  for (std::size_t at = text.find(word); at != std::string_view::npos && tries < kMaxSplits;
       at = text.find(word, at + 1), ++tries) {
    if (!ends_in_a_node_list(text.substr(0, at))) continue;
    const std::string_view rest = text.substr(at + word.size());
    if (!is_of_cgroup(scope)) return {.limit = {}, .victim = rest};
    if (const auto paths = split_paths(rest, ",task_memcg=", /*limit_first=*/true)) return *paths;
  }
  return {};
}

std::optional<OomScope> scope_of_constraint(std::string_view oom_kill) {
  oom_kill.remove_prefix(kOomKill.size());
  if (oom_kill.find(',') == std::string_view::npos) return std::nullopt;
  if (oom_kill.starts_with("CONSTRAINT_MEMCG,")) return OomScope::cgroup;
  if (oom_kill.starts_with("CONSTRAINT_CPUSET,")) return OomScope::cpuset;
  return oom_kill.starts_with("CONSTRAINT_MEMORY_POLICY,") ? OomScope::memory_policy : OomScope::node;
}

std::string_view numa_nodes_of(std::string_view oom_kill) {
  const auto scope = scope_of_constraint(oom_kill);
  std::string_view list;
  if (scope == OomScope::memory_policy) {
    constexpr std::string_view kNodeMask = ",nodemask=";
    list = oom_kill.substr(std::min(oom_kill.find(kNodeMask), oom_kill.size() - kNodeMask.size()) + kNodeMask.size());
    list = list.substr(0, list.find_first_not_of(kDigitsOfAList));
    while (list.ends_with(',')) list.remove_suffix(1);  // of what follows
  } else if (scope == OomScope::cpuset) {
    for (std::size_t at = oom_kill.find(kGlobal); at != std::string_view::npos; at = oom_kill.find(kGlobal, at + 1)) {
      if (!ends_in_a_node_list(oom_kill.substr(0, at))) continue;
      list = oom_kill.substr(0, at);
      list.remove_prefix(list.rfind('=') + 1);
      break;
    }
  }
  return node_list(list);
}

std::optional<OomKillTail> tail_of(std::string_view oom_kill) {
  OomKillTail tail;
  tail.uid = uid_of(take_number_at_end(oom_kill, ",uid="));
  tail.pid = pid_of(take_number_at_end(oom_kill, ",pid="));
  tail.before = oom_kill;
  if (!tail.pid || !tail.uid) return std::nullopt;
  return tail;
}

std::string_view without_task(std::string_view text, const std::string& comm) {
  if (!comm.empty() && text.ends_with(std::string(kTask) + comm))
    return text.substr(0, text.size() - kTask.size() - comm.size());
  const std::size_t from = text.size() > kMaxComm + kTask.size() ? text.size() - kMaxComm - kTask.size() : 0;
  const std::size_t at = text.find(kTask, from);
  return at == std::string_view::npos ? std::string_view{} : text.substr(0, at);
}

std::optional<OomProcess> parse_process(std::string_view text, std::string_view what) {
  Killing killing = killing_of(text);
  std::string_view& rest = killing.rest;
  if (!drop_prefix(rest, what)) return std::nullopt;
  const auto pid = pid_of(take_number(rest));
  if (!pid || !drop_prefix(rest, " (")) return std::nullopt;
  // The text after the name has no bracket. A name can be "x) total-vm:0kB".
  const std::size_t end = rest.rfind(')');
  if (end == std::string_view::npos) return std::nullopt;
  OomProcess process{.scope = killing.scope,
                     .pid = *pid,
                     .comm = rest.substr(0, std::min(end, kMaxComm)),
                     .uid = {},
                     .sizes = rest.substr(end + 1)};
  process.uid = uid_of(number_after(process.sizes, ", UID:"));
  if (!process.uid) process.uid = uid_of(number_after(process.sizes, ", UID "));  // Red Hat's 3.10
  return process;
}

OomMessage message_of(std::string_view text) {
  // Checked first, because it begins with a process's name, and that can be "Task in /x".
  if (const std::size_t at = text.find(kInvoked); at <= kMaxComm) return OomMessage::invoked;
  constexpr std::array<std::pair<std::string_view, OomMessage>, 9> kBegins = {{
      {kTaskIn, OomMessage::task_in},
      {kTasksIn, OomMessage::group},
      {"memory: usage ", OomMessage::usage},
      {"memory+swap: usage ", OomMessage::usage},
      {"swap: usage ", OomMessage::usage},
      {"kmem: usage ", OomMessage::usage},
      {kOomKill, OomMessage::oom_kill},
      {"Memory cgroup stats for ", OomMessage::stats},
      {kLimitReached, OomMessage::limit_reached},
  }};
  for (const auto& [begin, message] : kBegins) {
    if (text.starts_with(begin)) return message;
  }
  if (parse_process(text, kKilled)) return OomMessage::killed;
  const auto chosen = parse_process(text, kKill);
  if (chosen && chosen->scope && chosen->sizes.starts_with(" score ")) return OomMessage::chosen;
  return killing_of(text).rest.starts_with("OOM victim ") ? OomMessage::skipped : OomMessage::other;
}

}  // namespace cgmm::kernel
