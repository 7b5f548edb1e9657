// SPDX-License-Identifier: Apache-2.0
#pragma once

// What kubelet and containerd make of a pod's specification, as far as our manifests go: a bundle for runc with the
// same process, mounts, powers and bounds. Whatever is in the specification and not known here is an error, so that
// nothing is left out.

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "image/built_image.hpp"

namespace cgmm::test {

using Json = nlohmann::json;
/// spec.nodeName of each pod.
inline constexpr const char* kNodeName = "node-of-the-test";
/// RuntimeDefault, as CRI-O and Podman have it.
inline constexpr const char* kSeccompProfile = "/usr/share/containers/seccomp.json";

/// "64Mi".
inline std::int64_t memory_of(const std::string& quantity) {
  const std::map<std::string, std::int64_t> units{{"", 1}, {"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}};
  std::size_t digits = 0;
  const std::int64_t number = std::stoll(quantity, &digits);
  return number * units.at(quantity.substr(digits));
}

/// "300m", in thousandths of a core.
inline std::int64_t millicores_of(const std::string& quantity) {
  return quantity.ends_with('m') ? std::stoll(quantity) : 1000 * std::stoll(quantity);
}

inline void expect_only(const Json& object, const std::vector<std::string>& known) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw std::runtime_error("kubelet.hpp knows no " + key);
  }
}

/// The profile without what holds for other machines and other powers.
inline Json seccomp_for(const Json& capabilities) {
  const Json profile = json_file(kSeccompProfile);
  const auto any_of = [&](const Json& rule, const char* when) {
    const Json caps = rule.value(when, Json::object()).value("caps", Json::array());
    return std::any_of(caps.begin(), caps.end(), [&](const Json& cap) {
      return std::find(capabilities.begin(), capabilities.end(), cap) != capabilities.end();
    });
  };
  Json rules = Json::array();
  for (const Json& rule : profile.at("syscalls")) {
    const Json includes = rule.value("includes", Json::object());
    const Json arches = includes.value("arches", Json::array({"amd64"}));
    const bool of_this_machine = std::find(arches.begin(), arches.end(), "amd64") != arches.end();
    if (!of_this_machine || (includes.contains("caps") && !any_of(rule, "includes")) || any_of(rule, "excludes"))
      continue;
    Json& added = rules.emplace_back(Json{{"names", rule.at("names")}, {"action", rule.at("action")}});
    if (rule.contains("errnoRet")) added["errnoRet"] = rule.at("errnoRet");
    if (rule.contains("args") && rule.at("args").is_array()) added["args"] = rule.at("args");
  }
  return {{"defaultAction", profile.at("defaultAction")},
          {"defaultErrnoRet", profile.at("defaultErrnoRet")},
          {"architectures", {"SCMP_ARCH_X86_64"}},
          {"syscalls", rules}};
}

/// Those that matter here and that this machine has to give.
inline Json capabilities_of_privileged() {
  constexpr std::pair<int, const char*> kNames[] = {
      {CAP_CHOWN, "CAP_CHOWN"},  {CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"}, {CAP_FOWNER, "CAP_FOWNER"},
      {CAP_KILL, "CAP_KILL"},    {CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},       {CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE"},
      {CAP_SYSLOG, "CAP_SYSLOG"}};
  Json names = Json::array();
  for (const auto& [number, name] : kNames) {
    if (::prctl(PR_CAPBSET_READ, number) == 1) names.push_back(name);
  }
  return names;
}

/// A volume of a ConfigMap, as kubelet lays it out: links, in a directory that everybody may write to.
inline std::string config_map_volume(const Json& config_map, const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory / "..2026_data");
  std::filesystem::create_symlink("..2026_data", directory / "..data");
  for (const auto& [name, text] : config_map.at("data").items()) {
    std::ofstream(directory / "..2026_data" / name) << text.get<std::string>();
    std::filesystem::create_symlink("..data/" + name, directory / name);
  }
  ::chmod(directory.c_str(), 0777);
  return directory;
}

class Bundle {
 public:
  /// Of the first container of the pod that `objects`' DaemonSet describes. The node's directories are below `node`;
  /// the container's cgroup is `cgroup`, in a namespace of its own where `cgroup_namespace` says so: that is how it is
  /// on nodes with cgroup v2.
  Bundle(const BuiltImage& image, const Json& objects, const std::filesystem::path& node, const std::string& cgroup,
         const std::filesystem::path& directory, bool cgroup_namespace) {
    std::filesystem::create_directories(directory);
    const Json* daemon_set = find(objects, "DaemonSet");
    const Json& pod = daemon_set->at("spec").at("template").at("spec");
    const Json& container = pod.at("containers").at(0);
    expect_only(
        pod, {"containers", "volumes", "serviceAccountName", "automountServiceAccountToken", "enableServiceLinks",
              "nodeSelector", "tolerations", "priorityClassName", "terminationGracePeriodSeconds", "securityContext"});
    expect_only(container, {"name", "image", "command", "args", "env", "resources", "securityContext", "volumeMounts",
                            "readinessProbe", "livenessProbe", "ports"});
    image.unpack(directory / "rootfs");

    const Json security = container.value("securityContext", Json::object());
    expect_only(security, {"runAsUser", "runAsGroup", "runAsNonRoot", "privileged", "allowPrivilegeEscalation",
                           "readOnlyRootFilesystem", "capabilities", "seccompProfile"});
    const Json of_pod = pod.value("securityContext", Json::object());
    expect_only(of_pod, {"supplementalGroups", "fsGroup"});
    if (of_pod.contains("fsGroup")) fs_group_ = of_pod.at("fsGroup");
    const bool privileged = security.value("privileged", false);
    config_ = {{"ociVersion", "1.0.2"},
               {"root", {{"path", "rootfs"}, {"readonly", security.value("readOnlyRootFilesystem", false)}}},
               {"linux", {{"cgroupsPath", cgroup}, {"namespaces", Json::array()}}}};
    for (const char* kind : {"pid", "ipc", "uts", "network", "mount"})
      config_["linux"]["namespaces"].push_back({{"type", kind}});
    if (cgroup_namespace) config_["linux"]["namespaces"].push_back({{"type", "cgroup"}});
    set_process(image.config().at("config"), container, security, privileged);
    for (const Json& group : of_pod.value("supplementalGroups", Json::array()))
      config_["process"]["user"]["additionalGids"].push_back(group);
    if (fs_group_) config_["process"]["user"]["additionalGids"].push_back(*fs_group_);
    set_mounts(objects, pod, container, node, directory);
    set_resources(container.at("resources").at("limits"), privileged);
    std::ofstream(directory / "config.json") << config_.dump(1);
  }

 private:
  static const Json* find(const Json& objects, const std::string& kind, const std::string& name = "") {
    for (const Json& object : objects) {
      if (object.at("kind") == kind && (name.empty() || object.at("metadata").at("name") == name)) return &object;
    }
    throw std::runtime_error("no " + kind + " " + name);
  }

  void set_process(const Json& image, const Json& container, const Json& security, bool privileged) {
    Json arguments = container.contains("command") ? container.at("command") : image.at("Entrypoint");
    for (const Json& argument : container.value("args", Json::array())) arguments.push_back(argument);
    Json environment = image.at("Env");
    for (const Json& one : container.value("env", Json::array())) {
      if (one.contains("valueFrom") && one.at("valueFrom").at("fieldRef").at("fieldPath") != "spec.nodeName")
        throw std::runtime_error("kubelet.hpp knows no such field");
      environment.push_back(one.at("name").get<std::string>() + "=" +
                            (one.contains("valueFrom") ? kNodeName : one.at("value").get<std::string>()));
    }
    Json capabilities = Json::array();
    if (privileged) {
      capabilities = capabilities_of_privileged();
    } else {
      if (security.at("capabilities").at("drop") != Json::array({"ALL"}))
        throw std::runtime_error("expected drop: [ALL]");
      for (const Json& name : security.at("capabilities").value("add", Json::array()))
        capabilities.push_back("CAP_" + name.get<std::string>());
      if (security.at("seccompProfile").at("type") != "RuntimeDefault")
        throw std::runtime_error("expected RuntimeDefault");
      config_["linux"]["seccomp"] = seccomp_for(capabilities);
    }
    config_["process"] = {
        {"terminal", false},
        {"user",
         {{"uid", security.value("runAsUser", 0)},
          {"gid", security.value("runAsGroup", 0)},
          {"additionalGids", Json::array()}}},
        {"args", arguments},
        {"env", environment},
        {"cwd", "/"},
        {"noNewPrivileges", !security.value("allowPrivilegeEscalation", true)},
        {"capabilities", {{"bounding", capabilities}, {"effective", capabilities}, {"permitted", capabilities}}}};
  }

  void set_mounts(const Json& objects, const Json& pod, const Json& container, const std::filesystem::path& node,
                  const std::filesystem::path& directory) {
    Json& mounts = config_["mounts"];
    mounts = {{{"destination", "/proc"}, {"type", "proc"}, {"source", "proc"}},
              {{"destination", "/dev"},
               {"type", "tmpfs"},
               {"source", "tmpfs"},
               {"options", {"nosuid", "mode=755", "size=64k"}}},
              {{"destination", "/sys"},
               {"type", "sysfs"},
               {"source", "sysfs"},
               {"options", {"nosuid", "noexec", "nodev", "ro"}}},
              {{"destination", "/sys/fs/cgroup"},
               {"type", "cgroup"},
               {"source", "cgroup"},
               {"options", {"nosuid", "nodev", "ro"}}}};
    for (const Json& mount : container.at("volumeMounts")) {
      expect_only(mount, {"name", "mountPath", "readOnly", "recursiveReadOnly"});
      const auto& volumes = pod.at("volumes");
      const auto volume = std::find_if(volumes.begin(), volumes.end(),
                                       [&](const Json& one) { return one.at("name") == mount.at("name"); });
      if (volume == volumes.end()) throw std::runtime_error("no volume " + mount.at("name").get<std::string>());
      if (volume->contains("emptyDir") && volume->at("emptyDir").value("medium", "") == "Memory") {
        mounts.push_back({{"destination", mount.at("mountPath")}, {"type", "tmpfs"}, {"source", "tmpfs"}});
        continue;
      }
      std::string source;
      if (volume->contains("emptyDir")) {
        source = directory / ("volume-" + mount.at("name").get<std::string>());
        std::filesystem::create_directories(source);
        ::chmod(source.c_str(), 0777);
      } else if (volume->contains("projected")) {
        source = directory / ("volume-" + mount.at("name").get<std::string>());
        put_projected(objects, volume->at("projected"), source);
      } else if (volume->contains("hostPath")) {
        source = volume->at("hostPath").at("path");
        if (!source.starts_with("/dev/")) source = node.string() + source;
        if (volume->at("hostPath").value("type", "") == "DirectoryOrCreate")
          std::filesystem::create_directories(source);
      } else {
        const Json& config_map = *find(objects, "ConfigMap", volume->at("configMap").at("name"));
        source = config_map_volume(config_map, directory / "config-volume");
      }
      mounts.push_back({{"destination", mount.at("mountPath")},
                        {"type", "bind"},
                        {"source", source},
                        {"options",
                         {"rbind", "rprivate",
                          mount.contains("recursiveReadOnly") ? "rro"
                          : mount.value("readOnly", false)    ? "ro"
                                                              : "rw"}}});
    }
  }

  /// What of its sources there is, readable for fsGroup.
  void put_projected(const Json& objects, const Json& projected, const std::filesystem::path& directory) const {
    std::filesystem::create_directories(directory);
    for (const Json& source : projected.at("sources")) {
      const bool is_secret = source.contains("secret");
      const Json& named = source.at(is_secret ? "secret" : "configMap");
      for (const Json& object : objects) {
        if (object.at("kind") != (is_secret ? "Secret" : "ConfigMap") ||
            object.at("metadata").at("name") != named.at("name"))
          continue;
        for (const auto& [name, text] : object.at(is_secret ? "stringData" : "data").items()) {
          const auto file = directory / name;
          std::ofstream(file) << text.get<std::string>();
          ::chmod(file.c_str(), projected.at("defaultMode").get<mode_t>());
          [[maybe_unused]] const int ignored = ::chown(file.c_str(), 0, fs_group_.value_or(0));
        }
      }
    }
  }

  void set_resources(const Json& limits, bool privileged) {
    expect_only(limits, {"memory", "cpu"});
    Json& resources = config_["linux"]["resources"];
    resources = {{"memory", {{"limit", memory_of(limits.at("memory"))}}},
                 {"devices", Json::array({{{"allow", privileged}, {"access", "rwm"}}})}};
    if (limits.contains("cpu")) {
      resources["cpu"] = {{"period", 100'000}, {"quota", 100 * millicores_of(limits.at("cpu"))}};
    }
  }

  Json config_;
  std::optional<gid_t> fs_group_;
};

}  // namespace cgmm::test
