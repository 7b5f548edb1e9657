// SPDX-License-Identifier: Apache-2.0
#include "kernel/controller.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace cgmm::kernel {
namespace {

constexpr std::size_t kMaxHeldFiles = 8000;  // at most 36 MB of kernel memory
constexpr std::uint64_t kHeldFileBytes = 5 * 1024;
constexpr std::uint64_t kShareOfOwnLimit = 4;  // the part of this process's own memory limit for them

/// Descriptors that are never taken for cgroups: some 30 for the history, the kernel log, sockets and events, and one
/// for each level of the deepest walk. The kernel gives the lowest number that is free, so numbers tell how many are
/// left.
constexpr std::size_t kSetAside = 100;

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The smallest memory limit of this process's cgroup and of those above it, where they can be seen; kUnlimited: none.
std::uint64_t own_limit_bytes() {
  std::uint64_t smallest_bytes = kUnlimited;
  const auto take = [&](const std::string& directory) {
    for (const char* const name : {"/memory.limit_in_bytes", "/memory.max"}) {
      const std::string text = read_file(directory + name);
      if (!text.empty()) smallest_bytes = std::min(smallest_bytes, parse_limit_file(text).value_or(kUnlimited));
    }
  };
  std::istringstream lines(read_file("/proc/self/cgroup"));
  const std::vector<std::string> roots = memory_hierarchy_roots(read_file("/proc/self/mountinfo"));
  for (std::string line; std::getline(lines, line);) {  // "9:memory:/path", on v2 "0::/path"
    std::string_view path = line;
    take_word(path, ':');
    const std::string controllers = "," + std::string(take_word(path, ':')) + ",";
    if (controllers != ",," && controllers.find(",memory,") == std::string::npos) continue;
    for (const std::string& root : roots) {
      for (std::size_t end = 0; end != std::string_view::npos; end = path.find('/', end + 1))
        take(root + std::string(path.substr(0, end)));
      take(root + std::string(path));
    }
  }
  return smallest_bytes;
}

/// Half of this process's descriptors are for directories, a quarter for files, the rest for everything else. In a tree
/// that is not the kernel's, files may be replaced, so none is held.
HeldFiles bound_held_files(bool real) {
  struct rlimit limit{};
  const bool known = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  const std::size_t descriptors = known ? static_cast<std::size_t>(limit.rlim_cur) : 1 << 20;
  return {
      .directories_left = descriptors / 2,
      .files_left = real ? std::min({descriptors * 2 / 5, kMaxHeldFiles,
                                     static_cast<std::size_t>(own_limit_bytes() / kShareOfOwnLimit / kHeldFileBytes)})
                         : 0,
      .slots = Cgroup::kOftenRead,
      .below = static_cast<int>(std::max(descriptors, kSetAside) - kSetAside)};
}

}  // namespace

Controller::Controller(const Hierarchy& hierarchy)
    : root_(::open(hierarchy.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
      hierarchy_(hierarchy),
      held_(bound_held_files(hierarchy.real)),
      max_held_files_(held_.files_left),
      buffer_(std::make_unique_for_overwrite<char[]>(kMaxFileBytes + 1)) {
  if (!root_) throw std::system_error(errno, std::system_category(), hierarchy.root);
}

bool Controller::root_is_current() const {
  struct stat held{};
  struct stat now{};
  return ::fstat(root_.get(), &held) == 0 && ::stat(hierarchy_.root.c_str(), &now) == 0 && held.st_ino == now.st_ino &&
         held.st_dev == now.st_dev;
}

std::optional<Cgroup> Controller::open(core::SharedPath path, std::uint64_t inode) {
  return Cgroup::open(root_fd(), std::move(path), inode, held_);
}

void Controller::expect(std::size_t cgroup_count) {
  // Rounded up: not every cgroup needs all of them. The last ones are not held when there are no more left.
  const std::size_t count = std::max<std::size_t>(cgroup_count, 1);
  held_.slots = std::clamp<std::size_t>((max_held_files_ + count - 1) / count, 1, Cgroup::kOftenRead);
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
  const std::uint64_t memory_bytes = hierarchy_.memory_bytes;
  if (memory_bytes == 0) return limit_bytes;
  return std::min(memory_bytes, limit_bytes.value_or(memory_bytes));
}

Number Controller::read_number(Cgroup& cgroup, std::size_t slot, const char* name, Reading& reading) {
  Number number;
  use_file(cgroup, slot, name, reading.problem, [&](std::string_view text) {
    number = parse_number_file(text);
    if (number.is_no_number) {
      text = take_word(text, '\n');
      reading.no_numbers.push_back({.file = name, .key = "", .text = quoted(text)});
    }
  });
  return number;
}

void Controller::note_no_numbers(const KeyedNumbers& numbers, const char* file, Reading& reading) {
  for (const NoNumber& one : numbers.no_numbers()) {
    reading.no_numbers.push_back({.file = file, .key = one.key, .text = one.text});
  }
}

std::optional<std::uint64_t> Controller::read_limit(Cgroup& cgroup, std::size_t slot, const char* name,
                                                    std::string& problem) {
  std::optional<std::uint64_t> limit;
  use_file(cgroup, slot, name, problem, [&](std::string_view text) { limit = parse_limit_file(text); });
  return limit;
}

std::optional<std::string_view> Controller::read_at(const std::string& path, const char* name) {
  const base::Fd directory = open_directory(root_fd(), path, O_PATH);
  const base::Fd file(directory ? ::openat(directory.get(), name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC) : -1);
  const ssize_t got = file ? ::pread(file.get(), buffer().data(), buffer().size(), 0) : -1;
  if (got <= 0) return std::nullopt;
  return std::string_view(buffer().data(), static_cast<std::size_t>(got));
}

std::unique_ptr<Controller> make_controller(const Hierarchy& hierarchy) {
  return hierarchy.version == Version::v1 ? make_v1_controller(hierarchy) : make_v2_controller(hierarchy);
}

}  // namespace cgmm::kernel
