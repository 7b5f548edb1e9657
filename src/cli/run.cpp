// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/log_level.hpp"
#include "daemon/resources.hpp"
#include "daemon/service/log.hpp"
#include "daemon/service/service.hpp"
#include "daemon/service/signals.hpp"
#include "store/file/history_file.hpp"

namespace cgmm::cli {
namespace {

constexpr rlim_t kDescriptorsMadeRoomFor = 16'384;  // 128 KB of kernel memory

/// Those of the history, the kernel log, sockets and events, and of what is open for a moment: some 25 at once.
constexpr std::size_t kDescriptorsNeeded = 30;

/// With fewer it would run, and find nothing that it can open. Throws std::runtime_error.
void expect_descriptors() {
  std::vector<base::Fd> taken;
  while (taken.size() < kDescriptorsNeeded) {
    base::Fd one(::open("/", O_PATH | O_CLOEXEC));
    if (!one)
      throw std::runtime_error("only " + base::counted(taken.size(), "file descriptor is", "file descriptors are") +
                               " left, the service itself needs " + std::to_string(kDescriptorsNeeded) + ": " +
                               std::generic_category().message(errno) +
                               "; the limit is RLIMIT_NOFILE (LimitNOFILE= of the unit)");
    taken.push_back(std::move(one));
  }
}

/// Each cgroup needs up to six descriptors, so we take as many as allowed. The kernel's table of them grows now, while
/// there is one thread: with several, that takes longer than reading a thousand cgroups.
void raise_descriptor_limit() {
  struct rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const int last = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, kDescriptorsMadeRoomFor)) - 1;
  const int any = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int far = ::fcntl(any, F_DUPFD_CLOEXEC, last);
  ::close(far);
  ::close(any);
}

daemon::Settings settings_of(const config::Config& config) {
  return {.parent = config.parent,
          .max_cgroups = config.max_cgroups,
          .interval_us = config.interval_us,
          .policy = config.policy,
          .near_limit = config.near_limit,
          .dry_run = config.dry_run,
          .retention = config.retention};
}

}  // namespace

int run(const Options& options) {
  const config::Config config = config::load(options.config, options.overrides);
  daemon::await_signals();
  daemon::keep_little_memory();
  raise_descriptor_limit();
  expect_descriptors();
  daemon::Log log(/*with_time=*/std::getenv("JOURNAL_STREAM") == nullptr);  // the journal has the time itself
  set_log_level(config);
  if (!config.old_keys.empty()) spdlog::warn("{}", base::escape_for_terminal(config.old_keys));
  if (const std::string refusal = config.lock_memory ? daemon::lock_memory() : ""; !refusal.empty()) {
    spdlog::warn("lock_memory: the memory is not locked: {}", refusal);
  }
  daemon::ServiceOptions service{.settings = settings_of(config),
                                 .sources = {.kernel_log = config.kernel_log, .container_logs = config.container_logs},
                                 .database = config.database,
                                 .cycles = options.cycles,
                                 .version = options.version};
  service.reload = [&] {
    const config::Config fresh = config::load(options.config, options.overrides);
    if (fresh.database != config.database) {
      spdlog::warn("database = \"{}\" takes effect at the next start",
                   base::escape_for_terminal(fresh.database.string()));
    }
    if (fresh.kernel_log != config.kernel_log || fresh.container_logs != config.container_logs) {
      spdlog::warn("kernel_log and container_logs take effect at the next start");
    }
    if (fresh.lock_memory != config.lock_memory) spdlog::warn("lock_memory takes effect at the next start");
    set_log_level(fresh);
    return settings_of(fresh);
  };
  daemon::hierarchy_for(config.parent);  // reports a wrong parent before a database is made
  store::HistoryFile history(config.database);
  history.set_retention(config.retention);
  daemon::give_back_program();
  return daemon::run_service(history, service, log);
}

}  // namespace cgmm::cli
