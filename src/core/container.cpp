// SPDX-License-Identifier: Apache-2.0
#include "core/container.hpp"

#include <algorithm>
#include <array>

namespace cgmm::core {
namespace {

constexpr std::string_view kScope = ".scope";
constexpr std::string_view kSlice = ".slice";
constexpr std::size_t kFullIdLength = 64;
constexpr std::size_t kShortestIdLength = 12;  // after a runtime's prefix; an id without prefix must have full length

struct Prefix {
  std::string_view text;
  std::string_view runtime;
};
// crio-conmon-ID and libpod-conmon-ID are the monitor of a container, not the container. They don't match, because
// "conmon-..." is not hexadecimal.
constexpr std::array<Prefix, 6> kPrefixes = {{{"cri-containerd-", "containerd"},
                                              {"nerdctl-", "containerd"},
                                              {"crio-", "cri-o"},
                                              {"docker-", "docker"},
                                              {"libpod-payload-", "podman"},
                                              {"libpod-", "podman"}}};

/// The pod UID with '-', from systemd's form with '_'; "" if it is none.
std::string pod_uid(std::string_view text) {
  std::string uid(text);
  std::ranges::replace(uid, '_', '-');
  return is_pod_uid(uid) ? uid : std::string{};
}

/// Reads what a segment says about Kubernetes: "kubepods", "burstable", "pod<uid>", and systemd's
/// "kubepods-burstable-pod<uid>.slice" (with the prefix "kubelet-" if the kubelet has its own slice).
void learn_pod(std::string_view segment, ContainerIdentity& identity) {
  if (segment.ends_with(kSlice)) segment.remove_suffix(kSlice.size());
  constexpr std::string_view kRoot = "kubepods";
  if (const std::size_t at = segment.find(kRoot); at != std::string_view::npos) {
    if (identity.qos_class.empty()) identity.qos_class = "guaranteed";
    segment.remove_prefix(at + kRoot.size());
    if (segment.starts_with('-')) segment.remove_prefix(1);
  }
  if (identity.qos_class.empty()) return;  // not below kubepods: "burstable" is an ordinary name
  for (const std::string_view qos_class : {"burstable", "besteffort"}) {
    if (!segment.starts_with(qos_class)) continue;
    identity.qos_class = qos_class;
    segment.remove_prefix(qos_class.size());
    if (segment.starts_with('-')) segment.remove_prefix(1);
  }
  if (segment.starts_with("pod")) {
    if (std::string uid = pod_uid(segment.substr(3)); !uid.empty()) identity.pod_uid = uid;
  }
}

/// Runtime and id from a container's segment; false: it is not a container's.
bool learn_container(std::string_view segment, std::string_view parent, ContainerIdentity& identity) {
  const auto is_one = [&](std::string_view runtime, std::string_view id, std::size_t shortest) {
    if (id.size() < shortest || id.size() > kFullIdLength || !is_hex(id)) return false;
    identity.runtime = runtime;
    identity.container_id = id;
    return true;
  };
  constexpr std::string_view kMisplaced = ":cri-containerd:";
  if (const auto colon = segment.rfind(kMisplaced); colon != std::string_view::npos) {
    // A misconfigured containerd, without the systemd driver: "kubepods-burstable-pod<uid>.slice:cri-containerd:<id>"
    learn_pod(segment.substr(0, colon), identity);
    return is_one("containerd", segment.substr(colon + kMisplaced.size()), kShortestIdLength);
  }
  std::string_view name = segment;
  if (name.ends_with(kScope)) name.remove_suffix(kScope.size());
  for (const Prefix& prefix : kPrefixes) {
    if (!name.starts_with(prefix.text)) continue;
    if (is_one(prefix.runtime, name.substr(prefix.text.size()), kShortestIdLength)) return true;
  }
  // Below a pod, the cgroupfs driver's path does not name the runtime.
  if (parent == "docker") return is_one("docker", segment, kFullIdLength);
  return !identity.pod_uid.empty() && is_one("", segment, kFullIdLength);
}

}  // namespace

bool is_hex(std::string_view text) { return text.find_first_not_of("0123456789abcdef") == std::string_view::npos; }

bool is_pod_uid(std::string_view text) {
  if (text.size() == 32) return is_hex(text);  // of a static pod
  std::string digits(text);
  for (const std::size_t dash : {23U, 18U, 13U, 8U}) {
    if (text.size() != 36 || text[dash] != '-') return false;
    digits.erase(dash, 1);
  }
  return is_hex(digits);
}

std::optional<RecognisedContainer> recognise_container(std::string_view path, std::size_t from) {
  RecognisedContainer result;
  std::string_view parent;
  std::size_t begin = path.starts_with('/') ? 1 : 0;
  while (begin < path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (end > from && learn_container(segment, parent, result.identity)) {
      result.path_length = end;
      return result;
    }
    learn_pod(segment, result.identity);
    parent = segment;
    begin = end + 1;
  }
  return std::nullopt;
}

ContainerIdentity container_of(std::string_view path, std::size_t from) {
  const auto recognised = recognise_container(path, from);
  return recognised ? recognised->identity : ContainerIdentity{};
}

}  // namespace cgmm::core
