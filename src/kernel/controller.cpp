// SPDX-License-Identifier: Apache-2.0
#include "kernel/controller.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace cgmm::kernel {
namespace {

constexpr std::size_t kMaxHeldFiles = 3800;  // at most 19 MB of kernel memory

/// Half of this process's descriptors are for directories, a quarter for files, the rest for everything else. In a tree
/// that is not the kernel's, files may be replaced, so none is held.
HeldFiles bound_held_files(bool real) {
  struct rlimit limit{};
  const bool known = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  const std::size_t descriptors = known ? static_cast<std::size_t>(limit.rlim_cur) : 1 << 20;
  return {.directories_left = descriptors / 2,
          .files_left = real ? std::min(descriptors / 4, kMaxHeldFiles) : 0,
          .slots = Cgroup::kOftenRead};
}

}  // namespace

Controller::Controller(const Hierarchy& hierarchy)
    : root_(::open(hierarchy.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
      root_path_(hierarchy.root),
      memory_bytes_(hierarchy.memory_bytes),
      held_(bound_held_files(hierarchy.real)),
      max_held_files_(held_.files_left),
      buffer_(std::make_unique_for_overwrite<char[]>(kMaxFileBytes + 1)) {
  if (!root_) throw std::system_error(errno, std::system_category(), hierarchy.root);
}

bool Controller::root_is_current() const {
  struct stat held{};
  struct stat now{};
  return ::fstat(root_.get(), &held) == 0 && ::stat(root_path_.c_str(), &now) == 0 && held.st_ino == now.st_ino &&
         held.st_dev == now.st_dev;
}

std::optional<Cgroup> Controller::open(SharedPath path, std::uint64_t inode) {
  return Cgroup::open(root_fd(), std::move(path), inode, held_);
}

void Controller::expect(std::size_t cgroup_count) {
  const std::size_t each = max_held_files_ / std::max<std::size_t>(cgroup_count, 1);
  held_.slots = std::clamp<std::size_t>(each, 1, Cgroup::kOftenRead);
}

void Controller::use_file(Cgroup& cgroup, std::size_t slot, const char* name, std::string& problem, const Use& use) {
  try {
    if (const auto text = cgroup.read(slot, name, buffer())) use(*text);
  } catch (const std::exception& error) {
    if (!problem.empty()) return;
    const bool names_path = dynamic_cast<const std::system_error*>(&error) != nullptr;
    problem = names_path ? error.what() : cgroup.path_of(name) + ": " + error.what();
  }
}

bool Controller::use_stat(Cgroup& cgroup, const Use& use) {
  const auto text = cgroup.read(kStatSlot, "memory.stat", buffer());
  if (!text) return false;
  try {
    use(*text);
  } catch (const MalformedFile& error) {
    throw MalformedFile(cgroup.path_of("memory.stat") + ": " + error.what());
  }
  return true;
}

std::optional<std::uint64_t> Controller::within_memory(std::optional<std::uint64_t> limit_bytes) const {
  if (memory_bytes_ == 0) return limit_bytes;
  return std::min(memory_bytes_, limit_bytes.value_or(memory_bytes_));
}

std::optional<std::uint64_t> Controller::read_number(Cgroup& cgroup, std::size_t slot, const char* name,
                                                     std::string& problem) {
  std::optional<std::uint64_t> number;
  use_file(cgroup, slot, name, problem, [&](std::string_view text) { number = parse_number_file(text); });
  return number;
}

std::optional<std::uint64_t> Controller::read_limit(Cgroup& cgroup, std::size_t slot, const char* name,
                                                    std::string& problem) {
  std::optional<std::uint64_t> limit;
  use_file(cgroup, slot, name, problem, [&](std::string_view text) { limit = parse_limit_file(text); });
  return limit;
}

std::unique_ptr<Controller> make_controller(const Hierarchy& hierarchy) {
  return hierarchy.version == Version::v1 ? make_v1_controller(hierarchy) : make_v2_controller(hierarchy);
}

}  // namespace cgmm::kernel
