// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the service asks of the machine for itself: little, and nothing that others would have to wait for.

#include <string>

namespace cgmm::daemon {

/// The calling thread's turn comes after others', at the processor and at the disk.
void lower_priority_of_this_thread();

/// Of the calling thread, 15 characters at most.
void name_this_thread(const char* name);

/// Keeps in memory what the process has touched and will touch. "" when that is done, else why not, and what to do.
std::string lock_memory();

/// One malloc heap for all threads, and big pieces go back to the kernel when they are freed: a scan of thousands of
/// cgroups needs some MB for a moment.
void keep_little_memory();

/// Gives freed memory back to the kernel.
void give_back_heap();

/// Of the program and its libraries, only the code and the constants that are used from now on stay mapped: many of
/// them are for the start only. The kernel reads nothing again for that, the files are in its page cache. Locked memory
/// stays.
void give_back_program();

}  // namespace cgmm::daemon
