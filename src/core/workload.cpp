// SPDX-License-Identifier: Apache-2.0
#include "core/workload.hpp"

#include <algorithm>
#include <cstddef>

namespace cgmm::core {
namespace {

constexpr std::size_t kIdLength = 64;
constexpr std::size_t kUidLength = 36;
constexpr std::size_t kStaticUidLength = 32;
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

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }
bool is_alphanumeric(char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); }

bool all_digits(std::string_view text) { return std::all_of(text.begin(), text.end(), is_digit); }
bool all_hex(std::string_view text) { return std::all_of(text.begin(), text.end(), is_hex_digit); }
bool all_generated(std::string_view text) { return text.find_first_not_of(kGenerated) == std::string_view::npos; }

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= kMaxLabel && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool is_pod_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxPodName && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; });
}

bool is_pod_uid(std::string_view text) {
  if (text.size() == kStaticUidLength) return all_hex(text);
  if (text.size() != kUidLength) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex_digit(text[i])) return false;
  }
  return true;
}

struct Parts {
  std::string_view first;
  std::string_view second;
  std::string_view rest;
};

/// "first_second_rest". The caller must refuse an underscore in rest.
std::optional<Parts> split_parts(std::string_view text) {
  const std::size_t one = text.find('_');
  if (one == std::string_view::npos) return std::nullopt;
  const std::size_t two = text.find('_', one + 1);
  if (two == std::string_view::npos) return std::nullopt;
  return Parts{text.substr(0, one), text.substr(one + 1, two - one - 1), text.substr(two + 1)};
}

struct LastWord {
  std::string_view before;  // without the '-'; "": there is only one word
  std::string_view word;
};

LastWord last_word(std::string_view text) {
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
         std::any_of(word.begin(), word.end(), is_digit);
}

/// What may be left of a truncated hash.
bool is_rest_of_controllers(std::string_view word) {
  return !word.empty() && word.size() <= kMaxHash && (all_generated(word) || all_digits(word));
}

std::string_view prefix_of(std::string_view pod) {
  const LastWord last = last_word(pod);
  if (!last.before.empty() && is_ordinal(last.word)) return last.before;
  if (!last.before.empty() && is_suffix(last.word)) {
    const LastWord controllers = last_word(last.before);
    return !controllers.before.empty() && is_controllers(controllers.word) ? controllers.before : last.before;
  }
  if (pod.size() == kGeneratedNameLength && all_generated(pod.substr(pod.size() - kSuffixLength))) {
    const std::string_view cut = pod.substr(0, pod.size() - kSuffixLength);
    const LastWord rest = last_word(cut);
    return !rest.before.empty() && is_rest_of_controllers(rest.word) ? rest.before : cut;
  }
  return pod;
}

}  // namespace

std::optional<NamedContainer> parse_container_log(std::string_view file_name) {
  constexpr std::string_view kEnding = ".log";
  if (!file_name.ends_with(kEnding)) return std::nullopt;
  file_name.remove_suffix(kEnding.size());
  const auto parts = split_parts(file_name);
  if (!parts || parts->rest.size() <= kIdLength + 1) return std::nullopt;
  const std::string_view id = parts->rest.substr(parts->rest.size() - kIdLength);
  std::string_view container = parts->rest.substr(0, parts->rest.size() - kIdLength);
  if (!all_hex(id) || !container.ends_with('-')) return std::nullopt;
  container.remove_suffix(1);
  if (!is_pod_name(parts->first) || !is_label(parts->second) || !is_label(container)) return std::nullopt;
  return NamedContainer{std::string(id),
                        {std::string(parts->second), std::string(parts->first), std::string(container)}};
}

std::optional<NamedPod> parse_pod_log_dir(std::string_view name) {
  const auto parts = split_parts(name);
  if (!parts || !is_label(parts->first) || !is_pod_name(parts->second) || !is_pod_uid(parts->rest)) return std::nullopt;
  return NamedPod{std::string(parts->rest), {std::string(parts->first), std::string(parts->second), ""}};
}

std::string pod_prefix(std::string_view pod) { return std::string(prefix_of(pod)); }

std::string workload_of(const ContainerNames& names, const ContainerIdentity& identity, std::string_view cgroup_path) {
  if (!names.pod_namespace.empty() && !names.pod.empty()) {
    std::string workload = names.pod_namespace + "/" + pod_prefix(names.pod);
    if (!names.container.empty()) workload += "/" + names.container;
    return workload;
  }
  if (!identity.pod_uid.empty()) return "pod/" + identity.pod_uid;
  if (!identity.container_id.empty()) return {};
  return std::string(cgroup_path);
}

}  // namespace cgmm::core
