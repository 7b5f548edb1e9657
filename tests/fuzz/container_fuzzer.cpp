// SPDX-License-Identifier: Apache-2.0
// Any bytes as a cgroup's path, and as the name of one of kubelet's log files: who makes a cgroup chooses its name, and
// must not get an identity that is not in it.

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>

#include "core/container.hpp"
#include "core/workload.hpp"
#include "require.hpp"

namespace {

using namespace cgmm::core;

bool only_hex(std::string_view text) { return text.find_first_not_of("0123456789abcdef") == std::string_view::npos; }

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool is_uid(std::string_view uid) {
  std::string digits(uid);
  std::erase(digits, '-');
  return digits.size() == 32 && only_hex(digits) && (uid.size() == 32 || uid.size() == 36);
}

void check(const ContainerIdentity& identity, std::string_view path) {
  const std::string& id = identity.container_id;
  REQUIRE(!id.empty() && id.size() <= path.size());
  REQUIRE(std::ranges::all_of(
      id, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; }));
  REQUIRE(path.find(id) != std::string_view::npos || path.find("\\x") != std::string_view::npos);
  REQUIRE(is_one_of(identity.runtime, {"",         "containerd",  "cri-o",     "docker", "podman", "kata",  "buildah",
                                       "buildkit", "lxc",         "nspawn",    "nomad",  "garden", "slurm", "mesos",
                                       "yarn",     "firecracker", "apptainer", "runc",   "crun",   "youki"}));
  REQUIRE(is_one_of(identity.qos_class, {"", "guaranteed", "burstable", "besteffort"}));
  REQUIRE(identity.qos_class.empty() || path.find("kubepods") != std::string_view::npos);
  if (identity.pod_uid.empty()) return;
  REQUIRE(is_uid(identity.pod_uid) && !identity.qos_class.empty());
  std::string dashed(path);
  std::replace(dashed.begin(), dashed.end(), '_', '-');
  REQUIRE(dashed.find("pod" + identity.pod_uid) != std::string::npos);
}

void check_path(std::string_view path, std::size_t from) {
  const auto found = recognise_container(path, from);
  if (!found) return;
  const std::string own(path.substr(0, found->path_length));
  REQUIRE(found->path_length > from && found->path_length <= path.size());
  REQUIRE(found->path_length == path.size() || path[found->path_length] == '/');
  check(found->identity, own);
  for (const std::string& same : {own, own + "/init", own + "/docker/" + std::string(64, 'e')}) {
    const auto again = recognise_container(same, from);
    REQUIRE(again && again->identity == found->identity && again->path_length == found->path_length);
  }
  const std::string workload = workload_of({}, found->identity, path);
  const bool is_named = is_one_of(found->identity.runtime, {"lxc", "nspawn"}) && found->identity.pod_uid.empty();
  REQUIRE(workload == (is_named                          ? std::string(path)
                       : found->identity.pod_uid.empty() ? ""
                                                         : "pod/" + found->identity.pod_uid));
}

void check_names(const ContainerNames& names) {
  for (const std::string* const name : {&names.pod_namespace, &names.pod, &names.container}) {
    REQUIRE(name->find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") == std::string::npos);
    REQUIRE(name->size() <= 253);
  }
  const std::string prefix(pod_prefix(names.pod));
  REQUIRE(!prefix.empty() && names.pod.starts_with(prefix));
  const std::string group = pod_group(names.pod, names.container);
  REQUIRE(!group.empty() && group.size() <= names.pod.size());
  REQUIRE(workload_of(names, {}, "/x").starts_with(names.pod_namespace + "/" + group));
}

/// What a name tells is all of the name: put together again it is the same.
void check_log_names(std::string_view text) {
  if (const auto log = parse_container_log(text)) {
    check_names(log->names);
    REQUIRE(log->key.size() == 64 && only_hex(log->key));
    REQUIRE(text ==
            log->names.pod + "_" + log->names.pod_namespace + "_" + log->names.container + "-" + log->key + ".log");
  }
  if (const auto log = parse_cut_container_log(text)) {
    check_names(log->names);
    REQUIRE(text.size() == 255 && log->key.size() < 64 && only_hex(log->key));
    REQUIRE(text ==
            log->names.pod + "_" + log->names.pod_namespace + "_" + log->names.container + "-" + log->key + ".log");
  }
  if (const auto pod = parse_pod_log_dir(text)) {
    check_names(pod->names);
    REQUIRE(is_uid(pod->key) && pod->names.container.empty());
    REQUIRE(text == pod->names.pod_namespace + "_" + pod->names.pod + "_" + pod->key);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = cgmm::fuzz::text_of(data, size);
  check_path(text, 0);
  check_path(text, std::min(text.size(), std::min(text.rfind('/'), text.size())));
  check_log_names(text);
  const std::string prefix(pod_prefix(text));
  REQUIRE(text.starts_with(prefix) && prefix.empty() == text.empty());
  return 0;
}
