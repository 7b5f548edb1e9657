// SPDX-License-Identifier: Apache-2.0
#include "kernel/oom_lines.hpp"

#include <algorithm>
#include <array>
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

UsageAndLimit parse_usage(std::string_view text) {
  return {.usage_bytes = bytes_of_kib(number_after(text, "usage ")),
          .limit_bytes = bytes_of_kib(number_after(text, ", limit "))};  // "none" is 2^53 kB less a page, or 2^54
}

OomPaths paths_of_context(std::string_view text, OomScope scope) {
  const std::string_view word = scope == OomScope::node ? ",global_oom,task_memcg=" : ",oom_memcg=";
  std::size_t tries = 0;
  for (std::size_t at = text.find(word); at != std::string_view::npos && tries < kMaxSplits;
       at = text.find(word, at + 1), ++tries) {
    if (!ends_in_a_node_list(text.substr(0, at))) continue;
    const std::string_view rest = text.substr(at + word.size());
    if (scope == OomScope::node) return {.limit = {}, .victim = rest};
    if (const auto paths = split_paths(rest, ",task_memcg=", /*limit_first=*/true)) return *paths;
  }
  return {};
}

std::optional<OomScope> scope_of_constraint(std::string_view oom_kill) {
  oom_kill.remove_prefix(kOomKill.size());
  if (oom_kill.find(',') == std::string_view::npos) return std::nullopt;
  return oom_kill.starts_with("CONSTRAINT_MEMCG,") ? OomScope::cgroup : OomScope::node;
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
  constexpr std::string_view kTask = ",task=";
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
