// SPDX-License-Identifier: Apache-2.0
#pragma once

// A socket for `status`: whoever connects gets what the service is doing, also while the database can't be read.
// Clients are neither read nor waited for. The mode is 0660 and the group the database's: who may read the history may
// ask. It is in the runtime directory (in memory, never full) where there is one, else beside the database.

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"

namespace cgmm::daemon {

/// $RUNTIME_DIRECTORY, which systemd and the container image set; empty: there is none.
std::filesystem::path runtime_directory();

/// Where the socket of a database may stand, the best place first. Symbolic links of the database are followed.
std::vector<std::filesystem::path> status_socket_places(const std::filesystem::path& database,
                                                        const std::filesystem::path& runtime_directory);

/// The service's end. For the holder of the database's lock. One thread.
class StatusSocket {
 public:
  explicit StatusSocket(const std::filesystem::path& database,
                        const std::filesystem::path& runtime_directory = daemon::runtime_directory())
      : database_(database), places_(status_socket_places(database, runtime_directory)) {}
  StatusSocket(const StatusSocket&) = delete;
  StatusSocket& operator=(const StatusSocket&) = delete;

  /// Makes it, unless it is still there; replaces one that a crash has left. Touches the disk. Throws std::system_error
  /// with the path when it can be made in no place.
  void make();

  /// To be polled for reading; -1: there is none.
  int fd() const { return listening_.get(); }

  /// Answers one client. False: none waits, or it can't be accepted now.
  bool answer_one(std::string_view answer) const;

  /// Clients are refused from now on.
  void close() { listening_.reset(); }
  /// Removes what make() made. Touches the disk.
  void remove();

 private:
  bool is_ours() const;
  void make_at(const std::filesystem::path& path);

  std::filesystem::path database_;
  std::vector<std::filesystem::path> places_;
  std::filesystem::path path_;  // where it stands
  base::Fd listening_;
  std::optional<base::FileId> made_;  // the socket's file
};

/// Whether the service of this database listens, whether it answers or not.
bool is_service_there(const std::filesystem::path& database);

/// What the service of this database answers; nullopt when none does within the time.
std::optional<std::string> ask_service(const std::filesystem::path& database, std::chrono::milliseconds time);

}  // namespace cgmm::daemon
