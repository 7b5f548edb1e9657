// SPDX-License-Identifier: Apache-2.0
#include "core/container.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "core/glob.hpp"

namespace cgmm::core {
namespace {

using base::drop_prefix;
using base::drop_suffix;

constexpr std::size_t kFullIdLength = 64;
constexpr std::size_t kShortestIdLength = 12;  // after a runtime's prefix; an id without prefix must have full length
constexpr std::size_t kBuildIdLength = 25;
constexpr std::size_t kUuidLength = 36;

bool all_of(std::string_view text, std::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kLowerCase = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kName = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.";

bool uuid(std::string_view text) { return text.size() == kUuidLength && is_pod_uid(text); }

// What an id looks like.
bool hex(std::string_view id) { return id.size() >= kShortestIdLength && id.size() <= kFullIdLength && is_hex(id); }
bool full(std::string_view id) { return id.size() == kFullIdLength && is_hex(id); }
bool number(std::string_view id) { return all_of(id, kDigits); }
bool build(std::string_view id) { return id.size() == kBuildIdLength && all_of(id, kLowerCase); }
bool name(std::string_view id) { return all_of(id, kName); }
bool handle(std::string_view id) { return name(id) && id != "good" && id != "bad"; }  // two directories of them
bool machine(std::string_view id) { return name(id) && !id.starts_with("qemu-") && !id.starts_with("lxc-"); }
bool allocation(std::string_view id) {  // "e389b2dd-945b-6577-a461-df45cb42b7d0.web"
  return id.size() > kUuidLength + 1 && uuid(id.substr(0, kUuidLength)) && id[kUuidLength] == '.' && name(id);
}
bool task(std::string_view id) {  // "bf1ddbfbbc8f45c9b1ac4f779368741e-2531612879"
  return id.size() > 33 && id[32] == '-' && is_hex(id.substr(0, 32)) && number(id.substr(33));
}
bool yarn(std::string_view id) { return all_of(id, "e_0123456789"); }

/// One way in which a container's directory can be called.
struct Layout {
  std::string_view below;   // glob on the path of the directory that it is in
  std::string_view prefix;  // of its name, before the id
  std::string_view suffix;  // after the id. ".scope": of systemd; "[.scope]": with both cgroup drivers
  bool (*is_id)(std::string_view);
  std::string_view runtime;
};
constexpr std::string_view kEither = "[.scope]";

// The first that fits decides. Not here, because they are no containers: crio-conmon-ID and libpod-conmon-ID
// (monitors), lxc.monitor.NAME, machine-qemu-NAME.scope (virtual machines), and units that are only called like a
// runtime.
constexpr auto kLayouts = std::to_array<Layout>({
    {"*", "cri-containerd-", kEither, hex, "containerd"},
    {"*", "cri-containerd-", kEither, task, "containerd"},  // ECS
    {"*", "nerdctl-", kEither, hex, "containerd"},
    {"/default", "", "", name, "containerd"},  // `ctr run` in its default namespace
    {"*", "crio-", kEither, hex, "cri-o"},
    {"*", "docker-", kEither, hex, "docker"},
    {"*/docker", "", "", full, "docker"},
    {"*", "libpod-payload-", kEither, hex, "podman"},  // --cgroups=split
    {"*", "libpod-", kEither, hex, "podman"},
    {"*", "kata_", kEither, full, "kata"},
    {"*/kata_overhead", "", "", full, "kata"},  // the virtual machine and its helpers, with sandbox_cgroup_only=false
    {"*/buildkit", "", "", build, "buildkit"},
    {"*", "buildkit-", kEither, build, "buildkit"},
    {"*/lxc", "", "", name, "lxc"},  // up to LXC 3.0; Proxmox
    {"*/lxc.payload", "", "", name, "lxc"},
    {"*", "lxc.payload.", "", name, "lxc"},        // LXC 4, LXD, Incus
    {"*", "machine-lxc-", ".scope", name, "lxc"},  // libvirt
    {"*", "systemd-nspawn@", ".service", name, "nspawn"},
    {"*/machine.slice", "machine-", ".scope", machine, "nspawn"},  // registered with systemd-machined
    {"*", "", ".scope", allocation, "nomad"},
    {"*/nomad*", "", "", allocation, "nomad"},
    {"*/ecs/*", "", "", task, ""},
    {"*/garden", "", "", handle, "garden"},
    {"*/garden/good", "", "", name, "garden"},
    {"*/garden/bad", "", "", name, "garden"},
    {"*/uid_*", "job_", "", number, "slurm"},
    {"*slurmstepd.scope", "job_", "", number, "slurm"},
    {"*/mesos", "", "", uuid, "mesos"},
    {"*yarn", "container_", "", yarn, "yarn"},
    {"*/firecracker", "", "", name, "firecracker"},
    {"*", "apptainer-", ".scope", number, "apptainer"},
    {"*", "buildah-buildah", "", number, "buildah"},
    {"*", "runc-", ".scope", name, "runc"},  // by hand, and builds with Buildah
    {"*", "crun-", ".scope", name, "crun"},
    {"*", "youki-", ".scope", name, "youki"},
    {"*", "", "", full, ""},  // cgroupfs below a pod or with a --cgroup-parent: the path does not tell the runtime
});

/// The pod UID with '-', from systemd's form with '_'; "" if it is none.
std::string pod_uid(std::string_view text) {
  std::string uid(text);
  std::ranges::replace(uid, '_', '-');
  return is_pod_uid(uid) ? uid : std::string{};
}

/// Reads what a segment says about Kubernetes: "kubepods", "burstable", "pod<uid>", and systemd's
/// "kubepods-burstable-pod<uid>.slice" (with the prefix "kubelet-" if the kubelet has its own slice).
void learn_pod(std::string_view segment, ContainerIdentity& identity) {
  drop_suffix(segment, ".slice");
  constexpr std::string_view kRoot = "kubepods";
  if (const std::size_t at = segment.find(kRoot); at != std::string_view::npos) {
    if (identity.qos_class.empty()) identity.qos_class = "guaranteed";
    segment.remove_prefix(at + kRoot.size());
    drop_prefix(segment, "-");
  }
  if (identity.qos_class.empty()) return;  // not below kubepods: "burstable" is an ordinary name
  for (const std::string_view qos_class : {"burstable", "besteffort"}) {
    if (!drop_prefix(segment, qos_class)) continue;
    identity.qos_class = qos_class;
    drop_prefix(segment, "-");
  }
  if (drop_prefix(segment, "pod")) {
    if (std::string uid = pod_uid(segment); !uid.empty()) identity.pod_uid = uid;
  }
}

bool fits(const Layout& layout, std::string_view parent, std::string_view name, ContainerIdentity& identity) {
  if (!drop_prefix(name, layout.prefix)) return false;
  const std::string_view suffix = layout.suffix == kEither ? ".scope" : layout.suffix;
  if (!drop_suffix(name, suffix) && layout.suffix != kEither) return false;
  if (!layout.is_id(name)) return false;
  if (layout.below != "*" && !glob_matches(std::string(layout.below), parent)) return false;
  identity.runtime = layout.runtime;
  identity.container_id = name;
  return true;
}

/// Podman's pods: "machine-libpod_pod_<id>.slice", and with cgroupfs "/libpod_parent/<id>".
bool is_pod_of_podman(std::string_view segment, std::string_view parent) {
  if (parent.ends_with("/libpod_parent")) return full(segment);
  constexpr std::string_view kPod = "libpod_pod_";
  const std::size_t at = segment.find(kPod);
  if (at == std::string_view::npos) return false;
  segment.remove_prefix(at + kPod.size());
  drop_suffix(segment, ".slice");
  return full(segment);
}

/// Runtime and id from a container's segment; false: it is not a container's. `parent`: the path that it is in.
bool learn_container(std::string_view segment, std::string_view parent, ContainerIdentity& identity) {
  if (is_pod_of_podman(segment, parent)) return false;
  std::string name = base::unescaped(segment, "\\x", 2, 16);  // systemd's "machine-web\x2d1.scope" is of "web-1"
  // A runtime without the systemd driver, told names as if it had:
  // "kubepods-burstable-pod<uid>.slice:cri-containerd:<id>"
  const std::size_t colon = segment.find(".slice:");
  const bool is_misplaced = colon != std::string_view::npos && std::ranges::count(segment, ':') == 2;
  if (is_misplaced) {
    learn_pod(segment.substr(0, segment.find(':')), identity);
    name = segment.substr(segment.find(':') + 1);
    std::ranges::replace(name, ':', '-');
  }
  const bool is_one = std::ranges::any_of(kLayouts, [&](const Layout& layout) {
    // The third part is all of the id: "x.slice:lxc.payload.web:1" is not the container "web-1".
    return fits(layout, parent, name, identity) && (!is_misplaced || segment.ends_with(":" + identity.container_id));
  });
  if (is_one && is_misplaced && segment.starts_with("kata_")) identity.runtime = "kata";
  return is_one;
}

/// Calls `visit(segment, its end, the path before it)` for each, until that returns true.
template <class Visit>
void each_segment(std::string_view path, Visit visit) {
  std::size_t begin = path.starts_with('/') ? 1 : 0;
  while (begin < path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (visit(path.substr(begin, end - begin), end, path.substr(0, begin == 0 ? 0 : begin - 1))) return;
    begin = end + 1;
  }
}

}  // namespace

bool is_hex(std::string_view text) { return text.find_first_not_of("0123456789abcdef") == std::string_view::npos; }

bool is_pod_uid(std::string_view text) {
  if (text.size() == 32) return is_hex(text);  // of a static pod
  std::string digits(text);
  for (const std::size_t dash : {23U, 18U, 13U, 8U}) {
    if (text.size() != kUuidLength || text[dash] != '-') return false;
    digits.erase(dash, 1);
  }
  return is_hex(digits);
}

std::optional<RecognisedContainer> recognise_container(std::string_view path, std::size_t from) {
  RecognisedContainer result;
  each_segment(path, [&](std::string_view segment, std::size_t end, std::string_view parent) {
    if (end > from && learn_container(segment, parent, result.identity)) {
      result.path_length = end;
      return true;
    }
    learn_pod(segment, result.identity);
    return false;
  });
  return result.path_length > 0 ? std::optional(result) : std::nullopt;
}

bool is_pod(std::string_view path) {
  ContainerIdentity identity;
  bool is_podmans = false;
  each_segment(path, [&](std::string_view segment, std::size_t, std::string_view parent) {
    identity.pod_uid.clear();  // only the last one counts
    learn_pod(segment, identity);
    is_podmans = is_pod_of_podman(segment, parent);
    return false;
  });
  return is_podmans || !identity.pod_uid.empty();
}

ContainerIdentity identity_of(std::string_view path, std::size_t from) {
  if (auto recognised = recognise_container(path, from)) return std::move(recognised->identity);
  ContainerIdentity identity;
  if (!is_pod(path)) return identity;
  each_segment(path, [&](std::string_view segment, std::size_t, std::string_view) {
    learn_pod(segment, identity);
    return false;
  });
  return identity;
}

}  // namespace cgmm::core
