// SPDX-License-Identifier: Apache-2.0
#include "policy/ground.hpp"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace cgmm::bench::policy {
namespace {

namespace fs = std::filesystem;

void write_to(const fs::path& file, const std::string& text) {
  std::ofstream stream(file);
  if (!(stream << text << std::flush)) throw std::system_error(errno, std::system_category(), file);
}

fs::path writable_root() {
  std::ifstream stream("/proc/self/mountinfo");
  const std::string mounts(std::istreambuf_iterator<char>(stream), {});
  for (const std::string& root : kernel::memory_hierarchy_roots(mounts)) {
    if (::access((root + "/cgroup.procs").c_str(), W_OK) == 0) return root;
  }
  throw std::runtime_error("this benchmark makes cgroups: it needs root and a writable memory hierarchy, v1 or v2");
}

void kill_all_in(const fs::path& cgroup) {
  std::ifstream processes(cgroup / "cgroup.procs");
  for (pid_t pid = 0; processes >> pid;) ::kill(pid, SIGKILL);
}

}  // namespace

Ground::Ground()
    : root_(writable_root()),
      top_(root_ / ("cgmm-test-" + std::to_string(::getpid()))),
      version_(kernel::open_hierarchy(root_).version) {
  hand_down(root_);
  fs::create_directory(top_);
  hand_down(top_);
}

Ground::~Ground() { remove(top_); }

/// v2: those below have a memory controller only where their parent says so.
void Ground::hand_down(const fs::path& cgroup) const {
  if (version_ == kernel::Version::v2) write_to(cgroup / "cgroup.subtree_control", "+memory");
}

fs::path Ground::make_parent(const std::string& policy) {
  const fs::path parent = top_ / policy;
  fs::create_directory(parent);
  hand_down(parent);
  return parent;
}

fs::path Ground::make(const fs::path& parent, const std::string& workload, std::uint64_t limit_bytes) const {
  const fs::path cgroup = parent / workload;
  fs::create_directory(cgroup);
  write_to(cgroup / (version_ == kernel::Version::v1 ? "memory.limit_in_bytes" : "memory.max"),
           std::to_string(limit_bytes));
  return cgroup;
}

void Ground::remove(const fs::path& cgroup) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(cgroup, error)) {
    if (entry.is_directory() && !entry.is_symlink()) remove(entry.path());
  }
  for (int tries = 0; ::rmdir(cgroup.c_str()) != 0 && errno == EBUSY && tries < 1000; ++tries) {
    kill_all_in(cgroup);
    ::usleep(10'000);
  }
}

std::uint64_t usage_of(const fs::path& cgroup, kernel::Version version) {
  std::uint64_t bytes = 0;
  std::ifstream(cgroup / (version == kernel::Version::v1 ? "memory.usage_in_bytes" : "memory.current")) >> bytes;
  return bytes;
}

Memory memory_of(const fs::path& cgroup, kernel::Version version) {
  const bool is_v1 = version == kernel::Version::v1;
  Memory memory{.usage_bytes = usage_of(cgroup, version)};
  std::ifstream stat(cgroup / "memory.stat");
  std::string key;
  for (std::int64_t value = 0; stat >> key >> value;) {
    if (key == (is_v1 ? "cache" : "file")) memory.cache_bytes = static_cast<std::uint64_t>(value);
    if (key == (is_v1 ? "total_workingset_refault_file" : "workingset_refault_file")) memory.refaulted_pages = value;
  }
  return memory;
}

}  // namespace cgmm::bench::policy
