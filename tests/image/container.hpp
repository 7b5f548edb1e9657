// SPDX-License-Identifier: Apache-2.0
#pragma once

// A container that runc runs, and the node that it runs on: the real kernel and its cgroups, from a directory of the
// test's own on.

#include <sched.h>
#include <sys/mount.h>

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "image/kubelet.hpp"
#include "support/child_process.hpp"
#include "support/program.hpp"
#include "support/real_cgroup.hpp"
#include "support/workload.hpp"

namespace cgmm::test {

inline void must_succeed(int result, const char* what) {
  if (result != 0) throw std::system_error(errno, std::generic_category(), what);
}

/// The root directory of a node: its /sys/fs/cgroup/memory is a cgroup of the test's own, with a pod that has filled
/// its page cache. Mounted where nobody else sees it, and gone with the test.
class Node {
 public:
  static constexpr const char* kContainerId = "5f1d7e0f4c3a2b19887766554433221100ffeeddccbbaa998877665544332211";
  static constexpr const char* kPod = "kubepods/burstable/pod1f0c2a3b-0000-4000-8000-000000000001";

  Node() {
    static const bool once = [] {
      must_succeed(::unshare(CLONE_NEWNS), "unshare");
      must_succeed(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "mount /");
      return true;
    }();
    static_cast<void>(once);
    namespace fs = std::filesystem;
    fs::create_directories(memory());
    fs::create_directories(root() / "var/log/pods");
    fs::create_directories(root() / "var/log/containers");
    fs::create_symlink(
        "/var/log/pods/shop_web-7d9c5b8f6d-x2x4z_1f0c2a3b-0000-4000-8000-000000000001/app/0.log",
        root() / ("var/log/containers/web-7d9c5b8f6d-x2x4z_shop_app-" + std::string(kContainerId) + ".log"));
    must_succeed(::mount(tree_.dir().c_str(), memory().c_str(), nullptr, MS_BIND, nullptr), "bind mount");
    pod_.emplace(tree_.make(std::string(kPod) + "/" + kContainerId, 64 << 20), root() / "pod-data",
                 std::size_t{40} << 20);
  }
  ~Node() {
    ::umount2(memory().c_str(), MNT_DETACH);  // or the directory would be removed with all that is in it
    remove_cgroups_of_other_controllers();
  }

  std::filesystem::path root() const { return files_.path(); }
  std::filesystem::path history() const { return root() / "var/lib/cgroup-memory-manager/history.db"; }
  /// For a container of the test's: beside the pod's, as on a node, so that it watches itself too.
  std::string cgroup_for(const std::string& id) const { return tree_.path_of("kubepods/burstable/podcgmm/" + id); }
  std::filesystem::path memory_cgroup_of(const std::string& id) const {
    return tree_.dir() / "kubepods/burstable/podcgmm" / id;
  }

 private:
  std::filesystem::path memory() const { return root() / "sys/fs/cgroup/memory"; }

  /// runc makes the container's cgroup in every hierarchy, and leaves what is above it.
  void remove_cgroups_of_other_controllers() const {
    std::error_code ignored;
    const auto hierarchies = tree_.dir().parent_path().parent_path();
    for (const auto& hierarchy : std::filesystem::directory_iterator(hierarchies, ignored)) {
      const auto top = hierarchy.path() / tree_.dir().filename();
      if (hierarchy.is_symlink() || top == tree_.dir() || !std::filesystem::exists(top)) continue;
      for (const char* below : {"kubepods/burstable/podcgmm", "kubepods/burstable", "kubepods", ""}) {
        ::rmdir((top / below).c_str());
      }
    }
  }

  TempDir files_{disk_dir()};
  RealCgroupTree tree_;
  std::optional<Workload> pod_;
};

class Container {
 public:
  static std::optional<std::string> missing() {
    if (!is_installed("runc")) return "runc is not installed";
    if (!std::filesystem::exists(kSeccompProfile)) return std::string(kSeccompProfile) + " is missing";
    return RealCgroupTree::missing();
  }

  /// Starts it.
  Container(const BuiltImage& image, const Json& objects, const Node& node, bool cgroup_namespace = false)
      : node_(node) {
    static int count = 0;
    const std::string number = std::to_string(::getpid()) + "0" + std::to_string(++count);
    id_ = std::string(64 - number.size(), 'c') +
          number;  // as container runtimes name theirs, so that it is seen to be one
    const Bundle bundle(image, objects, node.root(), node.cgroup_for(id_), files_.path() / "bundle", cgroup_namespace);
    process_.emplace(ChildProcess::fork_off([&] {
      redirect_to({log(), log()});
      return ::execlp("runc", "runc", "--root", state().c_str(), "run", "--bundle", (files_.path() / "bundle").c_str(),
                      id_.c_str(), nullptr);
    }));
  }
  ~Container() {
    run_shell(runc() + "delete --force " + id_);
    process_->kill();
  }
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  /// As a probe does, or kubectl exec.
  Ran exec(const Json& command) const {
    std::string words;
    for (const Json& word : command) words += " " + word.get<std::string>();
    return run_shell(runc() + "exec " + id_ + words);
  }
  /// As the kubelet or Prometheus does, within the network of the pod: head and body, or "" where nobody answers.
  std::string get(const std::string& path, int port) const {
    const Ran state = run_shell(runc() + "state " + id_);
    if (state.exit_code != 0) return "";  // it does not run yet
    const std::string pid = Json::parse(state.said).at("pid").dump();
    const std::string ask = "exec 3<>/dev/tcp/127.0.0.1/" + std::to_string(port) + " && printf \"GET " + path +
                            " HTTP/1.0\\r\\n\\r\\n\" >&3 && cat <&3";
    return run_shell("nsenter --target " + pid + " --net bash -c '" + ask + "' 2>/dev/null").said;
  }
  void terminate() const { must_run(runc() + "kill " + id_ + " TERM"); }
  std::optional<int> wait_for_exit() { return process_->wait_for_exit(); }

  std::string output() const { return content_of(log()); }
  std::filesystem::path root() const { return files_.path() / "bundle/rootfs"; }
  std::filesystem::path memory_cgroup() const { return node_.memory_cgroup_of(id_); }

 private:
  std::string log() const { return files_.path() / "log"; }
  std::string state() const { return files_.path() / "runc"; }
  std::string runc() const { return "runc --root " + state() + " "; }

  const Node& node_;
  std::string id_;
  TempDir files_{disk_dir()};
  std::optional<ChildProcess> process_;
};

}  // namespace cgmm::test
