// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the service asks of the machine for itself: little, and nothing that others would have to wait for.

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace cgmm::daemon {

/// The calling thread's turn comes after others', at the processor and at the disk.
void lower_priority_of_this_thread();

/// The calling thread's name, of 15 characters at most, in `top -H` and /proc/PID/task.
void name_this_thread(const char* name);

/// Keeps in memory what the process has touched and will touch. "" when that is done, else why not, and what to do.
std::string lock_memory();

/// How malloc is to hold house: one heap for all threads, none of which asks it for much; and big pieces go back to the
/// kernel as soon as they are freed, for a scan of thousands of cgroups needs some MB for a moment.
void keep_little_memory();

/// The private mappings of files in which no page was ever written to, by the text of /proc/PID/smaps: what is dropped
/// of them is read from the file again.
struct Mapping {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;

  friend bool operator==(const Mapping&, const Mapping&) = default;
};
std::vector<Mapping> unwritten_mappings(std::istream& smaps);

/// What was freed and lies between what is in use.
void give_back_heap();

/// What only the start has needed: memory that was freed since, and pages of the program and its libraries, which the
/// kernel maps in again where they are used. A few MB, for the rest of the year.
void give_back_memory();

}  // namespace cgmm::daemon
