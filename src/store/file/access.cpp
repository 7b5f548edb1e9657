// SPDX-License-Identifier: Apache-2.0
#include "store/file/access.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

namespace cgmm::store {
namespace {

/// From /etc/group, "adm:x:4:...": getgrnam() may ask a server that is not available yet while a node boots.
std::optional<gid_t> group_of_readers() {
  constexpr std::string_view kName = "adm:";
  std::ifstream groups("/etc/group");
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with(kName)) continue;
    const std::size_t number = line.find(':', kName.size());
    if (number == std::string::npos) continue;
    gid_t group = 0;
    const char* const end = line.data() + line.size();
    const auto [stop, error] = std::from_chars(line.data() + number + 1, end, group);
    if (error == std::errc{} && stop != end && *stop == ':') return group;
  }
  return std::nullopt;
}

}  // namespace

void set_access(int fd, mode_t mode) {
  ::fchmod(fd, mode);
  if (::geteuid() != 0) return;
  if (const auto group = group_of_readers()) {
    [[maybe_unused]] const int ignored = ::fchown(fd, static_cast<uid_t>(-1), *group);
  }
}

}  // namespace cgmm::store
