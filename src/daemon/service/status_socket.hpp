// SPDX-License-Identifier: Apache-2.0
#pragma once

// A socket that tells what the service is doing: whoever connects gets the status, and the connection is closed. So
// `status` has an answer while the database can't be read or written. It only tells: what a client sends is never read,
// and a client that does not read is not waited for. The mode is 0660 and the group the database's: who may read the
// history may ask.
//
// It stands in the service's runtime directory (a file system in memory, which is never full) where there is one, else
// beside the database.

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"

namespace cgmm::daemon {

/// The service's own, as systemd and the container image say: $RUNTIME_DIRECTORY; empty: there is none.
std::filesystem::path runtime_directory();

/// Where the socket of a database may stand, the best place first. Symbolic links of the database are followed.
std::vector<std::filesystem::path> status_socket_places(const std::filesystem::path& database,
                                                        const std::filesystem::path& runtime_directory);

/// The service's end; owned by one thread. Whoever holds the database's lock may have it.
class StatusSocket {
 public:
  explicit StatusSocket(const std::filesystem::path& database,
                        const std::filesystem::path& runtime_directory = daemon::runtime_directory())
      : database_(database), places_(status_socket_places(database, runtime_directory)) {}
  StatusSocket(const StatusSocket&) = delete;
  StatusSocket& operator=(const StatusSocket&) = delete;

  /// Makes it, in place of one that a crash has left or that was taken away; nothing where it is still there. Touches
  /// the disk. Throws std::system_error with the path when it can be made in no place: the file system refuses, or a
  /// file that is no dead socket is in the way.
  void make();

  /// To be polled for reading; -1: there is none.
  int fd() const { return listening_.get(); }

  /// Answers one that waits. False: nobody did, or it can't be done now.
  bool answer_one(std::string_view answer) const;

  /// Nobody is answered any more; those who ask are refused at once.
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
  dev_t device_ = 0;  // of the socket's file
  ino_t inode_ = 0;
};

/// Whether the service of this database listens, whether it answers or not.
bool is_service_there(const std::filesystem::path& database);

/// What the service of this database answers; nullopt when none does within the time.
std::optional<std::string> ask_service(const std::filesystem::path& database, std::chrono::milliseconds time);

}  // namespace cgmm::daemon
