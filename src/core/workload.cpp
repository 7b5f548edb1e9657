// SPDX-License-Identifier: Apache-2.0
#include "core/workload.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

namespace cgmm::core {
namespace {

constexpr std::size_t kIdLength = 64;
constexpr std::size_t kLeastOfId = 4;
constexpr std::size_t kMaxFileName = 255;
constexpr std::size_t kMaxPodName = 253;
constexpr std::size_t kMaxLabel = 63;  // a namespace's or container's name

// How Kubernetes generates names: k8s.io/apimachinery/pkg/util/rand and k8s.io/apiserver/pkg/storage/names.
constexpr std::string_view kGenerated = "bcdfghjklmnpqrstvwxz2456789";
constexpr std::size_t kSuffixLength = 5;
constexpr std::size_t kGeneratedNameLength = 63;  // longer ones are cut before the suffix
constexpr std::size_t kMaxHash = 10;              // a 32-bit number, its decimal digits written as kGenerated
constexpr std::size_t kMinHash = 7;
constexpr std::size_t kMinNumber = 8;  // a CronJob's time in minutes; older: in seconds
constexpr std::size_t kMaxOrdinal = 4;

constexpr std::string_view kDigits = "0123456789";

bool all_of(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}
bool all_digits(std::string_view text) { return all_of(text, kDigits); }
bool all_generated(std::string_view text) { return all_of(text, kGenerated); }

/// `marks`: which may be in the middle besides letters and digits.
bool is_name(std::string_view text, std::size_t max_length, const std::string& marks) {
  constexpr const char* kAlphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789";
  return !text.empty() && text.size() <= max_length && all_of(text, kAlphanumeric + marks) &&
         all_of(text.substr(0, 1), kAlphanumeric) && all_of(text.substr(text.size() - 1), kAlphanumeric);
}
bool is_label(std::string_view text) { return is_name(text, kMaxLabel, "-"); }
bool is_pod_name(std::string_view text) { return is_name(text, kMaxPodName, "-."); }

/// "first_second_rest". The caller must refuse an underscore in rest.
std::optional<std::array<std::string_view, 3>> split_parts(std::string_view text) {
  const std::size_t one = text.find('_');
  const std::size_t two = one == std::string_view::npos ? one : text.find('_', one + 1);
  if (two == std::string_view::npos) return std::nullopt;
  return {{text.substr(0, one), text.substr(one + 1, two - one - 1), text.substr(two + 1)}};
}

/// What is before the last '-', and the last word; "" and all of it where there is only one.
std::pair<std::string_view, std::string_view> split_last(std::string_view text) {
  const std::size_t dash = text.rfind('-');
  if (dash == std::string_view::npos) return {{}, text};
  return {text.substr(0, dash), text.substr(dash + 1)};
}

bool is_suffix(std::string_view word) { return word.size() == kSuffixLength && all_generated(word); }

bool is_ordinal(std::string_view word) {
  return !word.empty() && word.size() <= kMaxOrdinal && all_digits(word) && (word.size() == 1 || word.front() != '0');
}

/// The hash that a workload's controller puts between its name and the pod's suffix. It contains a digit: one hash in
/// 20 000 does not.
bool is_controllers(std::string_view word) {
  if (is_ordinal(word)) return true;
  if (all_digits(word)) return word.size() >= kMinNumber && word.size() <= kMaxHash;
  return word.size() >= kMinHash && word.size() <= kMaxHash && all_generated(word) &&
         word.find_first_of(kDigits) != std::string_view::npos;
}

/// What may be left of a truncated hash.
bool is_rest_of_controllers(std::string_view word) {
  return !word.empty() && word.size() <= kMaxHash && (all_generated(word) || all_digits(word));
}

/// At least one, which may be "".
std::vector<std::string_view> words_of(std::string_view name) {
  std::vector<std::string_view> words;
  for (std::size_t begin = 0, end = 0; end != std::string_view::npos; begin = end + 1) {
    end = name.find('-', begin);
    words.push_back(name.substr(begin, end - begin));
  }
  return words;
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string name;
  for (const std::string_view word : words) name += (name.empty() ? "" : "-") + std::string(word);
  return name;
}

/// Not a word that somebody made up, such as "mssql" or "php74": a digit is before a letter.
bool is_surely_suffix(std::string_view word) {
  return is_suffix(word) && word.find_first_not_of(kDigits, word.find_first_of(kDigits)) != std::string_view::npos;
}

/// Without the one word from the second to the one before `end` that tells runs apart; nullopt where there is not
/// exactly one.
template <class TellsRuns>
std::optional<std::string> without_run(std::vector<std::string_view> words, std::size_t end, TellsRuns tells_runs) {
  const auto last = words.begin() + static_cast<std::ptrdiff_t>(std::min(end, words.size()));
  const auto found = std::find_if(words.begin() + 1, last, tells_runs);
  if (found == last || std::find_if(found + 1, last, tells_runs) != last) return std::nullopt;
  words.erase(found);
  return joined(words);
}

/// NAME-ID-driver, NAME-ID-exec-NUMBER. ID: 16 hexadecimal digits (random, and the time), before Spark 3.0 the time in
/// milliseconds.
std::optional<std::string> spark_group(std::string_view pod) {
  std::vector<std::string_view> words = words_of(pod);
  const bool is_executor = words.size() >= 4 && words[words.size() - 2] == "exec" && all_digits(words.back());
  if (is_executor) words.pop_back();
  if (words.size() < 3 || (!is_executor && words.back() != "driver")) return std::nullopt;
  const auto id = words.end() - 2;
  const bool is_time = id->size() == 13 && id->front() == '1' && all_digits(*id);
  if (!is_time && (id->size() != 16 || !is_hex(*id))) return std::nullopt;
  words.erase(id);
  return joined(words);
}

/// RUN-pod, RUN-pod-retryNUMBER. RUN: a TaskRun with a generated name, or a generated PipelineRun and its task. Its
/// containers are steps, sidecars, and what prepares them.
std::optional<std::string> tekton_group(std::string_view pod, std::string_view container) {
  const bool is_of_tekton = container.starts_with("step-") || container.starts_with("sidecar-") ||
                            container == "prepare" || container == "place-scripts";
  if (!is_of_tekton) return std::nullopt;
  std::vector<std::string_view> words = words_of(pod);
  constexpr std::string_view kRetry = "retry";
  const std::string_view last = words.back();
  const bool is_retry = last.starts_with(kRetry) && is_ordinal(last.substr(kRetry.size()));
  if (is_retry) words.pop_back();
  if (words.empty() || words.back() != "pod") return std::nullopt;
  words.pop_back();
  return words.size() < 2 ? std::nullopt : without_run(words, words.size(), is_surely_suffix);
}

/// WORKFLOW-TEMPLATE-HASH. WORKFLOW: a generated name, or that of a CronWorkflow and the time in seconds. HASH: a
/// number of 32 bits; one of under nine digits, one in 43, might be a date.
std::optional<std::string> argo_group(std::string_view pod, std::string_view container) {
  if (container != "main" && container != "wait" && container != "init") return std::nullopt;
  std::vector<std::string_view> words = words_of(pod);
  const std::string_view hash = words.back();
  if (words.size() < 4 || hash.size() < 9 || hash.size() > 10 || !all_digits(hash) || hash.front() == '0')
    return std::nullopt;
  words.pop_back();
  return without_run(words, words.size() - 1, [](std::string_view word) {
    return is_surely_suffix(word) || (word.size() == 10 && word.front() == '1' && all_digits(word));
  });
}

/// The id is what follows the last '-'.
std::optional<NamedLog> parse_log(std::string_view file_name) {
  constexpr std::string_view kEnding = ".log";
  if (!file_name.ends_with(kEnding)) return std::nullopt;
  const auto parts = split_parts(file_name.substr(0, file_name.size() - kEnding.size()));
  if (!parts) return std::nullopt;
  const auto& [pod, pod_namespace, rest] = *parts;
  const auto [container, id] = split_last(rest);
  if (!is_hex(id) || !is_pod_name(pod) || !is_label(pod_namespace) || !is_label(container)) return std::nullopt;
  return NamedLog{std::string(id), {std::string(pod_namespace), std::string(pod), std::string(container)}};
}

}  // namespace

std::string_view pod_prefix(std::string_view pod) {
  const auto [before, word] = split_last(pod);
  if (!before.empty() && is_ordinal(word)) return before;
  if (!before.empty() && is_suffix(word)) {
    const auto [name, controllers] = split_last(before);
    return !name.empty() && is_controllers(controllers) ? name : before;
  }
  if (pod.size() == kGeneratedNameLength && all_generated(pod.substr(pod.size() - kSuffixLength))) {
    const std::string_view cut = pod.substr(0, pod.size() - kSuffixLength);
    const auto [name, rest] = split_last(cut);
    return !name.empty() && is_rest_of_controllers(rest) ? name : cut;
  }
  return pod;
}

std::string pod_group(std::string_view pod, std::string_view container) {
  if (auto group = spark_group(pod)) return *std::move(group);
  if (auto group = tekton_group(pod, container)) return *std::move(group);
  if (auto group = argo_group(pod, container)) return *std::move(group);
  return std::string(pod_prefix(pod));
}

std::optional<NamedLog> parse_container_log(std::string_view file_name) {
  auto log = parse_log(file_name);
  return log && log->key.size() == kIdLength ? std::move(log) : std::nullopt;
}

std::optional<NamedLog> parse_cut_container_log(std::string_view file_name) {
  if (file_name.size() != kMaxFileName) return std::nullopt;
  auto log = parse_log(file_name);
  const bool is_cut = log && log->key.size() >= kLeastOfId && log->key.size() < kIdLength;
  return is_cut ? std::move(log) : std::nullopt;
}

std::optional<NamedLog> parse_pod_log_dir(std::string_view name) {
  const auto parts = split_parts(name);
  if (!parts) return std::nullopt;
  const auto& [pod_namespace, pod, uid] = *parts;
  if (!is_label(pod_namespace) || !is_pod_name(pod) || !is_pod_uid(uid)) return std::nullopt;
  return NamedLog{std::string(uid), {std::string(pod_namespace), std::string(pod), ""}};
}

std::string workload_of(const ContainerNames& names, const ContainerIdentity& identity, std::string_view cgroup_path) {
  if (!names.pod_namespace.empty() && !names.pod.empty()) {
    std::string workload = names.pod_namespace + "/" + pod_group(names.pod, names.container);
    if (!names.container.empty()) workload += "/" + names.container;
    return workload;
  }
  if (!identity.pod_uid.empty()) return "pod/" + identity.pod_uid;
  if (!names.container.empty()) return names.container;
  return may_get_names(identity) ? std::string() : std::string(cgroup_path);
}

bool has_names(std::string_view workload) {
  return !workload.empty() && !workload.starts_with('/') && !workload.starts_with("pod/");
}

bool may_get_names(const ContainerIdentity& identity) {
  const bool has_lasting_name = identity.runtime == "lxc" || identity.runtime == "nspawn";
  return !identity.pod_uid.empty() || (!identity.container_id.empty() && !has_lasting_name);
}

}  // namespace cgmm::core
